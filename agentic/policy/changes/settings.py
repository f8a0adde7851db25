"""What each configuration key is worth: free, to be asked, or never an agent's to set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agentic.policy.changes.resources import as_json
from agentic.policy.changes.values import Opaque
from agentic.records import Verdict

FREE = frozenset(
    [
        "tags",
        "meta",
        "docs",
        "description",
        "persist_docs",
        "labels",
        "contract",
        "materialized",
        "on_configuration_change",
        "event_time",
        "resource_tags",
        "query_tag",
        "database_tags",
    ]
)
TABLES: dict[str, tuple[Verdict, str, str]] = {}


def _put(verdict: Verdict, code: str, reason: str, names: str) -> None:
    for name in names.split():
        TABLES[name] = (verdict, code, reason)


_put(
    "deny",
    "RELATION_RETARGET",
    "decides which relation is written",
    "schema database alias catalog catalog_name project dataset target_schema target_database "
    "identifier "
    "relation_name quoting full_refresh_schema snapshot_schema",
)
_put("deny", "PROJECT_CONFIG_CHANGE", "is only known at run time", "?")
_put(
    "deny",
    "HOOK_SQL",
    "is SQL that runs beside the node",
    "pre_hook post_hook pre-hook post-hook sql_header sql-header on-run-start on-run-end "
    "on_run_start on_run_end hooks",
)
_put(
    "deny",
    "GRANTS_CHANGE",
    "changes who may read or write",
    "grants copy_grants grant_access_to policy_groups row_access_policy",
)
_put(
    "deny",
    "EXTERNAL_IO",
    "reads or writes outside the warehouse",
    "location location_root external_location external_volume storage_uri base_location "
    "base_location_root "
    "base_location_subpath plugin external options s3_data_dir s3_data_naming external_root "
    "glue_register upstream_source_path "
    "stage format storage_integration connection_id filesystem volume path parquet csv delim "
    "rw_options database_path",
)
_put(
    "deny",
    "DATA_EXPIRY",
    "lets data expire",
    "hours_to_expiration partition_expiration_days data_retention_time_in_days retention "
    "retention_days ttl "
    "max_data_extension_time_in_days transient retention_period lf_tags vacuum delete_partitions "
    "expiration",
)
_put(
    "ask",
    "MATERIALIZATION_CHANGE",
    "changes how the relation is built",
    "materialized incremental_strategy unique_key on_schema_change incremental_predicates "
    "full_refresh merge_update_columns "
    "merge_exclude_columns merge_clauses partition_by partitions cluster_by partitioned_by "
    "sorted_by sort dist sort_type indexes unlogged bind backup "
    "auto_refresh target_lag refresh_mode initialize begin batch_size lookback concurrent_batches "
    "require_partition_filter enable_refresh refresh_interval_minutes max_staleness kms_key_name "
    "file_format table_format "
    "buckets clustered_by liquid_clustered_by zorder auto_liquid_cluster tblproperties "
    "predicates insert_by_period order_by primary_key engine secure "
    "automatic_clustering temporary tmp_relation_type delete_target_not_matched_by_source "
    "delete_condition inference column_types delimiter quote_columns "
    "create_table_as_options enabled_fields iceberg merge_with_schema_evolution "
    "skip_matched_step skip_not_matched_step",
)
_put(
    "ask",
    "COST_CONFIG_CHANGE",
    "changes what the build may cost",
    "snowflake_warehouse snowflake_initialization_warehouse databricks_compute compute warehouse "
    "cluster_id submission_method "
    "maximum_bytes_billed job_execution_timeout_seconds job_retries timeout threads cpu memory "
    "reservation "
    "execution_project quota_project priority python_job_config http_path "
    "dataproc_cluster_name dataproc_region gcs_bucket",
)
_put(
    "ask",
    "CONTRACT_CHANGE",
    "changes whom the node is promised to",
    "access group deprecation_date latest_version defined_in constraints versions",
)
_put(
    "ask",
    "PII_POLICY_CHANGE",
    "changes how personal data is protected",
    "policy_tags masking_policy column_masking",
)
_put(
    "ask",
    "FRESHNESS_CHANGE",
    "changes when data counts as late",
    "freshness loaded_at_field loaded_at_query build_after",
)
_put("ask", "RESOURCE_DELETED", "takes the node out of the project", "enabled")
_put(
    "deny",
    "PYTHON_CODE",
    "runs Python",
    "packages imports language python_version additional_libs python_udf",
)
_put(
    "deny",
    "SNAPSHOT_CHANGE",
    "changes what a snapshot keeps",
    "strategy updated_at check_cols invalidate_hard_deletes hard_deletes dbt_valid_to_current "
    "snapshot_meta_column_names",
)

SNAPSHOT_KEYS = frozenset(
    [
        "strategy",
        "updated_at",
        "check_cols",
        "invalidate_hard_deletes",
        "hard_deletes",
        "dbt_valid_to_current",
        "snapshot_meta_column_names",
        "unique_key",
        "relation",
    ]
)
SAFE_MATERIALIZATIONS = frozenset(
    ["table", "view", "incremental", "ephemeral", "materialized_view", "snapshot", "seed", "test"]
)

# A new node may set these as it likes: nothing that exists is changed by them.
NEW_FREE = frozenset(
    name
    for name, (_, code, _) in TABLES.items()
    if code in ("MATERIALIZATION_CHANGE", "CONTRACT_CHANGE", "FRESHNESS_CHANGE", "SNAPSHOT_CHANGE")
) - {"full_refresh", "materialized", "deprecation_date", "versions"}


class Setting(msgspec.Struct, frozen=True):
    """One key that a change sets, changes or removes."""

    verdict: Verdict
    code: str
    reason: str
    key: str


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Keys as dbt knows them, whatever their spelling (`+pre-hook`, `pre_hook`)."""
    made: dict[str, Any] = {}
    for key, value in config.items():
        plain = str(key).lstrip("+")
        made[
            plain.replace("-", "_") if plain in ("pre-hook", "post-hook", "sql-header") else plain
        ] = value
    return made


