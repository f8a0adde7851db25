"""pydantic-ai on the same conversation, run by a Python that has it.

    PYTHON benchmarks/_steps_peer.py URL STEPS RUNS

Prints one JSON object: CPU and wall seconds of RUNS agents at once, once everything is imported and
one run has warmed it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from pydantic_ai import Agent, UsageLimits
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

PAGE = "select order_id, customer_id, amount, ordered_at from raw.orders where amount > 0\n" * 12


def look(place: int) -> dict[str, Any]:
    """One page of a file."""
    return {"place": place, "text": PAGE}


async def main(url: str, steps: int, runs: int) -> dict[str, float]:
    model = AnthropicModel(
        "claude-opus-5-5", provider=AnthropicProvider(api_key="benchmark", base_url=url)
    )
    agent = Agent(model, instructions="Read. " * 200, tools=[look])
    unlimited = UsageLimits(request_limit=None)

    async def one() -> int:
        done = await agent.run("Look around.", usage_limits=unlimited)
        return sum(
            part.part_kind == "tool-return" for said in done.all_messages() for part in said.parts
        )

    await one()
    wall, cpu = time.perf_counter(), time.process_time()
    found = await asyncio.gather(*(one() for _ in range(runs)))
    spent = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    assert found == [steps] * runs, found
    return spent


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
