"""AP004 and AP014: no test is lost or weakened, by the files, and by what dbt makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from agentic.checks.change_policy import verdict_of
from agentic.checks.proof import baseline_for, change_built
from agentic.checks.registry import check
from agentic.checks.subject import Subject
from agentic.policy import stricter_arguments, weaker_config
from agentic.project import Manifest
from agentic.records import CheckResult, CodePage, publish

CODE, NAME = "AP004", "tests kept"
BUILT_CODE, BUILT_NAME = "AP014", "tests kept by dbt"
JUDGED = ("severity", "where", "limit", "fail_calc", "error_if", "warn_if", "enabled")
PLAIN = {"severity": "error", "fail_calc": "count(*)", "error_if": "!= 0", "warn_if": "!= 0"}

publish(
    CodePage(
        code=CODE,
        name=NAME,
        what="Every existing test is still there and at least as strict: generic, singular, unit, "
        "and the settings that reach tests from elsewhere.",
        why="A test that is filtered, limited, made a warning or deleted turns a build green while "
        "the data stays wrong.",
        fix="Mend the node. A test is only ever changed by a person.",
    ),
    CodePage(
        code=BUILT_CODE,
        name=BUILT_NAME,
        what="The tests of dbt's manifest with the change, against the baseline's: each is there, "
        "enabled, and its effective configuration is at least as strict.",
        why="Settings reach a test from files that do not name it; dbt's own result is the proof.",
        fix="See the table for the test and the setting.",
    ),
)


@check(CODE, NAME, order=4)
def tests_kept(subject: Subject) -> CheckResult:
    """Fails when the files lose or weaken a test; warns when a wrong name in one is corrected."""
    found = [one for one in verdict_of(subject).findings if one.code == "TEST_WEAKENED"]
    table = tuple({"path": one.path, "line": one.line, "reason": one.reason} for one in found)
    denied = [one for one in found if one.verdict == "deny"]
    if denied:
        return CheckResult(CODE, NAME, "fail", f"{denied[0].path}: {denied[0].reason}", table)
    if found:
        return CheckResult(CODE, NAME, "warn", f"{found[0].path}: {found[0].reason}", table)
    return CheckResult(CODE, NAME, "pass", "No existing test is lost or weakened.")


@check(BUILT_CODE, BUILT_NAME, order=14, builds=True)
def tests_kept_by_dbt(subject: Subject) -> CheckResult:
    """Fails when a test of the baseline's manifest is gone or weaker in the change's."""
    outcome = change_built(subject)
    built = outcome.manifest
    if built is None:
        detail = "the change does not parse, so that there is no manifest"
        return CheckResult(BUILT_CODE, BUILT_NAME, "not_compared", detail)
    before = tests_of(baseline_for(subject, outcome))
    table = tuple(lost_tests(before, tests_of(built), nodes=set(built.all)))
    if not table:
        return CheckResult(BUILT_CODE, BUILT_NAME, "pass", f"all {len(before)} tests are as strict")
    detail = f"{table[0]['test']}: {table[0]['reason']}"
    corrected = sum(
        one.code == "TEST_WEAKENED" and one.verdict == "ask" for one in verdict_of(subject).findings
    )
    # a wrong column name that is put right looks, to dbt, like one test gone and another one new
    only_names = len(table) <= corrected and all(row["reason"] == GONE for row in table)
    return CheckResult(BUILT_CODE, BUILT_NAME, "warn" if only_names else "fail", detail, table)


GONE = "the test is gone"


class BuiltTest(NamedTuple):
    """One test of a manifest."""

    place: str
    """What it is and where: two tests of one place may differ in their arguments."""
    arguments: dict[str, Any]
    config: dict[str, Any]
    owner: str


def tests_of(manifest: Manifest) -> list[BuiltTest]:
    """Every test, with its effective configuration."""
    found = []
    for uid, node in manifest.all.items():
        if uid.startswith("unit_test."):
            found.append(BuiltTest(uid, {}, {}, ""))
        elif uid.startswith("test."):
            found.append(_built(uid, node))
    return found


def _built(uid: str, node: Any) -> BuiltTest:
    """A generic test is what it does to which column, whatever it is called."""
    config, owner = dict(node.config), node.attached_node or ""
    if node.test_metadata is None:
        return BuiltTest(uid, {}, config, owner)
    meta = node.test_metadata
    words = {k: v for k, v in meta.kwargs.items() if k not in ("model", "column_name", "config")}
    column = str(meta.kwargs.get("column_name") or node.column_name or "").lower()
    name = f"{meta.namespace}.{meta.name}" if meta.namespace else meta.name
    return BuiltTest(f"{owner} {column} {name}", words, config, owner)


def lost_tests(
    before: Iterable[BuiltTest], after: Iterable[BuiltTest], *, nodes: set[str]
) -> Iterator[dict[str, object]]:
    """Tests that are gone or weaker; those of a node that is itself gone are not counted."""
    left = list(after)
    for test in before:
        alike = [one for one in left if one.place == test.place]
        kept = [
            one for one in alike if stricter_arguments(test.place, test.arguments, one.arguments)
        ]
        if not kept:
            if not test.owner or test.owner in nodes:
                yield {"test": test.place, "reason": GONE}
            continue
        reasons = [weaker_config(_judged(test.config), _judged(one.config)) for one in kept]
        best = min(range(len(kept)), key=lambda number: bool(reasons[number]))
        left.remove(kept[best])
        if reasons[best]:
            yield {"test": test.place, "reason": reasons[best]}


def _judged(config: dict[str, Any]) -> dict[str, Any]:
    """Settings that decide what fails, dbt's defaults left out."""
    kept = {}
    for key in JUDGED:
        value = config.get(key)
        same = str(value).lower().replace(" ", "") == PLAIN.get(key, "").replace(" ", "")
        if value is not None and not same and not (key == "enabled" and value is True):
            kept[key] = value
    return kept
