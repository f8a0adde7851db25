"""What statements are judged against: relations that exist, and what the guardrails say of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import msgspec

from agentic.policy.sql.catalogs import catalog_columns, catalog_relation, table_function
from agentic.sql.tables import (
    BARE,
    CLEAN,
    FOLD_UPPER,
    MASKED,
    PII,
    Columns,
    Name,
    Readable,
    Refusal,
    RelationName,
)

# Engines whose stored names keep their case; a guardrail's pattern must then match it exactly.
_EXACT_WRITES = frozenset({"mysql", "clickhouse", "bigquery", "postgres", "snowflake"})
_PATH = re.compile(r"[/\\:@?*$]|\.(csv|tsv|parquet|json|jsonl|ndjson|orc|avro|txt|gz|zst|xlsx|db)$")


class World(msgspec.Struct, frozen=True, eq=False, dict=True):
    """Relations, defaults and rules. Patterns are `schema.table` or `schema.table.column` with `*`.

    Columns that may not be output are those of `columns_deny` and `pii_columns`; a column of
    `columns_mask` may be read and leaves masked.
    """

    relations: Mapping[str, Sequence[str]] = {}
    """`schema.table` (or `database.schema.table`) to its columns; no columns: unknown ones."""
    default_schema: str = ""
    default_database: str = ""
    read_deny: tuple[str, ...] = ()
    read_mask: tuple[str, ...] = ()
    columns_deny: tuple[str, ...] = ()
    columns_mask: tuple[str, ...] = ()
    change_deny: tuple[str, ...] = ()
    build_schemas: tuple[str, ...] = ("agentic_*",)
    pii_columns: tuple[str, ...] = ()

    @staticmethod
    def from_guardrails(
        guardrails: Mapping[str, Any],
        relations: Mapping[str, Sequence[str]],
        *,
        default_schema: str = "",
        default_database: str = "",
    ) -> World:
        """A world from the parsed guardrails.yml; items that name dbt selections are left out."""
        read = guardrails.get("read") or {}
        change = guardrails.get("change") or {}
        build = guardrails.get("build") or {}
        return World(
            relations=relations,
            default_schema=default_schema,
            default_database=default_database,
            read_deny=_items(read.get("deny"), "relation:"),
            read_mask=_items(read.get("mask"), "relation:"),
            columns_deny=_items(read.get("deny"), "column:"),
            columns_mask=_items(read.get("mask"), "column:"),
            change_deny=_items(change.get("deny"), "relation:"),
            build_schemas=tuple(build.get("schemas") or ("agentic_*",)),
        )

    @cached_property
    def by_key(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Lower-case `schema.table` to the name as listed and its columns in lower case."""
        found = {}
        for name, columns in self.relations.items():
            parts = [part.strip('"`') for part in name.split(".")]
            database = parts[-3] if len(parts) > 2 else self.default_database
            if database.lower() != self.default_database.lower() and self.default_database:
                key = ".".join(parts).lower()
            else:
                key = ".".join(parts[-2:]).lower()
            found[key] = (".".join(parts), tuple(column.lower() for column in columns))
        return found

    @cached_property
    def labels(self) -> dict[str, Columns]:
        """Each relation's columns with their labels."""
        return {key: self._labelled(key, columns) for key, (_, columns) in self.by_key.items()}

    @cached_property
    def protected_names(self) -> dict[str, int]:
        """Names of protected columns, for relations whose columns nobody listed."""
        names = {}
        for pattern in (*self.columns_deny, *self.pii_columns):
            name = pattern.rsplit(".", maxsplit=1)[-1].lower()
            if "*" not in name:
                names[name] = PII | BARE
        return names

    def denied(self, key: str) -> bool:
        """True when a rule forbids reading `schema.table` (lower case)."""
        return matches(key, self.read_deny)

    def shields(self, key: str) -> bool:
        """True when `schema.table` (lower case) has values that may not leave as they are."""
        columns = self.labels.get(key)
        if columns is None:
            return bool(self.protected_names or self.columns_mask or self.read_mask)
        return self.denied(key) or (columns.whole() | columns.unlisted) != CLEAN

    def lens(self, dialect: str) -> Lens:
        """This world as one engine resolves names."""
        lenses: dict[str, Lens] = self.__dict__.setdefault("lenses", {})
        if dialect not in lenses:
            lenses[dialect] = Lens(self, dialect)
        return lenses[dialect]

    def _labelled(self, key: str, columns: Iterable[str]) -> Columns:
        masked_whole = matches(key, self.read_mask)
        pairs = []
        for column in columns:
            path = f"{key}.{column}"
            label = CLEAN
            if masked_whole or matches(path, self.columns_mask):
                label |= MASKED
            if matches(path, self.columns_deny) or (
                matches(path, self.pii_columns) and not label & MASKED
            ):
                label |= PII | BARE
            pairs.append((column, label))
        return Columns(pairs) if pairs else self._open(key, masked_whole=masked_whole)

    def _open(self, key: str, *, masked_whole: bool) -> Columns:
        """A relation whose columns nobody listed: a star may hold the protected ones."""
        hidden: dict[str, int] = {}
        for patterns, label in (
            (self.columns_mask, MASKED),
            (self.columns_deny, PII | BARE),
            (self.pii_columns, PII | BARE),
        ):
            for pattern in patterns:
                owner, _, column = pattern.lower().rpartition(".")
                if matches(key, (owner,)) and not (
                    patterns is self.pii_columns and hidden.get(column, CLEAN) & MASKED
                ):
                    hidden[column] = hidden.get(column, CLEAN) | label
        unlisted = MASKED if masked_whole else CLEAN
        for label in hidden.values():
            unlisted |= label & ~BARE
        rest = MASKED if masked_whole else CLEAN
        if "*" in hidden:
            rest |= hidden["*"]
        return Columns([], rest, hidden, unlisted)


