"""Which functions may be called: pure ones, listed by engine in `calls/`. Unknown ones are denied."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from agentic.sql.effects import Call
from agentic.sql.tables import Refusal

_LISTS = Path(__file__).parent / "calls"
_SAME_ENGINE = {"spark": "databricks"}
_COMBINATORS = re.compile(
    r"(simplestate|state|merge|mergestate|if|array|map|ornull|ordefault|distinct|foreach|resample"
    r"|argmin|argmax)$"
)
# What may stand before a dot: BigQuery's own families, and PostgreSQL's own schema.
_PREFIXES = {
    "bigquery": frozenset({"safe", "net", "hll_count"}),
    "postgres": frozenset({"pg_catalog"}),
    "redshift": frozenset({"pg_catalog"}),
}
# Engines where `value.f()` is `f(value)`.
_CHAINING = frozenset({"duckdb"})

_DENIED: dict[str, str] = {}


def _deny(code: str, names: str) -> None:
    _DENIED.update(dict.fromkeys(names.split(), code))


_deny(
    "EXTERNAL_IO",
    """read_csv read_csv_auto read_parquet read_json read_json_auto read_ndjson read_ndjson_auto
    read_json_objects read_json_objects_auto read_ndjson_objects read_text read_blob read_duckdb
    glob parquet_scan parquet_metadata parquet_schema parquet_file_metadata parquet_kv_metadata
    parquet_bloom_probe parquet_full_metadata sniff_csv sqlite_scan sqlite_attach postgres_scan
    postgres_scan_pushdown postgres_query postgres_attach mysql_scan mysql_query delta_scan iceberg_scan
    iceberg_metadata iceberg_snapshots st_read st_read_meta st_drivers read_xlsx read_gsheet
    http_get http_post http_put http_delete http_head http_patch open_prompt shellfs pandas_scan
    arrow_scan arrow_scan_dumb python_map_function read_avro read_files cloud_files ai_query_files
    pg_read_file pg_read_binary_file pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_tmpdir
    pg_ls_archive_statusdir pg_stat_file pg_current_logfile lo_import lo_export lo_get lo_put
    lo_create lo_creat lo_open lo_unlink lo_from_bytea loread lowrite lo_truncate pg_file_write pg_file_read
    pg_file_rename pg_file_unlink pg_logdir_ls adminpack dblink dblink_exec dblink_connect
    dblink_open dblink_fetch dblink_send_query dblink_get_result dblink_connect_u postgres_fdw_get_connections
    load_file readfile writefile edit lsdir fsdir csv_reader file s3 s3cluster gcs hdfs hdfscluster url urlcluster remote
    remotesecure mysql postgresql mongodb sqlite jdbc odbc redis iceberg deltalake hudi
    azureblobstorage azureblobstoragecluster cosn oss icebergs3 iceberglocal icebergazure filecluster executable
    input infile deltalakecluster icebergcluster paimon ytsaurus arrowflight
    openrowset opendatasource openquery openxml bulkcolumn external_query
    get_presigned_url get_stage_location get_absolute_path get_relative_path build_stage_file_url
    build_scoped_file_url infer_schema list_files read_kafka read_kinesis read_pubsub read_pulsar
    read_statestore reflect java_method try_reflect http_request remote_query
    fl_get_file_type to_file try_to_file directory sys_eval sys_exec
    xp_cmdshell xp_dirtree xp_fileexist fn_xe_file_target_read_file fn_trace_gettable fn_get_audit_file
    fn_dblog fn_dump_dblog urlfunction system$send_email system$send_snowflake_notification lakehouse_scan
    utl_http utl_file urldecodefile filesystemavailable sp_oacreate azure_blob delta_sharing""",
)
_deny(
    "SIDE_EFFECT_FUNCTION",
    """nextval setval currval lastval setseed pg_sleep pg_sleep_for pg_sleep_until sleep sleep_ms benchmark
    sleepeachrow pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_notify
    pg_promote pg_switch_wal pg_create_restore_point pg_start_backup pg_stop_backup pg_backup_start
    pg_backup_stop pg_logical_emit_message pg_stat_reset pg_stat_statements_reset
    pg_create_logical_replication_slot pg_create_physical_replication_slot pg_drop_replication_slot
    pg_replication_slot_advance pg_logical_slot_get_changes pg_logical_slot_peek_changes
    pg_log_backend_memory_contexts pg_export_snapshot pg_wal_replay_pause pg_wal_replay_resume
    pg_import_system_collations gin_clean_pending_list brin_summarize_range
    brin_summarize_new_values brin_desummarize_range pg_stat_reset_shared pg_extension_config_dump
    pg_replication_origin_create pg_replication_origin_drop pg_prewarm pg_truncate_visibility_map
    txid_current pg_current_xact_id pg_stat_clear_snapshot
    last_insert_id release_lock release_all_locks master_pos_wait source_pos_wait wait_for_executed_gtid_set
    wait_until_sql_thread_after_gtids set_user_variable
    load_extension checkpoint force_checkpoint write_log truncate_duckdb_logs enable_logging
    disable_logging enable_profiling disable_profiling enable_object_cache
    system$abort_session system$abort_transaction system$cancel_query system$cancel_all_queries
    system$pipe_force_resume system$task_dependents_enable system$user_task_cancel_ongoing_executions
    system$stream_has_data system$wait system$wait_for_services generateserialid throwif error raise_error assert_true
    raiserror ai_query ai_gen ai_generate ai_generate_text ai_classify ai_extract ai_fix_grammar
    ai_mask ai_similarity ai_summarize ai_translate ai_analyze_sentiment ai_forecast ai_complete ai_filter ai_agg
    ai_sentiment ai_embed ai_parse_document ai_transcribe ai_summarize_agg ai_redact ai_count_tokens
    embed_text_768 embed_text_1024 complete prompt embedding openai_chat evalmlmethod vector_search ai_function
    http_client newsequentialid get_lock is_free_lock is_used_lock uuid_short dictgetorthrow
    zookeepersessionuptime evaluatemodel catboostevaluate modelevaluate llm_complete llm_embedding
    snowflake.cortex.complete pg_advisory_lock_all txid_status error_if generateserial""",
)
_deny(
    "LOCKING",
    """pg_advisory_lock pg_advisory_lock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared
    pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock
    pg_try_advisory_xact_lock_shared pg_advisory_unlock pg_advisory_unlock_all
    pg_advisory_unlock_shared get_lock""",
)
_deny(
    "DYNAMIC_SQL",
    """query query_table json_execute_serialized_sql json_deserialize_sql json_serialize_plan from_substrait
    from_substrait_json get_substrait query_to_xml query_to_xmlschema query_to_xml_and_xmlschema
    table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
    schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema
    cursor_to_xml cursor_to_xmlschema ts_stat ts_rewrite crosstab crosstab2 crosstab3 crosstab4 crosstabn
    connectby xpath_table eval exec execute execute_immediate sp_executesql identifier result_scan
    merge_tables view viewifpermitted viewexplain merge cluster clusterallreplicas dictionary loop
    mergetreeindex mergetreeprojection table_changes seq_scan invoke fuzzquery fuzzjson
    evaluate_query timeseriesdata timeseriesmetrics timeseriestags to_query refcursor
    read_statestore sqlexec event_log which_secret generaterandom null_table remote_execute apply_sql""",
)
_deny(
    "SYSTEM_CATALOG",
    """current_setting pg_settings_get_flags pg_show_all_settings pg_show_all_file_settings pg_hba_file_rules
    pg_get_viewdef pg_get_functiondef pg_get_triggerdef pg_get_ruledef pg_get_indexdef
    pg_get_constraintdef pg_get_expr pg_get_statisticsobjdef pg_stat_get_activity
    pg_stat_get_backend_activity pg_lock_status pg_prepared_statement pg_cursor pg_config
    pg_control_system pg_control_checkpoint pg_control_init pg_control_recovery inet_server_addr
    inet_client_addr inet_server_port inet_client_port pg_backend_pid pg_mcv_list_items
    pg_relation_filepath pg_tablespace_location pg_get_function_sqlbody pg_get_function_arguments
    pg_stat_get_wal_senders pg_postmaster_start_time pg_conf_load_time current_query pg_get_keywords_ pg_ident_file_mappings
    pg_blocking_pids pg_listening_channels pg_get_serial_sequence pg_database_size pg_tablespace_size
    duckdb_settings duckdb_secrets duckdb_functions duckdb_extensions duckdb_temporary_files duckdb_memory
    duckdb_logs duckdb_log_contexts duckdb_variables duckdb_prepared_statements duckdb_sequences
    duckdb_triggers duckdb_optimizers duckdb_external_file_cache duckdb_connection_count
    duckdb_dependencies duckdb_keywords duckdb_secret_types duckdb_eviction_queues
    pragma_storage_info pragma_metadata_info pragma_user_agent pragma_version pragma_platform
    pragma_collations pragma_database_list pragma_compile_options pragma_function_list
    pragma_module_list pragma_pragma_list stats getenv getvariable system$allowlist
    get_ddl current_ip_address current_available_roles current_session current_transaction current_statement
    current_client login_history query_history query_history_by_session query_history_by_user
    query_history_by_warehouse task_history copy_history warehouse_load_history
    warehouse_metering_history automatic_clustering_history policy_references tag_references
    access_history rest_event_history stage_storage_usage_history system$typeof_ system$clustering_information
    system$get_privatelink_config system$client_version_info system$last_change_commit_time
    object_definition serverproperty sessionproperty connectionproperty context_info session_context
    has_perms_by_name is_srvrolemember is_member is_rolemember host_name app_name original_login
    host_id sys.dm_exec_sessions dm_exec_sql_text dm_exec_query_plan dm_exec_sessions connection_id
    original_db_name sql_variant_property_ fn_my_permissions
    hostname fqdn getsetting getsettingordefault getmacro displayname currentroles enabledroles defaultroles
    currentprofiles defaultprofiles enabledprofiles tcpport serveruuid initialqueryid queryid currentqueryid connectionid initial_query_id
    buildid uptime filesystemcapacity filesystemunreserved file_format showcertificate serverversion_ gethttpheader
    getclienthttpheader demangle addresstoline addresstosymbol
    sqlite_compileoption_get sqlite_compileoption_used sqlite_source_id sqlite_offset changes total_changes
    last_insert_rowid row_count found_rows connection_id_ roles_graphml current_role_ ps_current_thread_id format_bytes_
    input_file_name input_file_block_start current_metastore list_secrets sqlite_log has_any_column_privilege""",
)
_deny("SESSION_STATE", "set_config sp_set_session_context set_var setvariable dbms_session.set_context")
_deny("SECRET_ACCESS_", "")
_deny("PRIVILEGE_CHANGE", "secret try_secret")


@cache
def allowed(dialect: str) -> frozenset[str]:
    """Names of the functions that a dialect's statements may call, lower case."""
    names: set[str] = set()
    for name in ("common", _SAME_ENGINE.get(dialect, dialect)):
        text = (_LISTS / f"{name}.txt").read_text(encoding="utf-8")
        for line in text.splitlines():
            if not line.startswith("#"):
                names.update(line.lower().split())
    return frozenset(names)


