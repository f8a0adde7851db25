"""Where things come from and what they break: graph, selectors, column lineage, impact."""

from agentic.lineage.graph import Graph
from agentic.lineage.methods import UNSUPPORTED
from agentic.lineage.selectors import Selection, matches_nothing, resolve, select

__all__ = [
    "UNSUPPORTED",
    "Graph",
    "Selection",
    "matches_nothing",
    "resolve",
    "select",
]
