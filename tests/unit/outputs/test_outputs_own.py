"""Schemas of the user's own: from fields, from a file, from a class that is never imported here."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from agentic.outputs import (
    OutputFault,
    check_schema,
    class_faults,
    class_schema,
    faults_of,
    fields_schema,
    standard_outputs,
)

VERDICT = """
import os
from pydantic import BaseModel, field_validator

print("noise on standard output")

class Row(BaseModel):
    n: int

class Verdict(BaseModel):
    answer: str
    rows: list[Row] = []

    @field_validator("answer")
    @classmethod
    def short(cls, value: str) -> str:
        if len(value) > 3:
            raise ValueError("too long for us")
        return value

class Keyless(BaseModel):
    key: str = os.environ.get("ANTHROPIC_API_KEY", "none")
"""


def test_every_standard_shape_stands_alone_and_names_what_it_cites() -> None:
    for name, output in standard_outputs().items():
        assert check_schema(output.schema) == output.schema, name
        assert "evidence" in output.schema["required"], name
        assert output.schema["additionalProperties"] is False, name


def test_fields_must_all_be_there_and_nothing_else() -> None:
    schema = fields_schema({"at": "timestamp", "on": "date", "score": {"type": "number"}})

    good = {"at": "2026-01-01T00:00:00Z", "on": "2026-01-01", "score": 1}
    assert faults_of(good, schema) == []
    assert faults_of(good | {"at": "soon"}, schema) == ["report.at: 'soon' is not a 'date-time'"]
    assert len(faults_of({"on": 3, "x": 1}, schema)) == 4


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "object", "$ref": "file:///etc/passwd"}, id="file"),
        pytest.param({"type": "object", "properties": {"a": {"$ref": "#/$defs/no"}}}, id="nothing"),
        pytest.param({"type": "object", "x": "y" * 70_000}, id="long"),
        pytest.param([], id="list"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema: object) -> None:
    with pytest.raises(OutputFault):
        check_schema(schema)


def test_a_class_gives_its_schema_and_its_own_faults(tmp_path: Path) -> None:
    (tmp_path / "verdicts.py").write_text(VERDICT)
    env = {"PATH": os.environ["PATH"]}

    schema = class_schema("verdicts:Verdict", tmp_path, env)

    assert schema["properties"]["rows"]["items"]["properties"]["n"] == {
        "title": "N",
        "type": "integer",
    }
    assert class_faults("verdicts:Verdict", tmp_path, env, {"answer": "yes"}) == []
    (fault,) = class_faults("verdicts:Verdict", tmp_path, env, {"answer": "never"})
    assert "too long for us" in fault
    keyless = class_schema("verdicts:Keyless", tmp_path, env)
    assert keyless["properties"]["key"]["default"] == "none"
    assert "verdicts" not in sys.modules
    assert [path.name for path in tmp_path.iterdir()] == ["verdicts.py"]


def test_a_class_that_ends_its_process_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "gone.py").write_text("import os\nos._exit(0)\n")

    with pytest.raises(OutputFault, match="ended the process"):
        class_schema("gone:X", tmp_path, {})


def test_what_a_class_started_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = "import subprocess, sys, time\n"
    slow += "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    slow += "open('pid', 'w').write(str(child.pid))\ntime.sleep(60)\n"
    (tmp_path / "slow.py").write_text(slow)
    monkeypatch.setattr("agentic.outputs.own.CLASS_TIMEOUT_S", 1.0)

    with pytest.raises(OutputFault, match="took longer than 1 s"):
        class_schema("slow:X", tmp_path, {"PATH": os.environ["PATH"]})

    child = Path("/proc") / (tmp_path / "pid").read_text() / "stat"
    deadline = time.monotonic() + 10
    while child.exists() and child.read_text().split()[2] != "Z":
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.02)
