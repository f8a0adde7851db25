"""The green side of an eval: a copy that builds, what it holds, and the agent's word on it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from agentic.evals.agent import AgentRun, run_agent
from agentic.evals.copies import Copy, copy_project
from agentic.evals.databases import EvalError
from agentic.evals.outputs import output_hashes, raw_hashes
from agentic.project import load_freshness, load_manifest
from agentic.records import dumps, loads

SHOWN_ERRORS = 6


class Base(msgspec.Struct, frozen=True):
    """A green copy of a project. Cases start from twins of it."""

    copy: Copy
    outputs: dict[str, str]
    """What every node held: `unique_id` -> hash; without those that two green builds fill
    differently (the time of the build, rows that are appended)."""
    raw: dict[str, str]
    """What every source held."""
    fresh: tuple[str, ...]
    """Sources whose freshness passed."""
    untouched: AgentRun
    """The control: what the agent says about a project in which nothing is wrong."""

    @property
    def texts(self) -> dict[str, str]:
        """The project's files while it was green."""
        return self.copy.texts()

    @property
    def untouched_right(self) -> bool:
        """True when the agent saw nothing to do."""
        return self.untouched.quiet


def make_base(
    project_root: Path,
    home: Path,
    *,
    profiles_dir: Path | None = None,
    target: str | None = None,
    engine: str = "rules",
) -> Base:
    """Copy a project, build it green, let the agent look at it once.

    The agent's look is a control, and it keeps the profile of a good state where a history of
    profiles is kept. Raises EvalError: the project cannot be copied, or was never green.
    """
    copy = copy_project(project_root, home, profiles_dir=profiles_dir, target=target)
    copy.commit("The project as it is")
    outcome = copy.dbt("build")
    if not outcome.ok:
        raise EvalError(
            f"{copy.root.name or project_root.name} was never green here: dbt build says\n"
            + "\n".join(outcome.errors[:SHOWN_ERRORS]),
            hint="Evals start from a project that builds; mend it first, or give another --target.",
        )
    first = output_hashes_of(copy)
    copy.dbt("build")
    again = output_hashes_of(copy)
    steady = {uid: value for uid, value in first.items() if again.get(uid) == value}
    fresh = _fresh(copy)
    untouched = run_agent(copy, engine=engine)
    return Base(copy, steady, raw_hashes(copy), fresh, untouched)


def _fresh(copy: Copy) -> tuple[str, ...]:
    """Sources whose freshness passes; dbt is asked only where a source declares some."""
    manifest = load_manifest(copy.project().manifest_path)
    if not any(source.freshness for source in manifest.sources.values()):
        return ()
    results, target = copy.root / "target" / "run_results.json", copy.root / "target"
    kept = results.read_bytes() if results.is_file() else None
    copy.dbt("source", "freshness")
    found = load_freshness(target / "sources.json")
    # A later run would take it for the last word on freshness, although the fault came after it.
    (target / "sources.json").unlink(missing_ok=True)
    if kept is not None:
        results.write_bytes(kept)
    return tuple(sorted(one.unique_id for one in found.results if one.status == "pass"))


def output_hashes_of(copy: Copy) -> dict[str, str]:
    """What every node of a copy holds."""
    return output_hashes(copy.root, target=copy.target, profiles_dir=copy.profiles)


def write_base(base: Base) -> None:
    """Keep a base beside its copy, to be used again."""
    (base.copy.home / "base.json").write_text(dumps(base), encoding="utf-8")


def read_base(home: Path) -> Base | None:
    """A base that was kept; None when there is none."""
    file = home / "base.json"
    return loads(file.read_text(encoding="utf-8"), Base) if file.is_file() else None
