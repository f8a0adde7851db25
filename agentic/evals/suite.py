"""Many cases: run side by side, kept in a folder so that a second run does only what is new."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import agentic
from agentic.evals.base import Base
from agentic.evals.case import Case, CaseResult, run_case
from agentic.records import content_hash, dumps, loads


def code_version() -> str:
    """A hash of agentic's own code: a result counts for the code that gave it."""
    root = Path(agentic.__file__).parent
    sha = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        if file.suffix in (".py", ".yml", ".md") and "__pycache__" not in file.parts:
            sha.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return sha.hexdigest()[:12]


class Kept:
    """Results in a folder, one file a case and version; `any_version` takes older ones too."""

    def __init__(self, folder: Path | None, version: str, *, any_version: bool = False) -> None:
        self._folder = folder
        self._version = version
        self._any = any_version

    def get(self, case: Case) -> CaseResult | None:
        """The result that is kept for a case."""
        if self._folder is None:
            return None
        pattern = f"{_name(case)}-{'*' if self._any else self._version}.json"
        files = sorted(self._folder.glob(pattern), key=lambda f: f.stat().st_mtime)
        return loads(files[-1].read_text(encoding="utf-8"), CaseResult) if files else None

    def put(self, result: CaseResult) -> None:
        """Keep a result."""
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._folder / f"{_name(result.case)}-{self._version}.json"
            file.write_text(dumps(result), encoding="utf-8")


def _name(case: Case) -> str:
    return f"{_place(case)}-{content_hash(case)[:8]}"


def _place(case: Case) -> str:
    """A case as part of a path: a project's name may hold anything."""
    project = re.sub(r"[^\w.]+", "_", case.project)
    return f"{project}-{case.fault}-{case.seed}"


class Suite:
    """Green bases, a folder for the cases, and how many run at once."""

    def __init__(
        self,
        bases: dict[str, Base],
        folder: Path,
        *,
        kept: Kept,
        workers: int = 1,
        keep: bool = False,
    ) -> None:
        self.bases = bases
        self._folder = folder
        self._kept = kept
        self._workers = workers
        self._keep = keep

    def run(
        self, cases: Sequence[Case], on_result: Callable[[CaseResult], None] = lambda _: None
    ) -> tuple[CaseResult, ...]:
        """Run the cases; results in their order, without those that fell on one place twice."""

        def one(case: Case) -> CaseResult:
            found = self._kept.get(case)
            if found is None:
                home = self._folder / f"{_place(case)}-{case.engine}"
                found = run_case(self.bases[case.project], case, home, keep=self._keep)
                self._kept.put(found)
            on_result(found)
            return found

        with ThreadPoolExecutor(max_workers=self._workers) as pool:
            return tuple(distinct(pool.map(one, cases)))


def distinct(results: Iterable[CaseResult]) -> Iterator[CaseResult]:
    """Results without those of another seed that fell on the same place."""
    seen = set()
    for one in results:
        place = (one.case.project, one.case.fault, one.case.engine, one.detail or one.why_not)
        if place not in seen:
            seen.add(place)
            yield one
