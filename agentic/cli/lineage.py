"""`agentic lineage [SELECT]`: the graph, the columns, and what a change would break."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import note

if TYPE_CHECKING:
    from agentic.cli.selection import Asked
    from agentic.lineage import Graph, Indirect
    from agentic.project import Manifest, Project

_TESTS = ("test.", "unit_test.", "operation.")
_BUILT = ("model.", "seed.", "snapshot.", "source.")
_WHOLE = "."
"""What `--impact` is given where it names no column."""


@click.command("lineage", short_help="Show node and column lineage, and impact.")
@click.argument("nodes", metavar="[SELECT]...", nargs=-1)
@click.option("-s", "--select", multiple=True, help="Node selection, as the argument.")
@click.option("--exclude", multiple=True, help="Node selection to leave out.")
@click.option("--selector", metavar="NAME", help="A selector of selectors.yml.")
@click.option(
    "--indirect-selection",
    "indirect",
    type=click.Choice(["eager", "cautious", "buildable", "empty"]),
    default="eager",
    envvar="DBT_INDIRECT_SELECTION",
    help="Which tests come along with the nodes that they test.",
)
@click.option(
    "--state",
    envvar="DBT_STATE",
    type=click.Path(file_okay=False),
    help="Artifacts to compare with, for state:, result: and source_status: (asks dbt).",
)
@click.option("--columns", is_flag=True, help="Columns and what each is made of.")
@click.option(
    "--impact",
    "impact_of",
    is_flag=False,
    flag_value=_WHOLE,
    metavar="[NODE.COLUMN]",
    help="What a change of this column would break; without one: what the changed code does.",
)
@click.option("--since", metavar="REV", help="With --impact: changes since REV, default HEAD.")
@project_options("mermaid", "html")
def command(
    flags: Flags,
    *,
    nodes: tuple[str, ...],
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    selector: str | None,
    indirect: Indirect,
    state: str | None,
    columns: bool,
    impact_of: str | None,
    since: str | None,
) -> None:
    """Show the lineage of the nodes that SELECT names (dbt's node selection; default: all).

    A single node is drawn with its direct parents and children; `+NODE+` has all of them.
    """
    from agentic.cli.selection import Asked

    asked = Asked(" ".join((*nodes, *select)), " ".join(exclude), selector, indirect, state)
    _refuse_mixtures(asked, columns, impact_of, since)
    if impact_of is not None:
        from agentic.cli.lineage_impact import show_change, show_impact

        if impact_of == _WHOLE:
            show_change(flags, since or "HEAD")
        else:
            show_impact(flags, impact_of)
        return
    _show(flags, asked, columns)


def _refuse_mixtures(asked: Asked, columns: bool, impact_of: str | None, since: str | None) -> None:
    if impact_of is not None and columns:
        raise click.UsageError("--columns and --impact exclude each other.")
    if since and impact_of != _WHOLE:
        raise click.UsageError("--since goes with --impact alone: `--impact --since main`.")
    if asked.selector and (asked.select or asked.exclude):
        raise click.UsageError("--selector excludes SELECT and --exclude.")


def _show(flags: Flags, asked: Asked, columns: bool) -> None:
    from agentic.cli.lineage_shown import show_columns, show_graph
    from agentic.lineage import Graph
    from agentic.project import find_project

    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    manifest = read_manifest(project)
    graph = Graph(manifest)
    uids = graph.order(_selected(asked, project, manifest, graph, flags))
    if not uids:
        note("No nodes selected!")
    if asked.is_everything:
        uids = [uid for uid in uids if not uid.startswith(_TESTS)]
    if columns:
        show_columns(flags, project, manifest, graph, uids)
    else:
        near = _near(asked, uids, graph)
        show_graph(flags, project, manifest, graph, uids, near)


def read_manifest(project: Project) -> Manifest:
    """dbt's manifest; a note when files are newer than it. Raises ArtifactError."""
    from agentic.project import changed_since, load_manifest

    manifest = load_manifest(project.manifest_path)
    changed = changed_since(project, project.manifest_path)
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        note(
            f"warning: {changed[0]}{more} changed since dbt's manifest: run `dbt parse` for today's"
        )
    return manifest


def _near(asked: Asked, uids: Sequence[str], graph: Graph) -> str:
    """The node that was asked about alone, and so is drawn with its neighbours; else empty."""
    # A semantic model and a metric often have the name of the node that they are about.
    built = [uid for uid in uids if uid.startswith(_BUILT)]
    alone = built or [uid for uid in uids if not uid.startswith(_TESTS)] or list(uids)
    plain = not asked.selector and not any(sign in asked.select for sign in "+@")
    return alone[0] if len(alone) == 1 and plain and len(graph) > 1 else ""


def _selected(
    asked: Asked, project: Project, manifest: Manifest, graph: Graph, flags: Flags
) -> frozenset[str]:
    from agentic.exceptions import SelectorError
    from agentic.lineage import UNSUPPORTED, default_selector, resolve, resolve_selector

    name = asked.selector
    if asked.is_everything and (name := default_selector(manifest.selectors)):
        note(f"Using default selector {name}")
    indirect = asked.indirect
    try:
        if name:
            found = resolve_selector(name, manifest, graph, indirect=indirect)
        else:
            found = resolve(asked.select, manifest, graph, exclude=asked.exclude, indirect=indirect)
    except SelectorError as error:
        if error.code != UNSUPPORTED:
            raise
        from agentic.cli.selection import ask_dbt

        note(f"{error.message}; asking dbt")
        return ask_dbt(asked, project, flags)
    for part in found.unmatched:
        note(f"warning: the selection criterion '{part}' does not match any enabled nodes")
    return found.uids
