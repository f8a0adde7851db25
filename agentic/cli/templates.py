"""The texts that `agentic init` writes: complete, commented, and free of what does not apply."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentic.cli.survey import Survey

_KINDS = (
    "run_error",
    "parse_error",
    "compile_error",
    "test_failure",
    "unit_test_failure",
    "contract_violation",
    "schema_drift",
)


def agents_text(found: Survey) -> str:
    """agents.yml."""
    kinds = (*_KINDS, "source_stale") if found.freshness else _KINDS
    owner = f"    meta: {{owner: {_quoted(found.owner)}}}\n" if found.owner else ""
    return f"""\
# Agents of {found.project}: who handles what when a dbt run breaks.
# `agentic compile` checks this file, `agentic ls` lists what it means, and
# `agentic schema agents` prints its JSON Schema for editors.
version: 1

agents:
  - name: triage
    # Instructions, tools and output of the standard agent of the package.
    extends: agentic.triage
    description: Finds why a build of {found.project} failed and proposes the smallest fix.
{owner}\
    # Which incidents it handles. The first agent in this file that matches one takes it.
    when:
{_lines(kinds, 6)}
    # Which nodes it may see and propose to change, as for `dbt ls --select`; default: all.
    # select: "+tag:finance+"
    # auto: anthropic with a key in the environment, else rules, which need none.
    engine: auto
    # Limits can only tighten those of guardrails.yml.
    # limits: {{tool_calls: 20, cost_usd: 1.00, duration: 20m}}

# Where escalations and notifications go; guardrails.yml names them under `escalate.to`.
# A secret stays a reference: it is read from the environment when it is used.
# connections:
#   oncall: {{slack: "{{{{ env_var('SLACK_WEBHOOK_URL') }}}}"}}
#   reviews: {{github: "{{{{ env_var('GITHUB_TOKEN') }}}}"}}
"""


def guardrails_text(found: Survey) -> str:
    """guardrails.yml."""
    return "\n".join(
        [
            f"""\
# What agents may do in {found.project}. Verdict first: allow, ask, deny. The strictest rule that
# matches wins, whatever the order, and a change that no rule matches is `ask`.
# Items are dbt selections (tag:gold, source:shop, +orders), path:FOLDER, and for what dbt does not
# name relation:schema.table and column:schema.table.column, with `*`.
# Always on, and no settings: tests are never weakened; guardrails and agents files, profiles, CI
# and package files are never an agent's to edit; production is never written.
version: 1
""",
            _read(found),
            _change(found),
            _places(found),
            """\
# Bounds of one statement that an agent runs.
sql: {max_rows: 500, max_bytes_scanned: 10GB, timeout: 60s}

# Bounds of one run. An exceeded limit is a denial.
limits:
  nodes_changed: 5
  nodes_downstream: 50
  rows_deleted: 0
  backfill: {days: 7, ask_above: 1TB}
  tool_calls: 40
  tokens: 200000
  cost_usd: 2.00
  cost_usd_per_day: 50
  duration: 30m

# How long an incident may stay open before it is escalated, and to which connections of agents.yml.
escalate: {after: 30m, to: []}

""",
            _approve(found),
        ]
    )


def _approve(found: Survey) -> str:
    host = "" if found.has_remote else " This repository has no remote yet."
    return f"""\
# Whose approval counts. What is typed at a terminal counts, and is recorded as unsigned.
# Better, where agents share the machine: git_review (a review of the pull request; it needs a
# connection of kind github) or ssh:PRINCIPAL (a signature checked against allowed_signers).{host}
approve: {{by: [local], for: [backfill, policy_change]}}
"""


def _read(found: Survey) -> str:
    masks = [f"tag:{tag}" for tag in found.pii_tags]
    text = """\
# What agents may read: the project's relations. Deny: not output, not probed. Mask: readable,
# values leave masked. What is tagged `pii` and not masked here cannot be read.
read:
  deny: []
"""
    text += f"  mask: {_list(masks)}\n"
    if found.personal_columns:
        items = _list([f"column:{name}" for name in found.personal_columns])
        text += f"  # Columns that sound personal:\n  # mask: {items}\n"
    return text


def _change(found: Survey) -> str:
    ask = [f"path:{name}" for name in found.ask] + [f"tag:{tag}" for tag in found.care_tags]
    allow = [f"path:{name}" for name in found.allow]
    return f"""\
# What a proposal may touch. allow: a pull request that is ready for review; ask: a draft that names
# what needs approval; deny: never proposed, the run escalates.
change:
  allow: {_list(allow)}
  ask: {_list(ask)}
  deny: ["source:*"]   # raw data and its declarations belong to whoever loads them
"""


def _places(found: Survey) -> str:
    schemas = _list([found.schema_pattern])
    targets = ", ".join(found.targets)
    if found.build_target:
        return f"""\
# Where agents build, and the only schemas that they may write to.
# Targets of the profile: {targets}.
build: {{target: {_quoted(found.build_target)}, schemas: {schemas}}}

# dbt targets that every agent may only read.
production: {{targets: {_list(found.production_targets)}}}
"""
    return f"""\
# Where agents build: by default the target whose run failed, in schemas of their own, the only ones
# that they may write to. Targets of the profile: {targets}.
build: {{schemas: {schemas}}}

# dbt targets that every agent may only read; by default all but the build target.
# production: {{targets: [prod]}}
"""


def _lines(items: Sequence[str], indent: int) -> str:
    return "\n".join(f"{' ' * indent}- {item}" for item in items)


def _list(items: Sequence[str]) -> str:
    return "[" + ", ".join(map(_quoted, items)) + "]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
