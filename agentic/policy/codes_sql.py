"""Pages of the verdict names that the SQL policy gives."""

from __future__ import annotations

from agentic.records import CodePage, publish

_READ = "Write one read statement over relations of the project."
_ROOT = "Send one SELECT; as a writer also CREATE TABLE, CREATE VIEW or INSERT in a build schema."

_PAGES: dict[str, tuple[str, str, str, str]] = {
    "OK_READ": (
        "The statement only reads what may be read.",
        "",
        "",
        "select order_id from orders",
    ),
    "OK_DEV_WRITE": (
        "The statement builds inside a build schema and reads only what may be read.",
        "",
        "",
        "create table agentic_x.t as select 1 as a",
    ),
    "WRITE_PROTECTED": (
        "It would change a relation that `change.deny` names.",
        "Production data is never an agent's to change.",
        "Build in a schema of `build.schemas`.",
        "update gold.orders set amount = 0",
    ),
    "WRITE_OUT_OF_SCOPE": (
        "It would write outside `build.schemas`, or change a schema or a database.",
        "Agents write only where nothing else reads.",
        "Name a relation in a build schema, exactly as guardrails.yml spells it.",
        "create table public.x as select 1 as a",
    ),
    "ROLE_READ_ONLY": (
        "A reader asked for a write.",
        "Investigating never needs to write.",
        _READ,
        "drop table agentic_x.t",
    ),
    "DESTRUCTIVE_IN_SCOPE": (
        "It deletes, updates, merges, alters, drops or overwrites inside a build schema.",
        "It may destroy another run's work.",
        "Approve it, or build a new relation.",
        "delete from agentic_x.t",
    ),
    "CASCADE": (
        "It drops what depends on the target too.",
        "CASCADE reaches into other schemas.",
        "Drop one relation at a time.",
        "drop table agentic_x.t cascade",
    ),
    "HIDDEN_WRITE": (
        "It looks like a read and would write: in a CTE, by INTO, or under EXPLAIN.",
        "Engines execute these although they begin with SELECT, WITH or EXPLAIN.",
        _READ,
        "with d as (delete from orders returning *) select * from d",
    ),
    "MULTI_STATEMENT": (
        "The text holds more than one statement, or control flow.",
        "Only one statement can be judged and sent.",
        "Send one statement at a time.",
        "select 1; drop table orders",
    ),
    "TRANSACTION_CONTROL": (
        "It begins, ends or changes a transaction.",
        "Transactions are the caller's; a changed one may become writable.",
        _READ,
        "set transaction read write",
    ),
    "EXTERNAL_IO": (
        "It reads or writes files, URLs, stages or other servers.",
        "Data must not leave the warehouse, nor the machine's files enter a query.",
        "Read relations of the project.",
        "select * from read_csv('/etc/passwd')",
    ),
    "ENVIRONMENT_CHANGE": (
        "It changes the warehouse itself: extensions, settings, maintenance, servers.",
        "Such changes outlive the run.",
        _ROOT,
        "install httpfs",
    ),
    "SESSION_STATE": (
        "It sets variables, switches schemas or roles, or listens.",
        "Later statements would mean something else than was judged.",
        "Name relations in full instead.",
        "set search_path = hr",
    ),
    "DYNAMIC_SQL": (
        "It runs SQL held in a text, a procedure or a prepared statement.",
        "What it would run cannot be judged.",
        "Write the query itself.",
        "select * from query('select 1')",
    ),
    "DYNAMIC_IDENTIFIER": (
        "A relation's name is computed or a wildcard.",
        "Which relation it reads cannot be told beforehand.",
        "Write the name out.",
        "select * from `gold.orders_*`",
    ),
    "CODE_DEFINITION": (
        "It defines code that runs later: functions, triggers, tasks, streams, sequences.",
        "Such code runs with other people's rights.",
        _ROOT,
        "create function f() returns int as 'select 1' language sql",
    ),
    "SIDE_EFFECT_FUNCTION": (
        "It calls a function that acts: sequences, sleeps, notifications, model calls.",
        "A read with effects is not a read.",
        "Leave the function out.",
        "select nextval('order_seq')",
    ),
    "SYSTEM_CATALOG": (
        "It reads definitions, statistics, settings, sessions, users or query history.",
        "They hold secrets and other people's values.",
        "information_schema.tables and .columns may be read.",
        "select * from pg_stats",
    ),
    "PRIVILEGE_CHANGE": (
        "It changes rights, roles, policies or secrets.",
        "Agents never widen their own rights.",
        _ROOT,
        "grant select on orders to public",
    ),
    "LOCKING": (
        "It takes locks.",
        "A lock stops other people's work.",
        "Leave FOR UPDATE and locking hints out.",
        "select * from orders for update",
    ),
    "READ_DENIED": (
        "It reads a relation that `read.deny` names.",
        "guardrails.yml forbids it.",
        "Ask a person for what you need to know.",
        "select * from hr.salaries",
    ),
    "CROSS_DATABASE": (
        "It names another database, catalog, project or server.",
        "Rules are written for the project's own database.",
        "Read relations of the project's database.",
        "select * from other_db.gold.orders",
    ),
    "PII_OUTPUT": (
        "A protected column's value, or something made from it, would be output.",
        "A hash, a length or a maximum of a personal value is personal too.",
        "Count it, count it distinct, or ask whether it IS NULL.",
        "select md5(email) from customers",
    ),
    "PII_PROBE": (
        "A condition, an order or a group would tell something about a protected value.",
        "Answers to many small questions spell the value out.",
        "Join two protected columns by equality, or ask IS NULL.",
        "select count(*) from customers where email like 'a%'",
    ),
    "PII_COPY": (
        "It copies protected values into a build schema.",
        "The copy stays protected; a person decides whether it may be made.",
        "Approve it, or leave the column out.",
        "create table agentic_x.c as select * from customers",
    ),
    "RESOURCE_ABUSE": (
        "It recurses without a bound, generates more than 1,000,000 rows, or is too big to judge.",
        "One statement must not fill the warehouse.",
        "Bound the recursion or the generator.",
        "select * from generate_series(1, 1000000000)",
    ),
    "PARSER_DIFFERENTIAL": (
        "The text reads differently to the parser and to the engine.",
        "What would run is not what was judged.",
        "Leave executable comments, nested comments and U& names out.",
        "select /*!50000 secret */ from t",
    ),
    "AMBIGUOUS_IDENTIFIER": (
        "Invisible or look-alike characters are in the code.",
        "Two names that look the same are not the same.",
        "Write names in plain letters.",
        "select * from hr\u200b.salaries",
    ),
    "PARSE_ERROR": (
        "The text is not one SQL statement of the dialect.",
        "What cannot be read cannot be judged.",
        "Name the right dialect, and compile Jinja first.",
        "I will now delete the table",
    ),
    "UNSUPPORTED_STATEMENT": (
        "Syntax that is not on the list of what may be used.",
        "What is not known to be safe is denied.",
        _ROOT,
        "explain analyze select 1",
    ),
    "UNKNOWN_FUNCTION": (
        "A function that is not on the list of the engine's pure functions.",
        "A function of one's own can do anything.",
        "Use the engine's own functions.",
        "select my_udf(order_id) from orders",
    ),
    "UNKNOWN_TABLE": (
        "The project has no such relation.",
        "Rules are written for relations that are known.",
        "Use a source, seed, model or snapshot of the project.",
        "select * from elsewhere.t",
    ),
    "UNKNOWN_COLUMN": (
        "No relation in sight has such a column.",
        "A name that resolves to nothing may mean something to the engine.",
        "Look the columns up with get_schema.",
        "select no_such_column from orders",
    ),
}  # fmt: skip

# Codes that project changes give too; their pages are told once, here.
publish(
    *(
        CodePage(code, code.lower().replace("_", "-"), what, why, fix, example)
        for code, (what, why, fix, example) in _PAGES.items()
    )
)

SQL_CODES = frozenset(_PAGES)
