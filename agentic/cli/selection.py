"""What the lineage command asks of dbt, the catalog and the warehouse."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from agentic.cli.options import Flags
from agentic.cli.output import note
from agentic.exceptions import ArtifactError, DbtError, ProjectError, SelectorError, WarehouseError
from agentic.lineage.methods import NEEDS_DBT
from agentic.project import (
    Manifest,
    Project,
    child_environment,
    find_dbt,
    load_catalog,
    named_variables,
    read_target,
    run_dbt,
)

if TYPE_CHECKING:
    from agentic.lineage import Indirect

_TIMEOUT_S = 600.0


class Asked(NamedTuple):
    """A selection as it was typed, in dbt's words."""

    select: str
    exclude: str = ""
    selector: str | None = None
    indirect: Indirect = "eager"
    state: str | None = None

    @property
    def is_everything(self) -> bool:
        return not (self.select or self.exclude or self.selector)

    def arguments(self) -> list[str]:
        """The same for dbt."""
        found = ["--indirect-selection", self.indirect]
        for flag, value in (
            ("--select", self.select),
            ("--exclude", self.exclude),
            ("--selector", self.selector),
            ("--state", str(Path(self.state).resolve()) if self.state else ""),
        ):
            found += [flag, value] if value else []
        return found


def ask_dbt(asked: Asked, project: Project, flags: Flags) -> frozenset[str]:
    """`dbt ls`, its artifacts kept away from the project's. Raises DbtError."""
    text = f" {asked.select} {asked.exclude}".replace(",", " ").replace("+", " ").replace("@", " ")
    needs_state = any(f" {method}:" in text for method in NEEDS_DBT)
    if needs_state and not asked.state:
        raise SelectorError(
            "state:, result: and source_status: compare with another run's artifacts",
            hint="Name their folder: --state DIR.",
        )
    with TemporaryDirectory(prefix="agentic_ls_") as folder:
        where = ["--project-dir", str(project.root), "--target-path", folder, "--log-path", folder]
        if project.profiles_dir:
            where += ["--profiles-dir", str(project.profiles_dir)]
        if flags.target:
            where += ["--target", flags.target]
        outcome = run_dbt(
            find_dbt(),
            [
                "ls",
                *asked.arguments(),
                "--output",
                "json",
                "--output-keys",
                "unique_id",
                *where,
            ],
            cwd=project.root,
            env=child_environment(named=named_variables(project)),
            timeout_s=_TIMEOUT_S,
        )
    if not outcome.ok:
        raise DbtError(f"dbt ls failed: {' '.join(outcome.errors)[:500]}")
    texts = [str(event["info"].get("msg") or "") for event in outcome.events]
    found = set()
    for text in (*texts, *outcome.other_lines):
        with suppress(ValueError, TypeError, KeyError):
            found.add(str(json.loads(text)["unique_id"]))
    return frozenset(found)


def known_schemas(manifest: Manifest, project: Project, flags: Flags) -> dict[str, dict[str, str]]:
    """Real columns: from catalog.json, else of sources and seeds from the warehouse, else none."""
    from agentic.lineage import catalog_schemas, live_schemas
    from agentic.warehouse import open_connection

    with suppress(ArtifactError):
        return catalog_schemas(load_catalog(project.target_path / "catalog.json"))
    try:
        target = read_target(project, flags.target)
        with open_connection(target, project_root=project.root) as connection:
            return live_schemas(manifest, connection)
    except (WarehouseError, ProjectError) as error:
        note(f"columns of raw data are inferred, the warehouse cannot be asked: {error.message}")
        return {}


def node_and_column(text: str, manifest: Manifest) -> tuple[str, str]:
    """`NODE.COLUMN` taken apart; NODE is a `unique_id`, a name, or source.table."""
    names: dict[str, list[str]] = {}
    for uid, node in manifest.all.items():
        if node.resource_type in ("model", "seed", "snapshot"):
            names.setdefault(node.name, []).append(uid)
    for uid, source in manifest.sources.items():
        names.setdefault(f"{source.source_name}.{source.name}", []).append(uid)
        names.setdefault(source.name, []).append(uid)
    positions = [index for index, char in enumerate(text) if char == "."]
    for index in positions:
        node_text, column = text[:index].removeprefix("source:"), text[index + 1 :]
        found = [node_text] if node_text in manifest.all else names.get(node_text, [])
        if len(found) == 1 and column and not _longer(text, index, manifest, names):
            return found[0], column
        if len(found) > 1 and not _longer(text, index, manifest, names):
            raise SelectorError(
                f"{node_text!r} names {len(found)} nodes: {', '.join(sorted(found))}",
                hint="Write the unique_id.",
            )
    raise SelectorError(
        f"{text!r} is not NODE.COLUMN of this project",
        hint="NODE is a unique_id, a node's name, or SOURCE.TABLE.",
    )


def _longer(text: str, after: int, manifest: Manifest, names: dict[str, list[str]]) -> bool:
    """True when a longer start of the text names a node too: `shop.orders.id`."""
    return any(
        text[:index].removeprefix("source:") in names or text[:index] in manifest.all
        for index, char in enumerate(text)
        if char == "." and index > after
    )
