"""What `agentic init` writes can be answered by somebody."""

from __future__ import annotations

import pytest

from agentic.cli.survey import Survey
from agentic.cli.templates import agents_text, guardrails_text
from agentic.config import AgentsFile, GuardrailsFile, parse_document


def survey(*, has_remote: bool) -> Survey:
    return Survey(
        project="shop",
        adapter="duckdb",
        allow=("models/staging",),
        ask=("models/marts",),
        care_tags=(),
        pii_tags=(),
        personal_columns=(),
        build_target="",
        production_targets=(),
        targets=("dev",),
        schema_pattern="agentic_*",
        owner="",
        has_sources=True,
        freshness=False,
        has_remote=has_remote,
    )


@pytest.mark.parametrize("has_remote", [False, True])
def test_without_a_connection_to_a_host_nobody_could_review(has_remote: bool) -> None:
    found = survey(has_remote=has_remote)

    rails = parse_document(guardrails_text(found), "guardrails.yml")
    agents = parse_document(agents_text(found), "agents.yml")

    assert not rails.issues
    assert not agents.issues
    assert GuardrailsFile.model_validate(rails.value).approve.by == ("local",)
    assert AgentsFile.model_validate(agents.value).connections == {}
