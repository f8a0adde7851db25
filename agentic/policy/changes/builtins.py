"""Names that dbt itself defines: who redefines one changes what dbt does for every node."""

from __future__ import annotations

# Macros of dbt's own packages (without adapter prefix), tests as `test_x`, and names of the
# rendering
# scope, as of dbt 1.8 to 1.12. A name that dbt adds later is caught by the families below.
_NAMES = """
_split_part_negative adapter after_commit alter_column_comment alter_column_type
alter_relation_add_remove_columns alter_relation_comment alter_table_set_partitioned_by
alter_table_set_sorted_by any_value api apply_grants array_append array_concat array_construct
assert_columns_equivalent before_begin bool_or build_config_dict build_ref_function
build_snapshot_staging_table build_snapshot_table build_source_function builtins
call_dcl_statements caller can_clone_table cast cast_bool_to_text check_for_schema_changes
check_schema_exists check_time_data_types collect_freshness collect_freshness_custom_sql concat
config context convert_datetime copy_grants create_columns create_csv_table create_indexes
create_or_replace_clone create_or_replace_view create_schema create_table_as create_view_as
current_timestamp current_timestamp_backcompat current_timestamp_in_utc_backcompat database date
date_spine date_trunc dateadd datediff dates_in_range dbt_version default_last_day
describe_materialized_view dict diff_column_data_types diff_columns dispatch
dispatch_temporary_relation doc drop_foreign_key_dependents drop_indexes_on_relation
drop_materialized_view drop_relation drop_relation_for_rebuild drop_relation_if_exists drop_schema
drop_schema_named drop_table drop_view duckdb_escape_comment enforced_constraint_types env_var
equals escape_single_quotes except exceptions execute existing_constraint_types external_location
flags flight_name format_column format_columns format_row
formatted_scalar_function_args_javascript formatted_scalar_function_args_sql fromjson fromyaml
function function_execute_build_sql generate_alias_name generate_database_name
generate_latest_version_pointer_alias generate_schema_name generate_schema_name_for_env
generate_series get_aggregate_function_create_replace_signature
get_aggregate_function_volatility_specifier get_alter_materialized_view_as_sql
get_assert_columns_equivalent get_batch_size get_binding_char get_catalog get_catalog_columns_sql
get_catalog_for_single_relation get_catalog_relations get_catalog_relations_where_clause_sql
get_catalog_results_sql get_catalog_schemas_where_clause_sql get_catalog_tables_sql
get_column_names get_column_schema_from_query get_columns_in_query get_columns_in_relation
get_create_backup_sql get_create_index_sql get_create_intermediate_sql
get_create_materialized_view_as_sql get_create_sql get_create_table_as_sql get_create_view_as_sql
get_csv_sql get_dbt_valid_to_current get_dcl_statement_list get_delete_insert_merge_sql
get_drop_backup_sql get_drop_index_sql get_drop_sql get_empty_schema_sql get_empty_subquery_sql
get_expected_sql get_fixture_sql get_formatted_aggregate_function_args
get_function_language_specifier get_function_python_options get_grant_sql
get_incremental_append_sql get_incremental_default_sql get_incremental_delete_insert_sql
get_incremental_insert_overwrite_sql get_incremental_merge_sql get_incremental_microbatch_sql
get_insert_into_sql get_insert_overwrite_merge_sql get_intervals_between get_limit_sql
get_limit_subquery_sql get_list_of_column_names get_materialization
get_materialized_view_configuration_changes get_merge_sql get_merge_unique_key_match
get_merge_update_columns get_or_create_relation get_partitioned_by get_powers_of_two
get_quoted_csv get_relation_last_modified get_relations get_rename_intermediate_sql
get_rename_materialized_view_sql get_rename_sql get_rename_table_sql get_rename_view_sql
get_replace_materialized_view_sql get_replace_sql get_replace_table_sql get_replace_view_sql
get_revoke_sql get_seed_column_quoted_csv get_select_subquery get_show_grant_sql
get_show_indexes_sql get_show_sql get_snapshot_get_time_data_type get_snapshot_table_column_names
get_sorted_by get_table_columns_and_constraints get_test_sql get_true_sql get_unit_test_sql
get_updated_at_column_data_type get_where_subquery graph handle_existing_table
has_foreign_key_constraints hash in_transaction incremental_validate_on_schema_change
information_schema_name intersect invocation_id is_core_v2 is_incremental last_day length
list_function_relations_without_caching list_relations_without_caching list_schemas listagg
load_cached_relation load_csv_rows load_relation load_result local_columns local_md5
location_exists log make_backup_relation make_hook_config make_intermediate_relation
make_relation_with_suffix make_temp_relation materialized_view_execute_build_sql
materialized_view_execute_no_op materialized_view_get_build_sql materialized_view_setup
materialized_view_teardown may_be_foreign_key_target merge_clause_defaults merge_join_clause
metric model modules namespace noop_statement normalize_incremental_predicates
normalize_string_or_list partition_range persist_docs position post_hooks post_snapshot
postgres_escape_comment postgres_get_relations pre_hooks print process_schema_changes
py_current_timestring py_script_comment py_script_postfix py_write_table range ref
refresh_materialized_view register_upstream_external_models rename_relation render
render_write_options replace reset_csv_table resolve_model_name restore_foreign_key_dependents
return right run_hooks run_query run_started_at safe_cast scalar_function_body_sql
scalar_function_create_replace_signature_sql scalar_function_sql
scalar_function_volatility_javascript scalar_function_volatility_sql schema schemas
selected_resources set set_sql_header set_strict should_full_refresh should_revoke
should_store_failures snapshot_check_all_get_existing_columns snapshot_check_strategy
snapshot_get_time snapshot_hash_arguments snapshot_merge_sql snapshot_staging_table
snapshot_string_as_time snapshot_timestamp_strategy source source_column_name split_part sql
sql_convert_columns_in_relation statement store_raw_result store_relation store_result
strategy_dispatch string_literal submit_python_job support_multiple_grantees_per_dcl_statement
sync_column_schemas table_columns_and_constraints target test_accepted_values test_not_null
test_relationships test_unique this tojson toyaml truncate_relation try_or_compiler_error
type_bigint type_boolean type_float type_int type_numeric type_string type_timestamp
unique_key_fields unique_key_is_not_null unique_key_is_null unique_key_join_on
unsupported_volatility_warning update_indexes_on_materialized_view validate_dict_field
validate_doc_columns validate_ducklake_restrictions validate_fixture_rows
validate_merge_clause_list validate_merge_clauses validate_merge_config validate_sql
validate_string_field validate_string_list_field validation var write write_to_file zip zip_strict
"""
BUILTIN_NAMES = frozenset(_NAMES.split())

