"""The syntax that may be used: classes, arguments, properties, settings. What is not here is denied.

Names are sqlglot's class names, kept as text so that this list can be read beside the grammar.
"""

from __future__ import annotations

QUERY_CLASSES = frozenset(
    """
    Adjacent Alias Aliases All Any AtIndex AtTimeZone Between Binary BitString BitwiseAnd
    BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor Boolean Bracket ByteString
    CTE Check Collate Column Comprehension Condition Connect Cube DPipe DataType DataTypeParam
    Distance Distinct Div Dot Escape Except Expression ExtendsLeft ExtendsRight Fetch Filter
    Final ForClause From FromTimeZone GT GTE Glob Group GroupingSets Having HavingMax Heredoc
    HexString Hint HistoricalData ILike Identifier IgnoreNulls In IndexTableHint IntDiv Intersect
    Interval IntervalOp IntervalSpan Introducer Is EQ JSON JSONColumnDef JSONExtractQuote
    JSONKeyValue JSONPath JSONPathFilter JSONPathKey JSONPathPart JSONPathRecursive JSONPathRoot
    JSONPathScript JSONPathSelector JSONPathSlice JSONPathSubscript JSONPathUnion
    JSONPathWildcard JSONSchema JSONValue FormatJson Join JoinHint Kwarg LT LTE Lambda Lateral
    Like Limit LimitOptions Literal Match MatchRecognize MatchRecognizeMeasure Mod Mul NEQ
    National Neg NestedJSONSelect Not Null NullSafeEQ NullSafeNEQ ObjectIdentifier Offset OnCondition
    OpenJSONColumnDef Order Ordered OverflowTruncateBehavior Overlaps Parameter Paren Partition
    PartitionRange Pivot PivotAlias PivotAny Placeholder PositionalColumn PreWhere Predicate
    Prior PropertyEQ Pseudocolumn PseudoType Qualify QueryOption RawString RespectNulls Rollup Select
    SessionParameter SimilarTo Slice Sort Star Sub Add Subquery SubqueryPredicate Table
    TableAlias TableColumn TableFromRows TableSample TimeUnit TranslateCharacters Tuple UDTF
    Unary UnicodeString Union UnpivotColumns Values Var Version Where Window WindowSpec With
    WithFill WithOperator WithTableHint WithinGroup XMLKeyValueOption XMLNamespace Cluster Distribute
    JSONBContains RecursiveWithSearch Variadic Opclass Changes Hint SetOperation AllowedValuesProperty
    DistanceNd Nearest ExplodeOuter Properties Schema Block StoredProcedure
    """.split()
) - {"Block", "StoredProcedure", "AllowedValuesProperty", "Adjacent", "Prior"} | {"Prior", "Adjacent"}

WRITE_CLASSES = frozenset(
    """
    Create Insert Delete Update Merge Drop TruncateTable Alter Into Schema Properties Clone
    ColumnDef ColumnConstraint ColumnConstraintKind NotNullColumnConstraint NullColumnConstraint
    DefaultColumnConstraint CommentColumnConstraint PrimaryKeyColumnConstraint PrimaryKey
    UniqueColumnConstraint CheckColumnConstraint CharacterSetColumnConstraint Constraint
    CollateColumnConstraint CompressColumnConstraint EncodeColumnConstraint
    GeneratedAsIdentityColumnConstraint ComputedColumnConstraint AutoIncrementColumnConstraint
    OnConflict Returning When Whens Tuple Add AlterColumn AlterRename RenameColumn AddConstraint
    DropPrimaryKey SwapTable ModifyColumn AddPartition DropPartition ColumnPosition
    PartitionBoundSpec PartitionByRangePropertyDynamic PartitionList PartitionRange
    MultitableInserts ConditionalInsert SequenceProperties Tag MergeTreeTTL MergeTreeTTLAction
    UppercaseColumnConstraint CaseSpecificColumnConstraint DateFormatColumnConstraint
    TitleColumnConstraint InlineLengthColumnConstraint ZeroFillColumnConstraint Index
    IndexColumnConstraint IndexParameters PartitionId RowFormatDelimitedProperty InputOutputFormat
    Command EphemeralColumnConstraint
    """.split()
) - {"Command", "MultitableInserts", "ConditionalInsert"}

# Functions with a class of their own that must not be called.
TYPED_DENIED: dict[str, str] = {
    **dict.fromkeys(
        """AIAgg AIClassify AIEmbed AIForecast AIGenerate AISimilarity AISummarizeAgg MLForecast
        MLTranslate GenerateText GenerateEmbedding GenerateBool GenerateDouble GenerateInt
        GenerateTable Predict FeaturesAtTime VectorSearch""".split(),
        "SIDE_EFFECT_FUNCTION",
    ),
    **dict.fromkeys("ReadCSV ReadParquet ToFile Directory".split(), "EXTERNAL_IO"),
    **dict.fromkeys("NextValueFor".split(), "SIDE_EFFECT_FUNCTION"),
    **dict.fromkeys("DynamicIdentifier".split(), "DYNAMIC_SQL"),
    **dict.fromkeys(
        """CurrentAvailableRoles CurrentIpAddress CurrentSession CurrentStatement
        CurrentTransaction CurrentSecondaryRoles CurrentClient CurrentOrganizationUser""".split(),
        "SYSTEM_CATALOG",
    ),
    **dict.fromkeys("Encrypt EncryptRaw Decrypt DecryptRaw Secret".split(), "UNKNOWN_FUNCTION"),
}

