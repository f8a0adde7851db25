"""The tables. `schema_version` in `meta` is checked at every open; one upgrader a bump."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, String, Table, Text

SCHEMA_VERSION = 1

metadata = MetaData()

meta = Table(
    "agentic_meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

runs = Table(
    "agentic_runs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("project", Text, nullable=False),
    Column("incident", String(64), nullable=False, index=True),
    Column("inputs_hash", String(64), nullable=False),
    Column("agent", Text, nullable=False),
    Column("status", String(32), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("started_at", String(40), nullable=False),
    Column("ended_at", String(40)),
    Column("cost_usd", Float, nullable=False, default=0.0),
    Column("result", Text),
)

steps = Table(
    "agentic_steps",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("input_hash", String(64), nullable=False),
    Column("began_at", String(40), nullable=False),
    Column("ended_at", String(40)),
    Column("input", Text, nullable=False),
    Column("output", Text),
)

incidents = Table(
    "agentic_incidents",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("project", Text, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("node", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("first_seen_at", String(40), nullable=False),
    Column("last_seen_at", String(40), nullable=False),
    Column("run_id", String(64)),
    Column("root_cause", String(64)),
    Column("record", Text, nullable=False),
)

audit = Table(
    "agentic_audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String(40), nullable=False),
    Column("project", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

approvals = Table(
    "agentic_approvals",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", Text, nullable=False),
    Column("run_id", String(64), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("content_hash", String(64), nullable=False, index=True),
    Column("bound_hash", String(64), nullable=False),
    Column("payload", Text, nullable=False),
    Column("payload_hash", String(64), nullable=False),
    Column("rules", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", String(40), nullable=False),
    Column("expires_at", String(40), nullable=False),
    Column("decided_at", String(40)),
    Column("decided_by", Text),
    Column("proof", Text),
    Column("reason", Text),
    Column("used_at", String(40)),
    Column("used_by", Text),
)

tokens = Table(
    "agentic_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("approval_id", String(32), nullable=False, index=True),
    Column("payload_hash", String(64), nullable=False),
    Column("issued_at", String(40), nullable=False),
    Column("expires_at", String(40), nullable=False),
    Column("used_at", String(40)),
)

# What dbt did and what relations held; only the history room reads and writes these.

invocations = Table(
    "agentic_invocations",
    metadata,
    Column("project", Text, primary_key=True),
    Column("invocation_id", String(64), primary_key=True),
    Column("at", String(40), nullable=False),
    Column("green", Integer, nullable=False),
    Column("profiled", Integer, nullable=False, default=0),
    Column("record", Text, nullable=False),
)

node_runs = Table(
    "agentic_node_runs",
    metadata,
    Column("project", Text, primary_key=True),
    Column("unique_id", Text, primary_key=True),
    Column("invocation_id", String(64), primary_key=True),
    Column("at", String(40), nullable=False),
    Column("status", String(32), nullable=False),
    Column("record", Text, nullable=False),
)

profiles = Table(
    "agentic_profiles",
    metadata,
    Column("project", Text, primary_key=True),
    Column("unique_id", Text, primary_key=True),
    Column("invocation_id", String(64), primary_key=True),
    Column("at", String(40), nullable=False),
    Column("good", Integer, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("record", Text, nullable=False),
)
