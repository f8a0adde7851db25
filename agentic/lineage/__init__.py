"""Where things come from and what they break: graph, selectors, column lineage, impact."""

from agentic.lineage.columns import ColumnLineage, Edge, column_lineage
from agentic.lineage.expected import Expected, columns_expected_of
from agentic.lineage.graph import Graph
from agentic.lineage.methods import UNSUPPORTED
from agentic.lineage.selectors import Selection, matches_nothing, resolve, select

__all__ = [
    "UNSUPPORTED",
    "ColumnLineage",
    "Edge",
    "Expected",
    "Graph",
    "Selection",
    "column_lineage",
    "columns_expected_of",
    "matches_nothing",
    "resolve",
    "select",
]