# Classes that are never part of a read or a plain write, with the code that says why.
CLASS_CODES: dict[str, str] = {
    "Lock": "LOCKING",
    "QueryTransform": "EXTERNAL_IO",
    "Directory": "EXTERNAL_IO",
    "DirectoryStage": "EXTERNAL_IO",
    "LoadData": "EXTERNAL_IO",
    "Copy": "EXTERNAL_IO",
    "Export": "EXTERNAL_IO",
    "ExternalProperty": "EXTERNAL_IO",
    "LocationProperty": "EXTERNAL_IO",
    "StorageHandlerProperty": "EXTERNAL_IO",
    "InheritsProperty": "WRITE_OUT_OF_SCOPE",
    "PartitionedOfProperty": "WRITE_OUT_OF_SCOPE",
    "ToTableProperty": "WRITE_OUT_OF_SCOPE",
    "Operator": "UNKNOWN_FUNCTION",
    "SetItem": "SESSION_STATE",
    "UserDefinedFunction": "CODE_DEFINITION",
    "SemanticView": "UNKNOWN_TABLE",
    "Execute": "DYNAMIC_SQL",
    "ExecuteSql": "DYNAMIC_SQL",
    "WhileBlock": "MULTI_STATEMENT",
    "IfBlock": "MULTI_STATEMENT",
    "ForIn": "MULTI_STATEMENT",
    "LoopBlock": "MULTI_STATEMENT",
    "RepeatBlock": "MULTI_STATEMENT",
    "Block": "MULTI_STATEMENT",
    "Masking": "PRIVILEGE_CHANGE",
    "MaskingProperty": "PRIVILEGE_CHANGE",
    "RowAccessProperty": "PRIVILEGE_CHANGE",
    "DefinerProperty": "PRIVILEGE_CHANGE",
    "ExecuteAsProperty": "PRIVILEGE_CHANGE",
    "Reference": "UNSUPPORTED_STATEMENT",
}

# Layout of a table in a build schema.
PROPERTIES = frozenset(
    """
    PartitionedByProperty PartitionByListProperty PartitionByRangeProperty PartitionByTruncate
    PartitionedByBucket ClusteredByProperty Cluster ClusterProperty SortKeyProperty DistKeyProperty
    DistStyleProperty DistributedByProperty DuplicateKeyProperty UniqueKeyProperty
    AggregateKeyProperty EngineProperty FileFormatProperty TemporaryProperty TransientProperty
    MaterializedProperty WithDataProperty WithSchemaBindingProperty Property SchemaCommentProperty
    BackupProperty EncodeProperty AutoRefreshProperty CollateProperty CharacterSetProperty
    LikeProperty UnloggedProperty SqlSecurityProperty SecureProperty
    CopyGrantsProperty Order OnCommitProperty BlockCompressionProperty AutoIncrementProperty
    RowFormatProperty RowFormatDelimitedProperty ViewAttributeProperty HeapProperty
    IcebergProperty UsingProperty PrimaryKey Tags GlobalProperty VolatileProperty
    NoPrimaryIndexProperty WithOperator FallbackProperty BuildProperty RefreshTriggerProperty
    SettingsProperty OptionsProperty StorageProperty OnCluster TableSpaceProperty
    """.split()
) - {"OnCluster", "TableSpaceProperty", "StorageProperty", "UsingProperty"}

# Names of generic properties (`WITH (name = value)`, OPTIONS, TBLPROPERTIES) that change layout only.
PROPERTY_NAMES = frozenset(
    """
    partitioning partitioned_by bucketed_by bucket_count sorted_by format orc_compress parquet_compress
    compression sorting distribution fillfactor autovacuum_enabled description labels
    friendly_name require_partition_filter partition_expiration_days expiration_timestamp
    enable_refresh refresh_interval_minutes max_staleness clustered_by
    clustered columnstore index heap round_robin replicate hash
    comment security check_option algorithm row_format
    delta.autooptimize.optimizewrite delta.autooptimize.autocompact delta.columnmapping.mode
    delta.enablechangedatafeed delta.minreaderversion delta.minwriterversion delta.appendonly
    delta.feature.allowcolumndefaults write.format.default format_version max_commit_retry
    data_retention_time_in_days change_tracking max_data_extension_time_in_days
    enable_schema_evolution default_ddl_collation data_compression schemabinding
    view_metadata encoding appendonly orientation row_group_size transactional
    order_by primary_key engine autoextend_size avg_row_length checksum key_block_size
    max_rows min_rows pack_keys stats_auto_recalc stats_persistent stats_sample_pages
    """.split()
)

