"""Tools that users declare under `tools` of agents.yml: one body for each kind."""

from agentic.tools.own.hands import DRY_RUN, Hands
from agentic.tools.own.lookup import bodies_of, check_own_input
from agentic.tools.own.served import seen_path

__all__ = ["DRY_RUN", "Hands", "bodies_of", "check_own_input", "seen_path"]
