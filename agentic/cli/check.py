"""`agentic check`: verdicts for SQL and for project changes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text

if TYPE_CHECKING:
    from agentic.policy import SqlVerdict


class CheckGroup(click.Group):
    """`sql` is here; `changes` has a file of its own, imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return ["sql", "changes"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name != "changes":
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module("agentic.cli.check_changes")
        found: click.Command = module.command
        return found


@click.group("check", cls=CheckGroup, short_help="Judge SQL or a project change.")
def command() -> None:
    """Judge SQL or a project change: allow, ask or deny, with a code and a reason."""


_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@command.command("sql", short_help="Judge SQL statements.")
@click.argument("statement", required=False)
@click.option("--input", "lines", type=_FILE, help="JSON lines of {id, dialect, sql, role}.")
@click.option("--dialect", help="Dialect of the statement; default: the project's.")
@click.option("--role", type=click.Choice(["reader", "writer"]), default="reader")
@click.option("--guardrails", type=_FILE, help="A guardrails.yml; default: the project's.")
@click.option("--schema", type=_FILE, help='{"schema.table": [columns]} or a catalog.json.')
@click.option("--default-schema", help="Schema of names without one.")
@click.option("--default-database", help="The only database that names may point to.")
@project_options()
def check_sql(  # noqa: PLR0917 - click gives options by name
    flags: Flags,
    statement: str | None,
    lines: Path | None,
    dialect: str | None,
    role: str,
    guardrails: Path | None,
    schema: Path | None,
    default_schema: str | None,
    default_database: str | None,
) -> int:
    """Judge STATEMENT: SQL, a file that holds one statement, or `-` for standard input.

    Exits 0 when everything is allowed, 1 when something is asked or denied.
    """
    from agentic.cli.check_world import find_world

    if (statement is None) == (lines is None):
        raise click.UsageError("Give one statement (or a file), or --input.")
    world, own_dialect = find_world(
        flags,
        guardrails=guardrails,
        schema=schema,
        default_schema=default_schema,
        default_database=default_database,
    )
    dialect = dialect or own_dialect
    if lines is not None:
        cases = read_lines(lines, dialect, role)
    else:
        cases = [
            {"id": None, "sql": read_statement(str(statement)), "dialect": dialect, "role": role}
        ]
    worst = 0
    for case in cases:
        verdict = judged(case, world)
        worst = max(worst, int(verdict.verdict != "allow"))
        if flags.as_json or lines is not None:
            emit_json(as_line(case["id"], verdict))
        else:
            emit_text(f"{verdict.verdict} {verdict.code}: {verdict.reason}")
    return worst


def judged(case: dict[str, Any], world: Any) -> SqlVerdict:
    """One case's verdict."""
    from agentic.policy import judge_sql

    return judge_sql(case["sql"], dialect=case["dialect"], role=case["role"], world=world)


def as_line(identity: object, verdict: SqlVerdict) -> dict[str, Any]:
    """The public shape of a verdict (design.md section 6)."""
    return {
        "id": identity,
        "verdict": verdict.verdict,
        "code": verdict.code,
        "reason": verdict.reason,
        "reads": list(verdict.reads),
        "writes": list(verdict.writes),
    }


def read_statement(argument: str) -> str:
    """The SQL that an argument means: itself, a file's text, or standard input."""
    from agentic.exceptions import AgenticError

    if argument == "-":
        import sys

        return sys.stdin.read()
    path = Path(argument) if len(argument) < 1024 and "\n" not in argument else None
    try:
        if (
            path is not None
            and path.suffix.lower() == ".sql"
            and not any(map(str.isspace, argument))
        ):
            # No statement is one word that ends in `.sql`: a file is meant.
            return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AgenticError(
            f"cannot read {path}: {error}", hint="Give a UTF-8 file or the SQL itself."
        ) from error
    return argument


def read_lines(path: Path, dialect: str, role: str) -> list[dict[str, Any]]:
    """The cases of a JSON lines file. Raises AgenticError with the line that is wrong."""
    import json

    from agentic.exceptions import AgenticError

    cases = []
    text = path.read_bytes().decode("utf-8", errors="replace")
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            raw = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise AgenticError(
                f"not JSON: {error}", hint="One object a line.", where=where
            ) from error
        if not isinstance(raw, dict) or not isinstance(raw.get("sql"), str):
            hint = "Each line is {id, dialect, sql, role}."
            raise AgenticError("needs a text under `sql`", hint=hint, where=where)
        cases.append(
            {
                "id": raw.get("id", number),
                "sql": raw["sql"],
                "dialect": str(raw.get("dialect") or dialect),
                "role": str(raw.get("role") or role),
            }
        )
    return cases