TABLE_ENGINES = frozenset(
    """mergetree replacingmergetree summingmergetree aggregatingmergetree collapsingmergetree
    versionedcollapsingmergetree replicatedmergetree replicatedreplacingmergetree
    replicatedsummingmergetree replicatedaggregatingmergetree sharedmergetree
    sharedreplacingmergetree memory log tinylog stripelog null set innodb myisam aria
    """.split()
) - {"null", "set"}

ARGUMENTS: dict[str, frozenset[str]] = {
    "Select": frozenset(
        """with_ kind expressions hint distinct into from_ operation_modifiers exclude match laterals
        joins connect pivots prewhere where group having qualify windows distribute sort cluster
        order limit offset locks sample settings format options for_""".split()
    ),
    "Table": frozenset(
        """this alias db catalog laterals joins pivots hints system_time version when only
        partition rows_from sample indexed ordinality changes""".split()
    ),
    "Create": frozenset(
        "with_ this kind expression exists properties replace no_schema_binding clone".split()
    ),
    "Insert": frozenset(
        """with_ this expression conflict returning overwrite exists alternative where ignore
        by_name partition default hint settings""".split()
    ),
    "Delete": frozenset("with_ this using where returning order limit tables".split()),
    "Update": frozenset("with_ this expressions from_ where returning order limit".split()),
    "Merge": frozenset("this using on using_cond whens with_ returning".split()),
    "Drop": frozenset(
        "this kind tables expressions exists temporary materialized cascade restrict purge".split()
    ),
    "TruncateTable": frozenset("expressions exists only identity option".split()),
    "Describe": frozenset("this style kind format as_json partition".split()),
    "Into": frozenset("this temporary unlogged".split()),
    "CTE": frozenset("this alias scalar materialized key_expressions".split()),
    "With": frozenset("expressions recursive search cycle".split()),
    "Alter": frozenset("this kind actions exists only cascade".split()),
    "Lateral": frozenset("this view outer alias cross_apply ordinality".split()),
    "OnConflict": frozenset(
        """duplicate expressions action conflict_keys index_predicate constraint where""".split()
    ),
    "Join": frozenset(
        """this on side kind using method global_ hint match_condition nearest directed
        expressions pivots""".split()
    ),
}

# ClickHouse settings and T-SQL options that steer speed or memory, never rights or effects.
SETTINGS = frozenset(
    """
    max_threads max_block_size max_memory_usage max_execution_time max_rows_to_read
    max_bytes_to_read max_result_rows max_result_bytes join_use_nulls join_algorithm
    use_query_cache optimize_read_in_order optimize_aggregation_in_order
    max_bytes_before_external_group_by max_bytes_before_external_sort group_by_two_level_threshold
    distributed_product_mode prefer_localhost_replica skip_unavailable_shards
    max_parallel_replicas date_time_input_format date_time_output_format output_format_json_quote_64bit_integers
    aggregate_functions_null_for_empty union_default_mode any_join_distinct_right_table_keys final
    optimize_move_to_prewhere allow_experimental_analyzer enable_analyzer max_final_threads
    do_not_merge_across_partitions_select_final extremes limit offset result_overflow_mode
    read_overflow_mode timeout_overflow_mode transform_null_in asterisk_include_alias_columns
    index_granularity allow_nullable_key
    """.split()
)
OPTIONS = frozenset(
    """maxrecursion maxdop recompile hash merge loop order concat fast force optimize label
    expand keepfixed robust path auto root elements include_null_values without_array_wrapper
    raw xsinil type min_grant_percent max_grant_percent use""".split()
)
TABLE_HINTS = frozenset(
    """nolock readuncommitted readpast readcommitted readcommittedlock forceseek forcescan noexpand
    index snapshot""".split()
)
LOCKING_HINTS = frozenset(
    """updlock xlock tablock tablockx holdlock serializable paglock rowlock repeatableread
    nowait""".split()
)
QUERY_HINTS = frozenset(
    """broadcast broadcastjoin mapjoin merge shuffle_merge mergejoin shuffle_hash
    shuffle_replicate_nl coalesce repartition repartition_by_range rebalance skew range_join
    index no_index use_index join_order join_fixed_order join_prefix join_suffix bka no_bka bnl
    no_bnl hash_join no_hash_join max_execution_time semijoin no_semijoin subquery
    derived_condition_pushdown mrr no_mrr no_icp qb_name group_index join_index order_index
    no_range_optimization skip_scan index_merge no_index_merge parallel seqscan indexscan
    leading hashjoin nestloop""".split()
)
SESSION_VALUES = frozenset(
    """version rowcount language datefirst servername spid trancount fetch_status dbts max_precision
    error identity""".split()
)
USER_TYPES = frozenset(
    """citext hstore ltree lquery geography geometry vector halfvec sparsevec regtype regclass
    regnamespace cube isbn ean13 super hllsketch varbyte decfloat file fixed signed unsigned
    number string bytes datetime array object variant sysname sql_variant hierarchyid
    oid name xid cid tid tsquery tsvector jsonpath point line lseg box path polygon circle macaddr
    macaddr8 interval timestamptz timetz""".split()
)
