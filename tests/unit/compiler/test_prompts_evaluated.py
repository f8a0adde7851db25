"""A change of a prompt, a model id or a tool's schema that was not evaluated again fails here."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.evaluated import PROVES, ROOT, of, places, read_record, stale

NOW = {"agentic.a": {"model": "m", "effort": "low", "prompt": "p", "tools": "t"}}
THIS = of(NOW["agentic.a"])


def record(**changes: Any) -> dict[str, Any]:
    place = NOW["agentic.a"]
    vouched = {"eval": "x.py::y", "engine": "scripted", "result": "pass", "of": THIS}
    known = {**place, "evals": [vouched]} | changes
    return {"agents": {"agentic.a": known}}


def test_every_agent_that_calls_a_model_was_evaluated_as_it_is() -> None:
    assert stale(read_record(), places()) == [], "run `make evaluate` and commit evals/prompts.json"


def test_every_eval_of_the_record_is_a_test_that_is_there() -> None:
    for name, known in read_record()["agents"].items():
        for one in known["evals"]:
            file, _, test = one["eval"].partition("::")
            function = test.partition("[")[0]
            assert f"def {function}(" in (ROOT / file).read_text(), (name, one)
            assert one["engine"] in PROVES


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param(record(), [], id="current"),
        pytest.param({}, ["agentic.a has no eval"], id="none"),
        pytest.param(record(evals=[]), ["agentic.a has no eval"], id="no-eval"),
        pytest.param(
            record(model="other"),
            ["agentic.a: model changed since its evals ran"],
            id="model",
        ),
        pytest.param(
            record(prompt="q", tools="u"),
            ["agentic.a: prompt and tools changed since its evals ran"],
            id="prompt-and-tools",
        ),
        pytest.param(
            record(
                evals=[
                    {
                        "eval": "x",
                        "engine": "scripted",
                        "result": "fail",
                        "of": of(NOW["agentic.a"]),
                    },
                    {"eval": "z", "engine": "scripted", "result": "pass", "of": "older"},
                ]
            ),
            ["agentic.a: no eval of this prompt passed"],
            id="failed-or-older",
        ),
        pytest.param(
            {"agents": record()["agents"] | {"agentic.gone": {"evals": []}}},
            ["agentic.gone is no agent any more"],
            id="gone",
        ),
    ],
)
def test_what_is_stale_is_said(found: dict[str, Any], says: list[str]) -> None:
    assert stale(found, NOW) == says
