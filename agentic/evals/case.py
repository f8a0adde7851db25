"""One case: a twin of the green base, a fault, the agent, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from agentic.evals.agent import AgentRun, run_agent
from agentic.evals.base import Base, output_hashes_of
from agentic.evals.case_folders import read_case
from agentic.evals.controls import Control, controls_of
from agentic.evals.copies import Copy, discard
from agentic.evals.faults import Within, inject
from agentic.evals.forbidden import forbidden_moves, result_moves
from agentic.evals.grade import Built, Grade, assigned, grade
from agentic.evals.injection import Injected, NoPlace, Refused
from agentic.evals.outputs import raw_hashes
from agentic.exceptions import AgenticError
from agentic.project import load_manifest

ATTEMPTS = 5
# Seeds of further attempts: far from those that a user counts up.
_STRIDE = 1009
# Classes that often change data without a red build.
QUIET = frozenset(
    [
        "division_by_zero", "join_fanout", "join_type", "late_arriving", "macro_regression",
        "timezone", "unit_scale_change", "volume_drop", "wrong_aggregation", "wrong_filter",
    ]
)  # fmt: skip
ROWS = (".csv", ".tsv")
SETTINGS = ("severity", "where", "limit", "warn_if", "error_if", "fail_calc")


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be tried."""

    project: str
    fault: str
    seed: int = 0
    engine: str = "rules"
    squash: bool = True
    select: str = ""
    """dbt node selection: where faults may be put."""
    folder: str = ""
    """A case that a user wrote, in place of a fault class."""


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    case: Case
    fits: bool
    why_not: str = ""
    """Why the class does not fit the project."""
    noticed: str = ""
    """`red`: dbt fails; `silent`: dbt is green and data changed; `benign`: nothing is wrong."""
    detail: str = ""
    """The fault, one sentence."""
    faults: tuple[Injected, ...] = ()
    grades: tuple[Grade, ...] = ()
    """One a fault."""
    controls: tuple[Control, ...] = ()
    runs: int = 0
    """Incidents that the agent made of it."""
    exit_code: int = 0
    seconds: float = 0.0
    """The agent's, wall clock."""
    own_cpu_s: float = 0.0
    cost_usd: float = 0.0
    queries: int = 0
    """Questions to the warehouse."""
    stderr: str = ""
    """The agent's last lines, where it failed."""

    @property
    def right(self) -> bool:
        """Every fault right, and no incident too many."""
        return self.fits and bool(self.grades) and all(one.right for one in self.grades)

    @property
    def why(self) -> tuple[str, ...]:
        return tuple(text for one in self.grades for text in one.why)


def run_case(base: Base, case: Case, home: Path, *, keep: bool = False) -> CaseResult:
    """Try one case in `home`, which is removed afterwards unless `keep`."""
    try:
        placed = _written(base, case, home) if case.folder else _place(base, case, home)
        if isinstance(placed, str):
            return CaseResult(case=case, fits=False, why_not=placed)
        return _judge(base, case, *placed)
    finally:
        if not keep:
            discard(home)


def _place(base: Base, case: Case, home: Path) -> tuple[Copy, Injected, str] | str:
    """Put the fault where dbt notices it, if there is such a place; else where data changes."""
    silent: int | None = None
    tried, refused = 0, ""
    for attempt in range(ATTEMPTS):
        seed = case.seed + attempt * _STRIDE
        try:
            copy, injected, noticed = broken(base, case, home, seed)
        except Refused as error:
            refused = error.message
            continue
        except NoPlace as error:
            return error.message
        tried += 1
        wanted = injected.expected_decision == "no_change"
        if noticed == ("benign" if wanted else "red") or (
            noticed == "silent" and case.fault in QUIET
        ):
            return copy, injected, noticed
        silent = seed if noticed == "silent" and silent is None else silent
    if not tried:
        return refused
    if silent is None or wanted:
        return f"at {tried} places tried it changes neither a result nor a row"
    copy, injected, noticed = broken(base, case, home, silent)
    return copy, injected, noticed


def _written(base: Base, case: Case, home: Path) -> tuple[Copy, Injected, str]:
    """A case that a user wrote, laid over a twin."""
    read = read_case(Path(case.folder))
    copy = base.copy.twin(home)
    read.break_project(copy)
    if case.squash:
        copy.squash()
    elif read.patch:
        copy.commit("Tidy up")
    return copy, read.expected, _noticed(base, copy, read.expected)


def broken(base: Base, case: Case, home: Path, seed: int) -> tuple[Copy, Injected, str]:
    """A twin with the fault in it, after the dbt command that should notice."""
    copy = base.copy.twin(home)
    injected = inject(
        case.fault,
        copy.root,
        profiles_dir=copy.profiles,
        target=copy.target,
        seed=seed,
        within=Within(frozenset(base.fresh) or None, case.select),
    )
    if case.squash:
        copy.squash()
    elif injected.paths:
        copy.commit("Tidy up")
    return copy, injected, _noticed(base, copy, injected)


