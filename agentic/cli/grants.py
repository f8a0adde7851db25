"""`agentic grants`: the files as the warehouse's own statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text

if TYPE_CHECKING:
    from agentic.project import Manifest, Project, Target

_DIALECTS = ("postgres", "snowflake", "bigquery", "redshift", "databricks")


@click.command("grants", short_help="Print GRANT statements for a least-privilege role.")
@click.option("--dialect", type=click.Choice(_DIALECTS), help="Default: the build target's.")
@click.option("--role", help="Whom to grant to; default: agentic.")
@click.option(
    "--exclude-masked",
    is_flag=True,
    help="Leave masked columns out too; builds that copy them then fail.",
)
@project_options()
def command(flags: Flags, dialect: str | None, role: str | None, exclude_masked: bool) -> int:
    """Compile guardrails.yml into GRANT statements for a role that can do no more than it says.

    Nothing is run: an administrator reads the statements and runs them.
    """
    from agentic.cli.asking import project_of
    from agentic.cli.compilation import compile_here
    from agentic.compiler import current_manifest
    from agentic.exceptions import ConfigError, WarehouseError
    from agentic.project import read_target
    from agentic.warehouse import COLUMN_GRANTS, Role, reading_of, statements_of

    found = compile_here(flags)
    if found.failure is not None:
        raise found.failure
    if found.errors or found.checked is None:
        raise ConfigError(found.errors)
    project, rails = project_of(flags), found.checked.compiled.guardrails
    baseline = read_target(project)
    target = read_target(project, rails.build_target)
    spoken = dialect or target.relation_dialect
    if spoken not in _DIALECTS:
        raise WarehouseError(
            f"{target.adapter} has no roles to grant to",
            hint=f"Name the warehouse that it stands for: --dialect {'|'.join(_DIALECTS)}.",
        )
    manifest = current_manifest(project, baseline)
    reading = reading_of(
        manifest,
        rails,
        dialect=spoken,
        columns=_columns(project, manifest, baseline),
        column_grants=spoken in COLUMN_GRANTS,
        hide_masked=exclude_masked,
    )
    grantee = Role(
        name=role or _role(spoken, target),
        database=target.database,
        build_schemas=rails.build_schemas,
        # Builds run as the same role, and those may take as long as a run.
        timeout_s=max(rails.limits.duration_s, rails.sql_timeout_s),
        warehouse=str(target.settings.get("warehouse") or ""),
    )
    made = statements_of(reading, grantee, spoken)
    if flags.as_json:
        shown = {"dialect": spoken, "role": grantee.name, "statements": list(made.statements)}
        emit_json({**shown, "notes": list(made.notes)})
        return 0
    for note in made.notes:
        emit_text(f"-- {note}")
    for statement in made.statements:
        emit_text(f"{statement};")
    return 0


def _role(dialect: str, target: Target) -> str:
    if dialect == "bigquery":
        project = target.database or "<project>"
        return f"serviceAccount:agentic@{project}.iam.gserviceaccount.com"
    return "AGENTIC" if dialect == "snowflake" else "agentic"


def _columns(project: Project, manifest: Manifest, target: Target) -> dict[str, tuple[str, ...]]:
    """Real columns by `unique_id`: the warehouse's where it can be asked, else catalog.json's."""
    from agentic.exceptions import AgenticError
    from agentic.project import load_catalog
    from agentic.warehouse import Relation, open_connection

    found: dict[str, tuple[str, ...]] = {}
    path = project.target_path / "catalog.json"
    if path.is_file():
        tables = load_catalog(path).all
        found = {uid: tuple(table.columns) for uid, table in tables.items()}
    if target.adapter not in ("postgres", "duckdb"):
        return found
    try:
        with open_connection(target, project_root=project.root) as connection:
            for uid, node in manifest.all.items():
                if node.schema and uid.startswith(("source.", "seed.", "model.", "snapshot.")):
                    columns = connection.columns(Relation.of_node(node))
                    found[uid] = tuple(one.name for one in columns or ()) or found.get(uid, ())
    except AgenticError:
        # Statements for a warehouse that is out of reach are still worth reading.
        return found
    return found
