"""Where things come from and what they break: graph, selectors, column lineage, impact."""

from agentic.lineage.columns import ColumnLineage, Edge
from agentic.lineage.expected import Expected, columns_expected_of
from agentic.lineage.graph import Graph
from agentic.lineage.impact import Affected, Impact, impact
from agentic.lineage.methods import UNSUPPORTED
from agentic.lineage.schemas import catalog_schemas, live_schemas
from agentic.lineage.selectors import Selection, matches_nothing, resolve, select
from agentic.lineage.tracing import column_lineage

__all__ = [
    "UNSUPPORTED",
    "Affected",
    "ColumnLineage",
    "Edge",
    "Expected",
    "Graph",
    "Impact",
    "Selection",
    "catalog_schemas",
    "column_lineage",
    "columns_expected_of",
    "impact",
    "live_schemas",
    "matches_nothing",
    "resolve",
    "select",
]
