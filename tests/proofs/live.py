"""`make live` from end to end, a local server standing in for the service."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from tests.live import evals
from tests.proofs.registry import Outcome, proof
from tests.support.model_server import ModelServer, says, tool_use
from tests.support.tiny import make_tiny


def asks_the_rules(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """A model that tells what `diagnose` found, and leaves the rest to people."""
    if len(messages) == 1:
        return says(tool_use("diagnose", {}))
    text = html.unescape(messages[2]["content"][0]["content"])
    found = msgspec.json.decode(text.partition(">\n")[2].partition("\n</tool_output>")[0])
    kept = ("cls", "root_cause", "confidence", "summary")
    finding = {name: value for name, value in found["finding"].items() if name in kept}
    report = {"finding": finding, "decision": "escalate", "title": "a column has a new name"}
    return says(tool_use("submit_report", report))


@proof(
    "live_plumbing",
    "`make live` against a local server that speaks the protocol: both engines run on the same "
    "broken project, the page tells their verdicts and what the service charged, and no request "
    "breaks the protocol. It proves the plumbing, not a model.",
)
def live_plumbing(folder: Path) -> Outcome:
    """One fault in the tiny project; a model that escalates is right about the cause only."""
    tiny = make_tiny(folder / "user")
    tiny.dbt("build", check=True)
    page = folder / "page.md"
    with ModelServer(asks_the_rules) as server:
        named = {
            "ANTHROPIC_API_KEY": server.key,
            "ANTHROPIC_BASE_URL": server.url,
            "DBT_PROFILES_DIR": str(tiny.profiles),
        }
        asked = ["--project", str(tiny.root), "--fault", "src_column_renamed", "--page", str(page)]
        with patch.dict(os.environ, named):
            code = evals.main(asked)
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    broken = list(server.violations)
    for wanted in (
        "not the real service",
        "| rules | 1 | 100 % | 100 % | 100 % | 0 | no change |",
        "| anthropic | 1 | 100 % | 0 % |",
        "2 cases, 0.00 USD",
    ):
        if wanted not in text:
            broken.append(f"the page lacks {wanted!r}")
    if code:
        broken.append(f"it ended with {code}")
    return Outcome({"requests": len(server.requests)}, broken)