def judge_call(call: Call, dialect: str) -> Refusal | None:
    """None when the call is of a listed function; else why not."""
    name = call.name
    denied = _DENIED.get(name)
    if denied is not None and not (name in allowed(dialect) and _overruled(name, dialect)):
        return Refusal(denied, f"function {name} does more than compute")
    if call.prefix:
        return _prefixed(call, dialect)
    if _known(name, dialect):
        return None
    if name.startswith("system$"):
        return Refusal("SIDE_EFFECT_FUNCTION", f"function {name} acts on the account")
    return Refusal("UNKNOWN_FUNCTION", f"function {name} is not on the list for {dialect}")


def _prefixed(call: Call, dialect: str) -> Refusal | None:
    if call.prefix in _PREFIXES.get(dialect, ()) and (
        _known(call.name, dialect) or f"{call.prefix}.{call.name}" in allowed(dialect)
    ):
        return None
    if dialect in _CHAINING and _known(call.name, dialect):
        return None
    model = call.prefix in ("ml", "ai", "cortex", "bqml") or "cortex" in call.prefix
    code = "SIDE_EFFECT_FUNCTION" if model else "UNKNOWN_FUNCTION"
    if call.prefix == "system" and call.name == "query":
        code = "DYNAMIC_SQL"
    return Refusal(code, f"{call.prefix}.{call.name} is not one of the engine's own functions")


def _overruled(name: str, dialect: str) -> bool:
    # The same name is a pure function in these engines.
    return (name, dialect) in {
        ("merge", "bigquery"),
        ("glob", "sqlite"),
        ("complete", "duckdb"),
        ("merge", "trino"),
    }


def _known(name: str, dialect: str) -> bool:
    names = allowed(dialect)
    if name in names:
        return True
    if dialect != "clickhouse":
        return False
    while True:
        shorter = _COMBINATORS.sub("", name)
        if shorter == name or not shorter:
            return False
        if shorter in names:
            return True
        name = shorter
