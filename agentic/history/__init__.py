"""What was: how nodes ran, and what relations held after green invocations.

`record_invocation` and `record_profiles` write it, once an invocation; everything else reads it.
Figures of a relation as it is now come from `profile_relation` and, day by day, `daily_series`.
"""

from agentic.history.daily import daily_by, daily_series, time_column
from agentic.history.invocations import (
    invocations,
    is_green,
    node_runs,
    record_invocation,
    runs_of_last,
)
from agentic.history.profiling import Ask, profile_by, profile_relation
from agentic.history.relations import Recorded, last_good_profile, profiles, record_profiles
from agentic.history.shapes import (
    ColumnProfile,
    DailySeries,
    Day,
    DayColumn,
    Invocation,
    NodeRun,
    RelationProfile,
    TopValue,
)
from agentic.history.tables import record_from_tables, records_schema

__all__ = [
    "Ask",
    "ColumnProfile",
    "DailySeries",
    "Day",
    "DayColumn",
    "Invocation",
    "NodeRun",
    "Recorded",
    "RelationProfile",
    "TopValue",
    "daily_by",
    "daily_series",
    "invocations",
    "is_green",
    "last_good_profile",
    "node_runs",
    "profile_by",
    "profile_relation",
    "profiles",
    "record_from_tables",
    "record_invocation",
    "record_profiles",
    "records_schema",
    "runs_of_last",
    "time_column",
]
