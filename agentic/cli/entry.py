"""`agentic`: finds a command's file by its name, runs it, and turns errors into exit codes.

Exit codes: 0 nothing is left to do, 1 something is left for a person, 2 usage, configuration or
crash.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys

import click

from agentic import __version__

# command -> (module, one line for --help). Declared here so that --help imports no command.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Write agents.yml and guardrails.yml that fit this project."),
    "compile": ("compile", "Check both files against the lineage and compile them."),
    "ls": ("ls", "List agents, tools, triggers, outputs and guardrails."),
    "run": ("run", "Handle open incidents: diagnose, propose, prove, open the change."),
    "diagnose": ("diagnose", "Find the root cause; change nothing."),
    "check": ("check", "Judge SQL or a project change."),
    "lineage": ("lineage", "Show node and column lineage, and impact."),
    "show": ("show", "Show a run's case file."),
    "history": ("history", "List past runs."),
    "incidents": ("incidents", "List open and closed incidents."),
    "approve": ("approve", "Show what waits for a person, and say yes."),
    "reject": ("reject", "Say no to what waits for a person."),
    "grants": ("grants", "Print GRANT statements for a role that can do no more than the files."),
    "pin": ("pin", "Show what an MCP server says of its tools, and approve it."),
    "mcp": ("mcp", "Serve the tools to an MCP client, behind the same guardrails."),
    "eval": ("eval", "Break a copy of this project and grade the agent."),
    "debug": ("debug", "Say what is ready and what is not."),
    "explain": ("explain", "Explain any code, offline."),
    "adr": ("adr", "Recommend a pattern for a task: an agent, a team or a plan."),
    "schema": ("schema", "Print JSON Schemas for editors."),
    "clean": ("clean", "Remove leftovers of runs that were cut off."),
}


# What a disk or its permissions refuse is no bug of ours.
_THE_MACHINES = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EEXIST,
    errno.ENOTDIR, errno.EISDIR,
)  # fmt: skip


class LateGroup(click.Group):
    """A group that imports a command's file only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"agentic.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from agentic.config.nearest import nearest

            near = nearest(args[0], COMMANDS)
            hint = f" Did you mean {near!r}?" if near else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LateGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "--version", message="agentic %(version)s")
def cli() -> None:
    """A dbt project that repairs itself, safely."""


def main() -> None:
    """The console script."""
    # The boundary of the program: whatever happens inside ends as a message and an exit code.
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = 2
    except click.exceptions.Abort:
        click.echo("Aborted.", err=True)
        code = 130
    except Exception as error:  # noqa: BLE001 - the one place that turns errors into exit codes
        code = report(error)
    sys.exit(code if isinstance(code, int) else 0)


def report(error: Exception) -> int:
    """Print an expected error as it is, an unexpected one with where its details are. Returns 2."""
    from agentic.exceptions import AgenticError, ConfigError

    if isinstance(error, ConfigError):
        click.echo(str(error), err=True)
    elif isinstance(error, AgenticError):
        click.echo(f"Error {error.code}: {error}", err=True)
    elif isinstance(error, OSError) and error.errno in _THE_MACHINES:
        click.echo(f"Error AC570: {error.filename}: {error.strerror}", err=True)
        click.echo("  agentic writes in the project's .agentic/, target/ and logs/.", err=True)
    else:
        _report_bug(error)
    return 2


def _report_bug(error: Exception) -> None:
    import traceback
    from contextlib import suppress
    from pathlib import Path

    log = Path("logs") / "agentic.log"
    details = traceback.format_exc()
    if os.environ.get("AGENTIC_TRACE"):
        click.echo(details, err=True)
    elif log.parent.is_dir():
        with suppress(OSError), log.open("a", encoding="utf-8") as sink:
            sink.write(details)
    click.echo(
        f"Error: agentic itself failed ({type(error).__name__}: {error}). This is a bug; "
        "AGENTIC_TRACE=1 prints the details.",
        err=True,
    )
