"""Where things come from and what they break: graph, selectors, column lineage, impact.

Names are loaded when first used: selecting nodes needs neither sqlglot nor the warehouse, and
importing both costs more than most selections.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentic.lineage.breaking import Affected, Impact, impact
    from agentic.lineage.changes import NodeChange, changes_of
    from agentic.lineage.columns import ColumnLineage, Edge
    from agentic.lineage.criteria import Indirect, default_selector
    from agentic.lineage.emitted import EmittedColumns
    from agentic.lineage.expected import Expected, columns_expected_of
    from agentic.lineage.following import Consequences, consequences
    from agentic.lineage.graph import Graph
    from agentic.lineage.methods import UNSUPPORTED
    from agentic.lineage.schemas import catalog_schemas, live_schemas
    from agentic.lineage.selectors import (
        Selection,
        matches_nothing,
        resolve,
        resolve_selector,
        select,
    )
    from agentic.lineage.tracing import column_lineage

_WHERE = {
    "Affected": "breaking",
    "ColumnLineage": "columns",
    "Consequences": "following",
    "Edge": "columns",
    "EmittedColumns": "emitted",
    "Expected": "expected",
    "Graph": "graph",
    "Impact": "breaking",
    "Indirect": "criteria",
    "NodeChange": "changes",
    "Selection": "selectors",
    "UNSUPPORTED": "methods",
    "catalog_schemas": "schemas",
    "changes_of": "changes",
    "column_lineage": "tracing",
    "columns_expected_of": "expected",
    "consequences": "following",
    "default_selector": "criteria",
    "impact": "breaking",
    "live_schemas": "schemas",
    "matches_nothing": "selectors",
    "resolve": "selectors",
    "resolve_selector": "selectors",
    "select": "selectors",
}

__all__ = [
    "UNSUPPORTED",
    "Affected",
    "ColumnLineage",
    "Consequences",
    "Edge",
    "EmittedColumns",
    "Expected",
    "Graph",
    "Impact",
    "Indirect",
    "NodeChange",
    "Selection",
    "catalog_schemas",
    "changes_of",
    "column_lineage",
    "columns_expected_of",
    "consequences",
    "default_selector",
    "impact",
    "live_schemas",
    "matches_nothing",
    "resolve",
    "resolve_selector",
    "select",
]


def __getattr__(name: str) -> object:
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{where}"), name)
    globals()[name] = found
    return found
