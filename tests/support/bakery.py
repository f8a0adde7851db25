"""A dbt project with everything that `agentic init` looks for; parsed by dbt, never built."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FILES = {
    "dbt_project.yml": """\
name: bakery
version: "1.0"
config-version: 2
profile: bakery
model-paths: [models]
snapshot-paths: [snaps]
vars: {team: ovens}
flags: {send_anonymous_usage_stats: false}
""",
    "profiles.yml": """\
bakery:
  target: local
  outputs:
    local: {type: duckdb, path: local.duckdb, schema: main}
    ci: {type: duckdb, path: ci.duckdb, schema: ci}
    bakery_prod:
      type: duckdb
      path: "{{ env_var('BAKERY_PROD_FILE', 'prod.duckdb') }}"
      schema: sales
""",
    "models/raw/sources.yml": """\
version: 2
sources:
  - name: till
    schema: till
    loaded_at_field: at
    freshness: {warn_after: {count: 1, period: day}}
    tables:
      - name: receipts
        columns:
          - name: id
          - name: customer_email
          - name: phone
            tags: [PII]
""",
    "models/bread/staging/stg_receipts.sql": "select * from {{ source('till', 'receipts') }}\n",
    "models/bread/staging/deeper/base/base_x.sql": "select 1 as x\n",
    "models/bread/marts/sales.sql": """\
{{ config(tags=['gold'], meta={'owner': 'ovens@bakery.test'}) }}
select * from {{ ref('stg_receipts') }}
""",
    "models/odd folder/intermediate/int_x.sql": "select 1 as x\n",
    "macros/nothing.sql": "{% macro nothing() %}{% endmacro %}\n",
    "snaps/s.sql": """\
{% snapshot s %}
{{ config(target_schema='history', unique_key='id', strategy='check', check_cols=['id']) }}
select 1 as id
{% endsnapshot %}
""",
}


def make_bakery(root: Path, **changes: str) -> Path:
    """Write the project; `changes` replace or add files by their path."""
    for name, text in {**FILES, **changes}.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def agentic(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run agentic as a user would, in the project's folder."""
    script = "from agentic.cli.entry import main\nmain()"
    return subprocess.run(
        [sys.executable, "-c", script, *args],
        cwd=root,
        env=os.environ.copy(),
        capture_output=True,
        text=True,
        check=False,
    )
