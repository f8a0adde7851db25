"""Faults go where the manifest says, on any project: nothing here is named as in an example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from agentic.evals.injection import Injected, NoPlace, Scene, fault_classes
from agentic.evals.reading import output_of, reads
from agentic.project import Manifest, Node, Project
from agentic.warehouse import Column, Relation, Rows

STAY = """\
with visits as (
    select
        visit_id as stay_id,
        cast(arrived as timestamp) as arrived_at,
        lower(ward) as ward_name  -- not the room
    from {{ source('clinic', 'visits') }}
)

select stay_id, arrived_at, ward_name from visits
"""
ADMISSIONS = """\
select
    stay_id,
    arrived_at as admitted_at,
    ward_name as ward
from {{ ref('stay') }}
"""
WARDS = """\
select
    ward,
    count(*) as stays
from {{ ref('admissions') }}
group by ward
"""
COLUMNS = {
    "visits": [
        ("visit_id", "INTEGER"),
        ("arrived", "TIMESTAMP"),
        ("ward", "VARCHAR"),
        ("room", "VARCHAR"),
    ]
}


class Notebook:
    """A warehouse that writes down what it is told."""

    def __init__(self, dialect: str = "duckdb") -> None:
        self.dialect = dialect
        self.statements: list[str] = []

    def columns(self, relation: Relation) -> tuple[Column, ...] | None:
        found = COLUMNS.get(relation.identifier)
        return tuple(Column(name, kind) for name, kind in found) if found else None

    def execute(self, sql: str, *, timeout_s: float = 600) -> None:
        self.statements.append(sql)

    def query(self, sql: str, **limits: Any) -> Rows:
        return Rows((), ())

    def relations(self, schema: str | None = None) -> tuple[Relation, ...]:
        return ()

    def schemas(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None: ...

    def __enter__(self) -> Notebook:
        return self

    def __exit__(self, *error: object) -> None: ...


def node(name: str, text: str, *parents: str, **more: Any) -> dict[str, Any]:
    return {
        "unique_id": f"model.clinic.{name}",
        "name": name,
        "resource_type": "model",
        "package_name": "clinic",
        "original_file_path": f"models/{name}.sql",
        "schema": "main",
        "alias": name,
        "raw_code": text,
        "depends_on": {"nodes": list(parents)},
        **more,
    }


def generic_test(kind: str, on: str, column: str, **kwargs: Any) -> dict[str, Any]:
    return {
        "unique_id": f"test.clinic.{kind}_{column}",
        "name": f"{kind}_{column}",
        "resource_type": "test",
        "package_name": "clinic",
        "attached_node": on,
        "column_name": column,
        "test_metadata": {"name": kind, "kwargs": {"column_name": column, **kwargs}},
        "config": {"severity": "ERROR"},
    }


@pytest.fixture
def manifest() -> Manifest:
    stay, admissions, wards = (f"model.clinic.{name}" for name in ("stay", "admissions", "wards"))
    source = "source.clinic.clinic.visits"
    tests = [
        generic_test("unique", stay, "stay_id"),
        generic_test("not_null", stay, "stay_id"),
        generic_test("accepted_values", stay, "ward_name", values=["north", "south"]),
    ]
    nodes = [
        node("stay", STAY, source),
        node("admissions", ADMISSIONS, stay),
        node("wards", WARDS, admissions),
        *tests,
    ]
    return msgspec.convert(
        {
            "metadata": {},
            "nodes": {one["unique_id"]: one for one in nodes},
            "sources": {
                source: {
                    "unique_id": source,
                    "name": "visits",
                    "identifier": "visits",
                    "source_name": "clinic",
                    "resource_type": "source",
                    "package_name": "clinic",
                    "schema": "clinic",
                    "loaded_at_field": "arrived",
                    "freshness": {"warn_after": {"count": 1, "period": "day"}},
                }
            },
            "child_map": {
                source: [stay],
                stay: [admissions, *(one["unique_id"] for one in tests)],
                admissions: [wards],
            },
        },
        Manifest,
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    models = tmp_path / "models"
    models.mkdir()
    for name, text in (("stay", STAY), ("admissions", ADMISSIONS), ("wards", WARDS)):
        (models / f"{name}.sql").write_text(text)
    return Project(
        root=tmp_path,
        name="clinic",
        profile="clinic",
        target_path=tmp_path / "target",
        packages_path=tmp_path / "dbt_packages",
    )


def inject(fault: str, scene: Scene) -> Injected:
    return fault_classes()[fault].inject(scene)


def test_reads_are_the_columns_that_children_name(project: Project, manifest: Manifest) -> None:
    scene = Scene(project, manifest, connection=Notebook())

    found = {(read.column.name, read.output) for read in reads(scene)}

    assert found == {("visit_id", "stay_id"), ("arrived", "arrived_at"), ("ward", "ward_name")}


def test_a_renamed_column_is_one_that_the_project_reads(
    project: Project, manifest: Manifest
) -> None:
    for seed in range(6):
        warehouse = Notebook()

        injected = inject(
            "src_column_renamed", Scene(project, manifest, connection=warehouse, seed=seed)
        )

        assert injected.node == "source.clinic.clinic.visits"
        assert injected.column in {"visit_id", "arrived", "ward"}
        assert injected.observed not in {name for name, _ in COLUMNS["visits"]}
        assert warehouse.statements == [
            f'alter table "clinic"."visits" '
            f'rename column "{injected.column}" to "{injected.observed}"'
        ]


def test_the_same_seed_chooses_the_same_place(project: Project, manifest: Manifest) -> None:
    chosen = [
        inject("src_column_renamed", Scene(project, manifest, connection=Notebook(), seed=seed))
        for seed in (1, 1, 2, 3, 4, 5, 6, 7)
    ]

    assert chosen[0] == chosen[1]
    assert len({one.column for one in chosen}) > 1


@pytest.mark.parametrize(
    ("fault", "statement"),
    [
        ("duplicate_rows", 'insert into "clinic"."visits" select * from "clinic"."visits"'),
        ("null_keys", 'update "clinic"."visits" set "visit_id" = null'),
        ("accepted_values_violation", "where \"ward\" = 'south'"),
        ("stale_source", 'set "arrived" = "arrived" - interval'),
        ("source_table_missing", 'drop table "clinic"."visits" cascade'),
        ("src_date_format", "strftime(\"arrived\", '%d/%m/%Y %H:%M:%S')"),
    ],
)
def test_raw_faults_change_the_source_table(
    project: Project, manifest: Manifest, fault: str, statement: str
) -> None:
    warehouse = Notebook()

    injected = inject(fault, Scene(project, manifest, connection=warehouse))

    assert injected.layer == "raw"
    assert statement in "\n".join(warehouse.statements)


def test_postgres_lands_a_retyped_column_anew(project: Project, manifest: Manifest) -> None:
    warehouse = Notebook("postgres")

    inject("src_date_format", Scene(project, manifest, connection=warehouse))

    assert "to_char(\"arrived\", 'DD/MM/YYYY HH24:MI:SS')" in warehouse.statements[1]
    assert warehouse.statements[2].endswith('drop column "arrived" cascade')


def test_a_case_change_that_the_child_undoes_is_no_fault(
    project: Project, manifest: Manifest
) -> None:
    with pytest.raises(NoPlace, match="category_case_change"):
        inject("category_case_change", Scene(project, manifest, connection=Notebook()))


def test_a_ref_typo_names_a_node_that_does_not_exist(project: Project, manifest: Manifest) -> None:
    injected = inject("ref_typo", Scene(project, manifest))

    edited = (project.root / injected.paths[0]).read_text()
    assert f"ref('{injected.observed}')" in edited
    assert injected.observed not in {one.name for one in manifest.nodes.values()}


def test_a_renamed_alias_breaks_a_child_and_the_parent_is_the_root_cause(
    project: Project, manifest: Manifest
) -> None:
    injected = inject("upstream_alias_renamed", Scene(project, manifest))

    # What `stay` gives is read again in its own text; of `admissions`, only `ward` has a reader.
    assert (injected.node, injected.column) == ("model.clinic.admissions", "ward")
    assert f"ward_name as {injected.observed}" in (project.root / injected.paths[0]).read_text()


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("select id as key, name from t", "id", "key"),
        ("select id as key, name from t", "name", "name"),
        ("select\n    t.name,\n    id\nfrom t", "name", "name"),
        ("select cast(day as date) as day from t", "day", "day"),
        ("select price * amount as total from t", "amount", ""),
        ("select day as first, day as second from t", "day", ""),
    ],
    ids=["alias", "bare", "qualified", "cast", "two-columns", "two-names"],
)
def test_the_output_made_of_one_column(text: str, column: str, expected: str) -> None:
    assert output_of(text, column, ["id", "name", "day", "price", "amount"]) == expected


def test_without_sources_a_seed_column_is_renamed_in_its_file(
    project: Project, manifest: Manifest
) -> None:
    seed = node("visits", "", resource_type="seed", original_file_path="seeds/visits.csv")
    seed["unique_id"] = "seed.clinic.visits"
    stay = "model.clinic.stay"
    seeded = msgspec.structs.replace(
        manifest,
        nodes={**manifest.nodes, "seed.clinic.visits": msgspec.convert(seed, Node)},
        sources={},
        child_map={**(manifest.child_map or {}), "seed.clinic.visits": [stay]},
    )
    file = project.root / "seeds" / "visits.csv"
    file.parent.mkdir()
    file.write_text("visit_id,arrived,ward,room\n1,2026-01-01,visit_id,ward\n")
    warehouse = Notebook()

    injected = inject("src_column_renamed", Scene(project, seeded, connection=warehouse))

    header, row = file.read_text().splitlines()
    assert injected.observed in header.split(",")
    assert injected.column not in header.split(",")
    assert row == "1,2026-01-01,visit_id,ward"
    assert warehouse.statements == []
    assert injected.command == ("build", "--full-refresh")


def test_a_syntax_error_is_not_put_into_a_comment(project: Project, manifest: Manifest) -> None:
    for name in ("stay", "admissions", "wards"):
        file = project.root / "models" / f"{name}.sql"
        file.write_text("select 1 as one {# select #} -- select\n")

    injected = inject("syntax_error", Scene(project, manifest))

    text = (project.root / injected.paths[0]).read_text()
    assert text == "selct 1 as one {# select #} -- select\n"
