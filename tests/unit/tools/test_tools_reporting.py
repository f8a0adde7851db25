"""A report is checked by the user's class, in a process that knows none of our secrets."""

from __future__ import annotations

import pytest

from agentic.records import CompiledOutput
from agentic.tools import Bench, ToolError
from agentic.tools.reporting import check_report

SPY = """
import os
from pydantic import BaseModel, field_validator

class Spy(BaseModel):
    answer: str

    @field_validator("answer")
    @classmethod
    def told(cls, value):
        raise ValueError("sees " + ", ".join(sorted(n for n in os.environ if n.startswith("DBT_"))))
"""


def test_the_class_of_an_output_sees_no_secret_of_dbt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.project.root / "spy.py").write_text(SPY)
    for name in ("DBT_PASSWORD", "DBT_ENV_SECRET_GIT"):
        monkeypatch.setenv(name, "hunter2")
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    bench.output = CompiledOutput("spied", "python", schema, entry="spy:Spy")

    with pytest.raises(ToolError, match="sees") as caught:
        check_report(bench, {"answer": "yes"})

    assert "DBT_" not in caught.value.message