def compare_config(
    before: Mapping[str, Any], after: Mapping[str, Any], *, new: bool, kind: str
) -> Iterator[Setting]:
    """What the difference of two configurations is worth."""
    old, now = flat(before), flat(after)
    for key in sorted({*old, *now}):
        was, is_ = old.get(key), now.get(key)
        if same(was, is_) or key == "name":
            continue
        if key not in _TEXTS and any(map(_statement, _texts(is_))):
            yield _setting("deny", "SQL_POLICY", "holds a second statement or a comment", key, is_)
        judged = _one(key, was, is_, new=new, kind=kind)
        if judged is not None:
            yield judged


_TEXTS = frozenset(["meta", "docs", "description", "persist_docs", "labels", "tags", "owner"])
_STATEMENT = re.compile(
    r";|--|/\*|\b(?:select|insert|delete|update|drop|alter|create|copy|attach|grant)\b\s", re.I
)


def _statement(text: str) -> bool:
    return bool(_STATEMENT.search(text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def same(left: Any, right: Any) -> bool:
    return (
        left is right
        or (type(left) is type(right) and as_json(left) == as_json(right))
        or (as_json(left) == as_json(right))
    )


def _one(key: str, was: Any, is_: Any, *, new: bool, kind: str) -> Setting | None:
    if isinstance(is_, Opaque) and "target" in is_.note:
        return Setting(
            "ask", "ENV_DEPENDENT_LOGIC", f"{key} depends on the environment.", f"env {key}"
        )
    special = _SPECIAL.get(key)
    if special is not None:
        return special(key, was, is_, new, kind)
    if key in FREE:
        return None
    if kind == "snapshot" and key in SNAPSHOT_KEYS:
        return (
            None
            if new
            else _setting("deny", "SNAPSHOT_CHANGE", "changes what a snapshot keeps", key, is_)
        )
    if new and key in NEW_FREE:
        return None
    if new and kind == "snapshot" and key in ("target_schema", "target_database"):
        # dbt before 1.9 demands it of every snapshot; a person sees where a new one is written
        return _setting("ask", "RELATION_RETARGET", "decides where the snapshot is kept", key, is_)
    if key in TABLES:
        verdict, code, reason = TABLES[key]
        return _setting(verdict, code, reason, key, is_)
    return _setting(
        "ask", "PROJECT_CONFIG_CHANGE", "is no setting that this policy knows", key, is_
    )


def _setting(verdict: Verdict, code: str, reason: str, key: str, value: Any) -> Setting:
    return Setting(verdict, code, f"The setting {key} {reason}.", f"{key} {as_json(value)[:200]}")


def _materialized(key: str, was: Any, is_: Any, new: bool, kind: str) -> Setting | None:  # noqa: ARG001
    if is_ == "external":
        return _setting("deny", "EXTERNAL_IO", "writes a file outside the warehouse", key, is_)
    if isinstance(is_, str) and is_ not in SAFE_MATERIALIZATIONS:
        reason = "names a materialization that dbt does not ship"
        return _setting("deny", "CUSTOM_MATERIALIZATION", reason, key, is_)
    if new and isinstance(is_, str):
        return None
    return _setting("ask", "MATERIALIZATION_CHANGE", "changes how the relation is built", key, is_)


def _contract(key: str, was: Any, is_: Any, new: bool, kind: str) -> Setting | None:  # noqa: ARG001
    def enforced(value: Any) -> bool:
        return bool(value.get("enforced")) if isinstance(value, dict) else bool(value)

    if enforced(was) and not enforced(is_):
        return _setting("ask", "CONTRACT_CHANGE", "no longer enforces the contract", key, is_)
    if (
        isinstance(was, dict)
        and isinstance(is_, dict)
        and was.get("alias_types", True) != is_.get("alias_types", True)
    ):
        return _setting("ask", "CONTRACT_CHANGE", "checks the contract in another way", key, is_)
    return None


def _enabled(key: str, was: Any, is_: Any, new: bool, kind: str) -> Setting | None:  # noqa: ARG001
    if new and is_ is not False:
        return (
            None
            if is_ is True
            else _setting("ask", "ENV_DEPENDENT_LOGIC", "depends on what only dbt knows", key, is_)
        )
    if is_ in (True, None):
        return None
    return _setting("ask", "RESOURCE_DELETED", "takes the node out of the project", key, is_)


def _meta(key: str, was: Any, is_: Any, new: bool, kind: str) -> Setting | None:  # noqa: ARG001
    old = was if isinstance(was, dict) else {}
    now = is_ if isinstance(is_, dict) else {}
    if not same(old.get("agentic"), now.get("agentic")):
        return _setting(
            "deny", "GUARDRAIL_SELF_EDIT", "holds a node's own guardrails under agentic", key, is_
        )
    for name in ("external_location", "plugin", "external"):
        if not same(old.get(name), now.get(name)):
            return _setting(
                "deny", "EXTERNAL_IO", f"reads outside the warehouse through {name}", key, is_
            )
    return None


def _group(key: str, was: Any, is_: Any, new: bool, kind: str) -> Setting | None:  # noqa: ARG001
    if new and key in ("access", "group") and is_ != "public":
        return None
    return _setting("ask", "CONTRACT_CHANGE", "changes whom the node is promised to", key, is_)


_SPECIAL = {
    "materialized": _materialized,
    "contract": _contract,
    "enabled": _enabled,
    "meta": _meta,
    "access": _group,
    "group": _group,
}
