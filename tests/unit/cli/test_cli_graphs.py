"""Plans and orchestrators as they are drawn."""

from __future__ import annotations

from agentic.cli import graphs
from agentic.records import Compiled, CompiledAgent, CompiledGuardrails, CompiledPlan, PlanStep

PLAN = CompiledPlan(
    "mart",
    "a daily sales mart",
    (
        PlanStep("ingest", agent="ingestion", review=True, retries=2, on_success="test"),
        PlanStep("test", tool="dbt_test", on_failure="ingest"),
    ),
)
COMPILED = Compiled(
    "shop",
    (
        CompiledAgent("agentic.lead", delegates=("data", "code"), when=("test_failure",)),
        CompiledAgent("data", description="Reads data."),
        CompiledAgent("code", delegates=("data",)),
    ),
    CompiledGuardrails(),
    plans=(PLAN,),
)


def test_the_text_shows_steps_routes_and_teams() -> None:
    assert "\n".join(graphs.as_text(COMPILED)) == (
        "plan mart: a daily sales mart\n"
        "  together at most 40 tool calls, 200,000 tokens, 2 USD, 30 min\n"
        "  ingest  agent ingestion  [a person looks, at most 3 times]\n"
        "            success -> test\n"
        "            failure -> escalate\n"
        "            review  -> escalate\n"
        "  test    tool dbt_test\n"
        "            success -> end\n"
        "            failure -> ingest  (back)\n"
        "\n"
        "orchestrator agentic.lead  (test_failure)\n"
        "  |- data: Reads data.\n"
        "  `- code\n"
        "     `- data: Reads data.\n"
        "\n"
        "orchestrator code  (only when called)\n"
        "  `- data: Reads data.\n"
        "\n"
        "agent data  (only when called)"
    )


def test_mermaid_has_a_node_for_every_end_of_an_edge() -> None:
    lines = list(graphs.as_mermaid(COMPILED))

    assert '    plan_mart_ingest{{"ingest: ingestion"}}' in lines
    assert "    plan_mart_test -.->|failure| plan_mart_ingest" in lines
    assert "    plan_mart_end([end])" in lines
    assert "  agentic_lead ==> data" in lines


def test_json_has_a_node_for_every_edge_but_ends_and_incidents() -> None:
    drawn = graphs.as_json(COMPILED)

    ids = {node["id"] for node in drawn["nodes"]}
    loose = {edge["to"] for edge in drawn["edges"]} - ids
    assert loose == {"plan:mart/end", "plan:mart/escalate"}
    assert {"from": "plan:mart", "to": "plan:mart/ingest", "kind": "start"} in drawn["edges"]


def test_a_selection_draws_what_it_names() -> None:
    some = graphs.chosen(COMPILED, [{"resource_type": "plan", "name": "mart"}])

    assert (some.agents, some.plans) == ((), (PLAN,))
