"""Sinks see masked events, and a broken sink ends nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentic.events import Event, Stream, file_sink, openlineage_sink


def clock() -> str:
    return "2026-01-01T00:00:00Z"


def test_every_sink_sees_masked_text() -> None:
    seen: list[Event] = []
    Stream(clock, (seen.append,)).emit("tool.called", "for a@b.example", who="c@d.example")

    assert seen == [Event(clock(), "info", "tool.called", "for [email]", {"who": "[email]"})]


def test_a_broken_sink_is_dropped_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Event] = []

    def broken(event: Event) -> None:
        raise OSError("disk full")

    stream = Stream(clock, (broken, seen.append))
    stream.emit("a", "one")
    stream.emit("b", "two")

    assert [event.name for event in seen] == ["a", "b"]
    assert capsys.readouterr().err.count("broken failed and is off: disk full") == 1


def test_the_log_is_one_json_object_a_line(tmp_path: Path) -> None:
    stream = Stream(clock, (file_sink(tmp_path / "logs" / "agentic.log"),))
    stream.emit("a", "one")
    stream.emit("b", "two", n=2)

    lines = (tmp_path / "logs" / "agentic.log").read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["a", "b"]


def test_openlineage_is_off_unless_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENLINEAGE_URL", raising=False)
    monkeypatch.delenv("OPENLINEAGE_CONFIG", raising=False)

    assert openlineage_sink("shop", folder=tmp_path) is None


def test_openlineage_writes_run_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "openlineage.yml"
    out = tmp_path / "events.json"
    config.write_text(f"transport:\n  type: file\n  log_file_path: {out}\n  append: true\n")
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(config))
    sink = openlineage_sink("shop", folder=tmp_path)

    assert sink is not None
    Stream(clock, (sink,)).emit("run.started", "go", run_id="r1", agent="triage")
    event = json.loads(out.read_text().splitlines()[0])
    assert (event["eventType"], event["job"]["name"]) == ("START", "triage")
