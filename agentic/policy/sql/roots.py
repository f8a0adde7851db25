"""Statements that are never read or plain write, told by their first words.

Only the code and the sentence come from here: none of these is allowed, whatever they look like.
"""

from __future__ import annotations

import re

_COMMENTS = re.compile(r"\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|#[^\n]*(?:\n|$)", re.S)
_WORD = re.compile(r"[A-Za-z_]+")

# First words -> code. Longer keys win.
_CODES: dict[str, str] = {}


def _add(code: str, phrases: str) -> None:
    for phrase in phrases.strip().split("\n"):
        for one in phrase.split(","):
            if one.strip():
                _CODES[one.strip()] = code


_add(
    "TRANSACTION_CONTROL",
    """begin, commit, rollback, start transaction, start slave, abort, end, savepoint, release
    prepare transaction, set transaction, set local transaction, set session characteristics
    commit prepared, save transaction, save tran, begin transaction, begin tran, xa""",
)
_add(
    "SESSION_STATE",
    """set, reset, unset, discard, use, declare, set local, set session, set variable, set var
    alter session, deallocate all, listen, unlisten, notify, let, close, revert, clear
    reset session""",
)
_add(
    "PRIVILEGE_CHANGE",
    """grant, revoke, deny, reassign owned, drop owned, set role, reset role, set session authorization
    reset session authorization, create role, create user, alter role, alter user, drop role
    drop user, create login, alter login, drop login, create group, alter group, drop group, create policy
    alter policy, drop policy, create row access policy, create or replace row access policy
    create masking policy, create or replace masking policy, alter masking policy, drop masking policy
    drop row access policy, create share, create or replace share, alter share, drop share, use role
    create security policy, alter security policy, create row policy, alter row policy, drop row policy
    create quota, create settings profile, execute as, set default role, rename user, setuser
    alter default privileges, security label, add signature, create or replace row policy
    create network policy, create or replace network policy, alter network policy, create password policy
    create session policy, create aggregation policy, create projection policy, use secondary roles
    create or replace role, create or replace user, create certificate, create credential
    create database role, create application role, alter authorization, create asymmetric key
    create symmetric key, create master key, open symmetric key, open master key, create rls policy
    attach rls policy, detach rls policy, attach masking policy, create or replace rls policy
    create or replace security policy, create or replace policy, create external role""",
)
_add(
    "EXTERNAL_IO",
    """copy, export, import, load, put, get, unload, list, ls, remove, rm, backup, restore, bulk insert
    create stage, create or replace stage, create temporary stage, create temp stage, create external
    create or replace external, create foreign, create server, create subscription, create publication
    alter subscription, alter publication, drop subscription, drop publication
    create dictionary, create or replace dictionary, create connection, create integration
    create storage integration, create or replace storage integration, create api integration
    create notification integration, create secret, create or replace secret, create persistent secret
    create temporary secret, drop secret, create named collection, create external table
    alter stage, drop stage, create file format, create or replace file format, create catalog
    create endpoint, handler, write, load data, load xml, export data, create data source, create location
    create storage credential, clone, sync, msck, create tablespace, import foreign schema, select into outfile
    create or replace api integration, create or replace notification integration, unfreeze, freeze
    alter named collection, drop named collection, create git repository, create or replace git repository
    create image repository, create managed, move, convert, create external catalog""",
)
_add(
    "DYNAMIC_SQL",
    """execute, exec, call, prepare, fetch, do, execute immediate, open, deallocate prepare""",
)
_add("UNSUPPORTED_STATEMENT", "deallocate")
_add(
    "CODE_DEFINITION",
    """create function, create procedure, create proc, create macro, create trigger, create rule, create event
    create task, create stream, create pipe, create streamlit, create service, create type
    create aggregate, create operator, create language, create sequence, create cast, create transform
    create model, create alert, create dynamic table, create live, create streaming, create refresh
    create application, create package, create notebook, create assembly, create synonym, create domain
    create conversion, create text search, create access method, create statistics, create collation
    create constraint trigger, create event trigger, create alias, create contract, create message
    create queue, create agent, create semantic view, create cortex search service, create search
    alter function, alter procedure, alter trigger, alter event, alter task, alter pipe, alter stream
    alter sequence, alter type, alter rule, alter macro, alter alert, alter dynamic table
    drop function, drop procedure, drop macro, drop trigger, drop event, drop task, drop stream, drop pipe
    drop sequence, drop type, drop rule, drop aggregate, drop operator, drop language, drop alert
    create temp function, create temporary function, create temp macro, create temporary macro
    create temporary procedure, create virtual table, create data metric function, create capacity
    create workload, create window view, create live view, create vector index, create tag
    create compute pool, create definer, create snapshot, create iceberg, create hybrid, create tokenizer
    create resource monitor, create extension schema""",
)
_add(
    "ENVIRONMENT_CHANGE",
    """attach, detach, install, uninstall, force install, pragma, checkpoint, force checkpoint, vacuum, shutdown
    kill, alter system, alter database, flush, purge, change, optimize, analyze, reconfigure
    dbcc, reindex, cluster, update extensions, create extension, alter extension, drop extension
    create warehouse, create or replace warehouse, alter warehouse, drop warehouse, use warehouse
    alter account, system, alter server, set global, set persist, set persist_only, reset master
    reset slave, reset replica, reset query cache, reset persist, stop, start, repair, check, checksum
    refresh, cache, uncache, clear cache, alter resource, create resource, comment, undrop, binlog
    restart, loadext, create resource pool, watch, create index, drop index, alter index, create unique index
    truncate database, rename, exchange, create failover group, create replication group, undo
    create or replace resource monitor, begin distributed, replace dictionary, create database link
    audit, noaudit, associate, disassociate, administer, abort session, terminate, describe history
    create workload group, create workload classifier, alter workload, waitfor, lineno, readtext, updatetext
    writetext, disable trigger, enable trigger, add jar, add file, add archive, set datestyle
    update statistics, create columnstore index, create clustered index, create nonclustered index, help
    cluster by, compact, suggest, grant all, signal, resignal, cancel, hibernate""",
)
_add("LOCKING", "lock, unlock, lock tables, unlock tables, get diagnostics")
_add(
    "WRITE_OUT_OF_SCOPE",
    """create schema, drop schema, alter schema, create database, drop database, create catalog
    drop catalog, create or replace schema, create or replace database, create transient schema
    create transient database, create or replace transient schema, create namespace, drop namespace, use schema""",
)
_add(
    "MULTI_STATEMENT",
    "if, while, loop, repeat, for, begin atomic, begin try, goto, return, break, print, throw, raise, raiserror, case when",
)
_add(
    "SYSTEM_CATALOG",
    """show, show create, show grants, show variables, show processlist, show parameters, show users
    show roles, show locks, show status""",
)
_CODES.pop("use schema")
_CODES["use"] = "SESSION_STATE"
_CODES["raiserror"] = "SIDE_EFFECT_FUNCTION"
_CODES["print"] = "UNSUPPORTED_STATEMENT"
_LONGEST = max(phrase.count(" ") for phrase in _CODES) + 1
_FILLERS = frozenset({"or", "replace", "if", "not", "exists", "alter"})

