"""An output of the user's own, from agents.yml to the case file, through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny import Tiny

pytestmark = pytest.mark.slow

AGENTS = """\
version: 1
agents:
  - name: triage
    extends: agentic.triage
    engine: scripted
    output: verdict
    when: [run_error, test_failure]
outputs:
  - {name: verdict, python: "verdicts:Verdict"}
"""
VERDICTS = """\
from pydantic import BaseModel, ConfigDict, field_validator


class Cited(BaseModel):
    kind: str
    ref: str


class Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    answer: str
    citations: list[Cited]

    @field_validator("answer")
    @classmethod
    def short(cls, value: str) -> str:
        if len(value) > 20:
            raise ValueError("too long for us")
        return value
"""
FINDING = {
    "cls": "src_column_renamed",
    "root_cause": {"node": "source.tiny.raw.orders", "column": "amount"},
    "confidence": 0.6,
    "summary": "amount is gone.",
}
SEEN = {"kind": "file", "ref": "models/staging/stg_orders.sql:3"}


def submit(report: dict[str, Any]) -> dict[str, Any]:
    given = {"decision": "escalate", "title": "ask", "finding": FINDING, "report": report}
    return {"calls": [{"name": "submit_report", "input": given}]}


def handle(tiny: Tiny, tmp_path: Path, *reports: dict[str, Any]) -> dict[str, Any]:
    tiny.write("agents.yml", AGENTS)
    tiny.write("verdicts.py", VERDICTS)
    script = tmp_path / "script.json"
    script.write_text(json.dumps([submit(one) for one in reports]))
    return tiny.run(env={"AGENTIC_SCRIPT": str(script)})


def test_a_class_of_ones_own_is_what_the_run_reports(broken: Tiny, tmp_path: Path) -> None:
    good = {"answer": "a column is gone", "citations": [SEEN]}

    run = handle(broken, tmp_path, {"answer": "much too long for this class"}, good)

    assert (run["status"], run["output"], run["report"]) == ("escalated", "verdict", good)
    folder = broken.root / "target" / "agentic" / "runs" / run["run_id"]
    stored = json.loads((folder / "report.json").read_text())
    assert stored["report"] == good
    assert stored["metadata"]["schema_version"] == "agentic/report/v1"
    shown = broken.agentic("show", run["run_id"]).stdout
    assert "Report      verdict\n  answer: a column is gone\n  (file models/staging/" in shown


def test_three_reports_that_do_not_hold_escalate_with_the_reason(
    broken: Tiny, tmp_path: Path
) -> None:
    shape = {"answer": "yes"}
    own = {"answer": "very very very long answer", "citations": [SEEN]}
    cited = {"answer": "yes", "citations": [{"kind": "file", "ref": "models/no.sql:1"}]}

    run = handle(broken, tmp_path, shape, own, cited)

    assert (run["status"], run["decision"], run["report"]) == ("escalated", "escalate", None)
    assert run["reason"] == (
        "the engine's report was not valid, three times: the report names what is not there: "
        "report.citations[0]: there is no file 'models/no.sql' in the project"
    )
    steps = (broken.root / "target/agentic/runs" / run["run_id"] / "transcript.json").read_text()
    assert "too long for us" in steps