def _noticed(base: Base, copy: Copy, injected: Injected) -> str:
    outcome = copy.dbt(*injected.command)
    if not outcome.ok:
        return "red"
    after = output_hashes_of(copy)
    changed = any(after.get(uid) != value for uid, value in base.outputs.items())
    return "silent" if changed else "benign"


def _judge(base: Base, case: Case, copy: Copy, injected: Injected, noticed: str) -> CaseResult:
    raw = raw_hashes(copy)
    handed = read_case(Path(case.folder)).incident if case.folder else ""
    answer = run_agent(copy, engine=case.engine, incident=handed)
    faults = (injected, *injected.others)
    built = prove(base, copy, faults, answer, raw)
    pairs = zip(faults, assigned(faults, answer.runs), strict=True)
    grades = tuple(grade(fault, run, built) for fault, run in pairs)
    return CaseResult(
        case=case,
        fits=True,
        noticed=noticed,
        detail=" / ".join(one.detail for one in faults),
        faults=faults,
        grades=tuple(_counted(one, injected, answer) for one in grades),
        controls=controls_of(injected),
        runs=len(answer.runs),
        exit_code=answer.exit_code,
        seconds=answer.seconds,
        own_cpu_s=answer.own_cpu_s,
        cost_usd=answer.cost_usd,
        queries=answer.queries,
        stderr=answer.stderr if answer.exit_code not in (0, 1) else "",
    )


def _counted(one: Grade, injected: Injected, answer: AgentRun) -> Grade:
    """Too many incidents of one cause are a wrong decision: a person gets that many mails."""
    if not injected.most_runs or len(answer.runs) <= injected.most_runs:
        return one
    why = (*one.why, f"{len(answer.runs)} incidents, at most {injected.most_runs} are right")
    return msgspec.structs.replace(one, decision=False, why=why)


def prove(
    base: Base,
    copy: Copy,
    faults: Sequence[Injected],
    answer: AgentRun,
    raw: dict[str, str],
) -> Built | None:
    """Lay every proposal over the broken project and run what noticed the fault again.

    None when nothing was proposed and nothing was touched.
    """
    tampered = result_moves({}, {}, raw, raw_hashes(copy))
    if not answer.patches:
        return Built(ok=False, same_outputs=None, moves=tampered) if tampered else None
    # A seed as the fault left it: its rows are raw data.
    rows = {path: text for path, text in copy.texts().items() if path.endswith(ROWS)}
    for number, patch in enumerate(answer.patches.values()):
        file = copy.home / f"{number}.patch"
        file.write_text(patch, encoding="utf-8")
        try:
            copy.git("apply", "--whitespace=nowarn", str(file))
        except AgenticError as error:
            said = (f"git apply: {error.message}",)
            return Built(ok=False, same_outputs=None, moves=tampered, errors=said)
    moves = [*tampered, *forbidden_moves(base.texts | rows, copy.texts())]
    # What was disabled with a node stays so in a partial parse after it is enabled again.
    (copy.project().target_path / "partial_parse.msgpack").unlink(missing_ok=True)
    outcome = copy.dbt(*faults[0].command)
    if outcome.ok:
        moves += result_moves(_tests(base.copy), _tests(copy), raw, raw_hashes(copy))
        after = output_hashes_of(copy)
    else:
        after = {}
    # A seed is raw data: the fault itself may have changed it.
    compared = {uid: value for uid, value in base.outputs.items() if not uid.startswith("seed.")}
    different = tuple(uid for uid, value in compared.items() if after.get(uid) != value)
    return Built(
        ok=outcome.ok,
        same_outputs=not different if outcome.ok else None,
        different=different,
        moves=tuple(moves),
        errors=outcome.errors[:3],
    )


def _tests(copy: Copy) -> dict[str, str]:
    """Every test of the project that dbt would run: what it is -> its effective settings."""
    project = copy.project()
    manifest = load_manifest(project.manifest_path)
    found = {}
    for uid, node in (manifest.nodes | manifest.unit_tests).items():
        # A package's tests are not the project's, and a partial parse forgets some of them.
        if node.package_name != project.name:
            continue
        if uid.startswith("unit_test."):
            found[uid] = ""
        elif uid.startswith("test."):
            place = uid
            if node.test_metadata is not None:
                kwargs = sorted(
                    (k, str(v)) for k, v in node.test_metadata.kwargs.items() if k != "model"
                )
                place = f"{node.attached_node} {node.test_metadata.name} {kwargs}"
            config = {k: str(node.config.get(k)).lower() for k in SETTINGS}
            found[place] = ", ".join(f"{k} {v}" for k, v in config.items())
    return found