_INSERT_CALL = re.compile(r"\bINSERT\b.*\b(EXEC|EXECUTE|CALL)\b", re.I | re.S)

_SENTENCES = {
    "TRANSACTION_CONTROL": "transactions are the caller's",
    "SESSION_STATE": "it changes the session",
    "PRIVILEGE_CHANGE": "it changes who may do what",
    "EXTERNAL_IO": "it moves data in or out of the warehouse",
    "DYNAMIC_SQL": "it runs SQL that cannot be read here",
    "CODE_DEFINITION": "it defines code that runs later",
    "ENVIRONMENT_CHANGE": "it changes the warehouse itself",
    "LOCKING": "it takes locks",
    "WRITE_OUT_OF_SCOPE": "schemas and databases are not an agent's to change",
    "MULTI_STATEMENT": "only one statement at a time is judged",
    "SYSTEM_CATALOG": "it shows settings, definitions or sessions",
    "UNSUPPORTED_STATEMENT": "this kind of statement is not on the list",
}


def words(sql: str, count: int) -> list[str]:
    """The first words of a statement in lower case, without comments."""
    found: list[str] = []
    place = 0
    while place < len(sql) and len(found) < count:
        blank = _COMMENTS.match(sql, place)
        if blank is not None:
            place = blank.end()
            continue
        word = _WORD.match(sql, place)
        if word is None:
            break
        found.append(word.group().lower())
        place = word.end()
    return found


def code_by_words(sql: str) -> tuple[str, str] | None:
    """(code, sentence) of a statement that is told by its first words; None for others."""
    if len(sql) < 10_000 and _INSERT_CALL.match(sql.lstrip()):
        return "DYNAMIC_SQL", _SENTENCES["DYNAMIC_SQL"]
    first = words(sql, _LONGEST + 4)
    plain = first[:1] + [one for one in first[1:] if one not in _FILLERS] if first else []
    for candidate in (first, plain):
        for length in range(min(_LONGEST, len(candidate)), 0, -1):
            code = _CODES.get(" ".join(candidate[:length]))
            if code is not None:
                return code, _SENTENCES[code]
    return None