class Lens:
    """A world seen through one dialect: the catalog that `agentic.sql` asks."""

    def __init__(self, world: World, dialect: str) -> None:
        self.world = world
        self.dialect = dialect
        self.build = tuple(self._as_unquoted(pattern) for pattern in world.build_schemas)
        self.exact = {
            ".".join(self._as_unquoted(part) for part in name.split(".")[-2:]): key
            for key, (name, _) in world.by_key.items()
        }

    def _as_unquoted(self, text: str) -> str:
        # Names in guardrails.yml and in the schema file count as written without quotes.
        if self.dialect in FOLD_UPPER:
            return text.upper()
        return text if self.dialect in ("mysql", "clickhouse") else text.lower()

    def relation(self, name: RelationName) -> Readable | Refusal:
        """A relation's columns, or why it may not be read."""
        world = self.world
        trouble = self.unusual(name)
        if trouble is not None:
            return trouble
        system = catalog_relation(name, self.dialect)
        if system is not None:
            refusal = system if isinstance(system, Refusal) else self._catalog_of(name)
            return refusal or Readable(name.text.lower(), system)  # type: ignore[arg-type]
        elsewhere = self.elsewhere(name)
        schema = name.schema.text if name.schema is not None else world.default_schema
        key = f"{schema}.{name.name.text}".lower()
        if world.denied(key):
            return Refusal("READ_DENIED", f"guardrails forbid reading {key}")
        if elsewhere is not None:
            return elsewhere
        known = self.known(name)
        if known is not None:
            return Readable(known, world.labels[known])
        if self.in_build(name):
            return Readable(key, Columns([], CLEAN, world.protected_names))
        return Refusal("UNKNOWN_TABLE", f"the project has no relation {name.text}")

    def _catalog_of(self, name: RelationName) -> Refusal | None:
        """None when the catalog is the project's own: of its database, and of readable schemas."""
        owner = name.database
        if owner is None or self._same_database(owner):
            return None
        if self.dialect == "bigquery":
            # `dataset.INFORMATION_SCHEMA.TABLES` tells of one dataset.
            if self.world.denied(f"{owner.text}.*".lower()):
                return Refusal("READ_DENIED", f"guardrails forbid reading {owner.text}")
            folded = owner.text.lower()
            if self.in_build(RelationName(Name("x"), owner)) or any(
                key.split(".")[-2] == folded for key in self.world.by_key
            ):
                return None
        if self.dialect == "duckdb" and owner.text.lower() == "system":
            return None
        return Refusal("CROSS_DATABASE", f"{name.text} lies in another database")

    def unusual(self, name: RelationName) -> Refusal | None:
        """Names that are not names."""
        text = name.name.text
        if name.dynamic:
            return Refusal("DYNAMIC_IDENTIFIER", "the relation's name is computed")
        if name.beyond:
            return Refusal("CROSS_DATABASE", f"{name.text} names a linked server")
        if self.dialect == "bigquery" and "*" in text:
            return Refusal("DYNAMIC_IDENTIFIER", f"{name.text} is a wildcard over relations")
        schema = name.schema.text.lower() if name.schema is not None else ""
        if self.dialect == "trino" and "$" in text:
            return self._hidden_table(name)
        listed = f"{schema or self.world.default_schema}.{text}".lower() in self.world.by_key
        files = ("delta", "parquet", "csv", "json", "orc", "avro", "text", "binaryfile", "iceberg")
        if name.path or (schema in files and not listed) or (_PATH.search(text) and not listed):
            return Refusal("EXTERNAL_IO", f"{text} is a path, not a relation")
        return None

    def _hidden_table(self, name: RelationName) -> Refusal:
        """Trino's `"orders$files"`: partitions, files and history of a relation."""
        schema = name.schema.text if name.schema is not None else self.world.default_schema
        owner = f"{schema}.{name.name.text.split('$')[0]}".lower()
        if self.world.denied(owner):
            return Refusal("READ_DENIED", f"guardrails forbid reading {owner}")
        return Refusal("SYSTEM_CATALOG", f"{name.text} holds files, partitions or history")

    def elsewhere(self, name: RelationName) -> Refusal | None:
        """A catalog other than the project's."""
        if name.database is None or self._same_database(name.database):
            return None
        return Refusal("CROSS_DATABASE", f"{name.text} lies in another database")

    def _same_database(self, database: Name) -> bool:
        own = self.world.default_database
        return bool(own) and database.text.lower() == own.lower()

    def known(self, name: RelationName) -> str | None:
        """The key of a listed relation that this name means to the engine."""
        schema = name.schema or Name(self.world.default_schema)
        folded = f"{schema.fold(self.dialect)}.{name.name.fold(self.dialect)}"
        if self.dialect == "mysql":
            # Folding depends on the server's file system; a wrong guess reads nothing.
            folded = folded.lower()
            return folded if folded in self.world.by_key else None
        return self.exact.get(folded)

    def in_build(self, name: RelationName) -> bool:
        """True when the relation lies in a schema that agents may write to, matched exactly."""
        if name.database is not None and not self._same_database(name.database):
            return False
        schema = name.schema or Name(self._as_unquoted(self.world.default_schema), True)
        if self.dialect == "bigquery":
            return any(fnmatchcase(schema.text, one) for one in self.world.build_schemas)
        folded = schema.fold(self.dialect)
        return any(fnmatchcase(folded, pattern) for pattern in self.build)

    def writable(self, name: RelationName) -> Refusal | None:
        """None when the relation may be written; else why not."""
        key = self.key(name)
        if name.dynamic or name.path or name.beyond:
            return self.unusual(name)
        if name.database is not None and not self._same_database(name.database):
            return Refusal("WRITE_OUT_OF_SCOPE", f"{name.text} lies in another database")
        if matches(key, self.world.change_deny):
            return Refusal("WRITE_PROTECTED", f"guardrails forbid changing {key}")
        if not self.in_build(name):
            allowed = ", ".join(self.world.build_schemas)
            return Refusal("WRITE_OUT_OF_SCOPE", f"{key} is not in a build schema ({allowed})")
        return None

    def key(self, name: RelationName) -> str:
        """`schema.table` in lower case, with the default schema where none is named."""
        schema = name.schema.text if name.schema is not None else self.world.default_schema
        return f"{schema}.{name.name.text}".lower()

    def function_columns(self, name: str, arguments: tuple[str, ...]) -> Columns | Refusal | None:
        """Columns of a table function that shows the catalog; None for any other."""
        described = table_function(name)
        if described is None:
            return None
        if described == "relation":
            text = arguments[0] if arguments else ""
            parts = [Name(part.strip('"`')) for part in text.split(".")]
            if not text or len(parts) > 3:
                return Refusal("DYNAMIC_IDENTIFIER", f"{name} names a relation by a computed text")
            padded = [None, None, *parts][-3:]
            answer = self.relation(RelationName(parts[-1], padded[1], padded[0]))
            return answer if isinstance(answer, Refusal) else Columns([], CLEAN)
        return catalog_columns(described)


def matches(key: str, patterns: Iterable[str]) -> bool:
    """A deny pattern against a lower-case name, ignoring case, as many parts as the pattern has."""
    for pattern in patterns:
        wanted = pattern.lower().split(".")
        parts = key.split(".")
        if len(wanted) == len(parts) + 1 and len(parts) > 1:
            wanted = wanted[1:]
        if len(wanted) == len(parts) and all(
            fnmatchcase(part, one) for part, one in zip(parts, wanted, strict=True)
        ):
            return True
    return False


def _items(values: object, prefix: str) -> tuple[str, ...]:
    listed = values if isinstance(values, list | tuple) else []
    return tuple(str(one).removeprefix(prefix) for one in listed if str(one).startswith(prefix))