ADAPTER_PREFIXES = frozenset(
    [
        "default",
        "athena",
        "bigquery",
        "clickhouse",
        "databricks",
        "dremio",
        "duckdb",
        "fabric",
        "fabricspark",
        "firebolt",
        "glue",
        "materialize",
        "mysql",
        "oracle",
        "postgres",
        "redshift",
        "singlestore",
        "snowflake",
        "spark",
        "sqlite",
        "sqlserver",
        "starrocks",
        "synapse",
        "teradata",
        "trino",
        "vertica",
    ]
)

# Families, by how a name begins: what dbt looks up by a made-up name.
FAMILIES = (
    "materialization_",
    "get_incremental_",
    "generate_schema_name",
    "generate_alias_name",
    "generate_database_name",
    "snapshot_",
    "create_table_as",
    "create_view_as",
)

RETARGETING = frozenset(
    [
        "generate_schema_name",
        "generate_alias_name",
        "generate_database_name",
        "generate_schema_name_for_env",
        "generate_latest_version_pointer_alias",
        "ref",
        "source",
        "build_ref_function",
        "build_source_function",
        "resolve_model_name",
    ]
)


def stem(name: str) -> str:
    """A macro's name without the adapter prefix: `duckdb__create_table_as` is `create_table_as`."""
    prefix, mark, rest = name.partition("__")
    return rest if mark and prefix.lower() in ADAPTER_PREFIXES and rest else name


def is_builtin(name: str) -> bool:
    """Does a macro of this name replace something of dbt's?"""
    plain = stem(name).lower()
    return plain in BUILTIN_NAMES or plain.startswith(FAMILIES)


def retargets(name: str) -> bool:
    """Does a macro of this name decide where relations are written or read?"""
    return stem(name).lower() in RETARGETING and stem(name).lower() not in ("ref", "source")
