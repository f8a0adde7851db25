"""The body that people read: golden files, and nothing from outside becomes markup."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agentic.records import (
    CheckReport,
    CheckResult,
    Edit,
    Evidence,
    Finding,
    Incident,
    Proposal,
    RootCause,
    RunResult,
    Signal,
    Usage,
)
from agentic.review import branch_name, label, patch_of, render_body

GOLDEN = Path(__file__).parents[2] / "golden" / "pr_body"

FINDING = Finding(
    code="AR012",
    cls="src_column_renamed",
    root_cause=RootCause("source.shop.raw.orders", "amount", "amount_usd"),
    confidence=0.96,
    summary="raw.orders calls amount_usd what stg_orders reads as amount.",
    evidence=(
        Evidence("The relation has no column amount.", "raw.orders"),
        Evidence("stg_orders reads it.", "models/staging/stg_orders.sql:4"),
    ),
    lineage=("source.shop.raw.orders", "model.shop.stg_orders", "model.shop.daily_sales"),
    owner="shop-data",
    affected=("model.shop.stg_orders", "model.shop.daily_sales", "exposure.shop.dashboard"),
)
INCIDENT = Incident(
    id="i1",
    kind="run_error",
    node="model.shop.stg_orders",
    message='Binder Error: column "amount" not found\nLINE 4: amount',
    fingerprint="f00",
    signals=(
        Signal("run_error", "model.shop.stg_orders", "x"),
        Signal("test_failure", "test.shop.not_null_x.abc", "y"),
    ),
    skipped=("model.shop.daily_sales",),
    invocation_id="inv-1",
    first_seen_at="2026-01-01T00:00:00+00:00",
)
PROPOSAL = Proposal(
    title="fix(stg_orders): read amount_usd as amount",
    edits=(
        Edit(
            "models/staging/stg_orders.sql",
            "select\n    id,\n    amount\nfrom x\n",
            "select\n    id,\n    amount_usd as amount\nfrom x\n",
            "the source's new name",
        ),
    ),
    rationale="The smallest change that keeps every output name.",
)
PASSED = CheckReport(
    (
        CheckResult("AP001", "sql parses", "pass", "1 of 1 file"),
        CheckResult(
            "AP012",
            "data diff",
            "pass",
            "2 relations equal",
            ({"relation": "stg_orders", "before": 10, "after": 10, "changed": 0},),
        ),
    )
)
RUN = RunResult(
    run_id="20260101-000000-abcdef",
    agent="triage",
    engine="rules",
    incident=INCIDENT,
    status="success",
    decision="fix",
    finding=FINDING,
    proposal=PROPOSAL,
    report=PASSED,
    branch="agentic/src-column-renamed-raw-orders-0123456789",
    usage=Usage(tool_calls=5),
    extra={"schema": "agentic_0123456789", "fingerprint": "0123456789"},
    output="incident_report",
    output_report={
        "severity": "high",
        "steps_to_prevent": ["Agree with the owner | of `raw.orders` that changes are announced."],
    },
)
UNCOMPARED = CheckReport(
    (*PASSED.results[:1], CheckResult("AP012", "data diff", "not_compared", "raw data moved"))
)
MANY = replace(
    FINDING,
    affected=tuple(f"model.shop.m{number}" for number in range(60)),
)
CASES = {
    "ready": render_body(RUN, calls=[("get_schema", "allow"), ("run_sql", "deny PII_OUTPUT")]),
    "draft": render_body(
        replace(
            RUN,
            draft=True,
            report=UNCOMPARED,
            extra=RUN.extra | {"asks": ["change.ask: tag:gold matches daily_sales"]},
        ),
        note="The checkout had uncommitted changes.",
    ),
    "wide": render_body(replace(RUN, finding=MANY)),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_body_is_as_reviewed(case: str, request: pytest.FixtureRequest) -> None:
    golden = GOLDEN / f"{case}.md"
    if request.config.getoption("--update-golden", default=False):
        golden.write_text(CASES[case], encoding="utf-8")

    assert CASES[case] == golden.read_text(encoding="utf-8")


def test_what_was_not_compared_is_never_counted_as_passed() -> None:
    first = CASES["draft"].splitlines()[0]

    assert "1 of 2 checks passed, 1 not compared" in first
    assert "➖ not compared" in CASES["draft"]


@given(st.text(alphabet="a`*_<>|#[]()@!\n-\\", max_size=80))
def test_outside_text_stays_text(words: str) -> None:
    hostile = replace(FINDING, summary=words, evidence=(Evidence(words, words),), owner=words)
    body = render_body(
        replace(
            RUN,
            finding=hostile,
            incident=replace(INCIDENT, message=words),
            output_report={"severity": words, "steps_to_prevent": [words]},
        ),
    )

    assert body.count("<!--") == 1
    assert body.count("<details>") == 2
    assert [line for line in body.splitlines() if line.startswith("## ")] == [
        "## What broke",
        "## Root cause",
        "## Change",
        "## Validation",
        "## Impact",
        "## How to prevent it",
        "## How to undo",
    ]


def test_personal_data_is_masked() -> None:
    leaky = replace(FINDING, summary="row of ana@shop.example")

    assert "ana@shop" not in render_body(replace(RUN, finding=leaky))


def test_a_huge_body_is_cut_with_a_count_and_keeps_its_marker() -> None:
    rows = tuple({"relation": "x" * 5000} for _ in range(25))
    huge = CheckReport((CheckResult("AP012", "data diff", "pass", "x", rows),))
    body = render_body(replace(RUN, report=huge))

    assert len(body) <= 60_100
    assert "characters were left out" in body
    assert body.rstrip().endswith("-->")


@pytest.mark.parametrize(
    ("uid", "expected"),
    [
        ("source.shop.raw.orders", "raw.orders"),
        ("model.shop.stg_orders", "stg_orders"),
        ("model.shop.dim.v2", "dim.v2"),
        ("test.shop.not_null_a.abc123", "not_null_a"),
        ("", ""),
    ],
)
def test_labels(uid: str, expected: str) -> None:
    assert label(uid) == expected


def test_the_patch_names_the_folder_of_a_project_below_the_repository() -> None:
    patch = patch_of(PROPOSAL, "warehouse/")

    assert "--- a/warehouse/models/staging/stg_orders.sql" in patch
    assert "+    amount_usd as amount" in patch


def test_patches_of_new_deleted_and_unended_files() -> None:
    edits = (Edit("a.sql", None, "x"), Edit("b.sql", "y\n", None))
    patch = patch_of(Proposal("t", edits))

    assert "new file mode 100644\n--- /dev/null\n+++ b/a.sql" in patch
    assert "+x\n\\ No newline at end of file\n" in patch
    assert "deleted file mode 100644\n--- a/b.sql\n+++ /dev/null" in patch


def test_a_request_has_a_body_and_a_branch_without_a_finding() -> None:
    asked = Incident(
        id="r",
        kind="request",
        node="",
        message="",
        fingerprint="f01",
        request="Document `stg_orders`\n# at once",
    )
    cited = [{"kind": "file", "ref": "models/a.sql:3"}, {"kind": "node", "ref": "model.shop.a"}]
    said = {"summary": "Two columns.", "evidence": [{"text": "<b> here", "citations": cited}]}
    run = replace(RUN, incident=asked, finding=None, output="DBTModel", output_report=said)

    body = render_body(run)

    assert "## What was asked\n\n    Document `stg_orders`\n    # at once\n" in body
    assert (
        "## Report\n\n`DBTModel`\n\nTwo columns.\n\n"
        "- \\<b\\> here (`models/a.sql:3`, `model.shop.a`)\n"
    ) in body
    assert "Root cause" not in body
    assert "confidence" not in body
    assert branch_name(None, "0a1b", title="docs(stg_orders): columns") == (
        "agentic/docs-stg-orders-columns-0a1b"
    )


def test_statements_for_a_person_are_shown_whole() -> None:
    long = "-- why\n" + "\n".join(f"alter table a add column c{n} int" for n in range(40))
    assert RUN.proposal is not None
    proposal = replace(RUN.proposal, statements=(long, "create view v as select 1\n```\n## no"))
    body = render_body(replace(RUN, proposal=proposal))

    assert "## Statements" in body.splitlines()
    assert "Statement 2 of 2:" in body
    assert all(f"    alter table a add column c{n} int" in body for n in range(40))
    assert "## no" not in body.splitlines()


def test_a_statement_that_is_masked_says_so() -> None:
    said = "alter table a add column mail varchar default 'ops@shop.example'"
    assert RUN.proposal is not None
    proposal = replace(RUN.proposal, statements=(said, "alter table a add column c int"))
    body = render_body(replace(RUN, proposal=proposal))

    assert "ops@shop.example" not in body
    assert "Statement 1 of 2 (parts of it are masked here: do not run it as it stands):" in body
    assert "Statement 2 of 2:" in body
