"""The dbt half in a project that is not ours: records, incidents, guard, check, on two adapters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentic.evals.forks import warm_dbt
from agentic.project import DbtOutcome, find_dbt, run_dbt
from agentic.sql import quote

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FILES = {
    "dbt_project.yml": """\
name: clinic
version: "1.0"
config-version: 2
profile: clinic
flags: {send_anonymous_usage_stats: false}
on-run-end: ["{{ agentic.record_results(results) }}"]
vars: {agentic_models_enabled: true, broken: false, on_open: warn}
""",
    "packages.yml": f"packages: [{{local: '{ROOT}'}}]\n",
    "models/visits.sql": (
        "select 1 as visit_id, 'O''Neil ada@example.com' as note"
        "{% if var('broken') %}, missing_column{% endif %}\n"
    ),
    "models/stays.sql": (
        "{{ config(pre_hook=\"{{ agentic.guard(on_open=var('on_open')) }}\") }}\n"
        "select visit_id from {{ ref('visits') }}\n"
    ),
    "models/models.yml": """\
version: 2
models:
  - name: stays
    columns:
      - name: visit_id
        data_tests: [unique]
    data_tests:
      - agentic.agentic_check:
          arguments: {check: no_open_incident}
      - agentic.agentic_check:
          arguments: {check: last_run_ok}
""",
}


class Clinic:
    """The project on one adapter, with a way to ask its warehouse."""

    def __init__(self, root: Path, output: dict[str, Any], ask: Any) -> None:
        self.root = root
        self.ask = ask
        for name, text in FILES.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.write_profile(output)
        (root / "dbt_packages").mkdir()
        (root / "dbt_packages" / "agentic").symlink_to(ROOT)

    def write_profile(self, output: dict[str, Any]) -> None:
        import json

        profile = {"clinic": {"target": "dev", "outputs": {"dev": output}}}
        (self.root / "profiles.yml").write_text(json.dumps(profile))

    def dbt(self, *args: str) -> DbtOutcome:
        return warm_dbt([*args, "--profiles-dir", str(self.root)], cwd=self.root)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return list(self.ask(sql))


def duckdb_clinic(root: Path) -> Clinic:
    import duckdb

    def ask(sql: str) -> list[Any]:
        with duckdb.connect(str(root / "clinic.duckdb")) as connection:
            return connection.execute(sql).fetchall()

    output = {"type": "duckdb", "path": str(root / "clinic.duckdb"), "schema": "analytics"}
    return Clinic(root, output, ask)


def postgres_clinic(root: Path, server: Any) -> Clinic:
    database = server.new_database("clinic")
    return Clinic(root, database.output("analytics"), database.run)


@pytest.fixture(params=["duckdb", "postgres"])
def clinic(request: pytest.FixtureRequest, tmp_path: Path) -> Clinic:
    if request.param == "duckdb":
        return duckdb_clinic(tmp_path)
    return postgres_clinic(tmp_path, request.getfixturevalue("postgres_server"))


def incidents(clinic: Clinic) -> list[tuple[Any, ...]]:
    return clinic.rows(
        "select node, kind, status from analytics_agentic.incidents order by 1, 2, 3"
    )


def test_an_incident_opens_holds_up_its_children_and_closes(clinic: Clinic) -> None:
    assert clinic.dbt("build").ok
    assert incidents(clinic) == []

    for _ in range(2):  # the same failure again is the same incident
        assert clinic.dbt("build", "--vars", "broken: true").exit_code == 1
    assert incidents(clinic) == [("model.clinic.visits", "run_error", "open")]

    warned = clinic.dbt("run", "--select", "stays")
    assert warned.ok, warned.errors
    assert any("open incident(s) upstream" in e["info"]["msg"] for e in warned.events)

    refused = clinic.dbt("run", "--select", "stays", "--vars", "on_open: error")
    assert refused.exit_code == 1
    assert "model.clinic.visits (run_error since" in "\n".join(refused.errors)

    checked = clinic.dbt("test", "--select", "stays,test_name:agentic_check")
    assert checked.exit_code == 1

    mended = clinic.dbt("build", "--vars", "on_open: error")
    assert mended.ok, mended.errors
    assert {status for _, _, status in incidents(clinic)} == {"closed"}

    runs = clinic.rows(
        "select command, status from analytics_agentic.runs order by started_at, completed_at"
    )
    assert runs[:3] == [("build", "success"), ("build", "error"), ("build", "error")]
    assert clinic.rows("select count(*) from analytics.agentic_incidents")[0][0] >= 1


def test_a_command_that_builds_nothing_records_nothing(clinic: Clinic) -> None:
    assert clinic.dbt("build").ok
    before = clinic.rows("select count(*) from analytics_agentic.runs")

    assert clinic.dbt("compile").ok
    assert clinic.dbt("docs", "generate").ok
    assert clinic.dbt("build", "--vars", "agentic_records_enabled: false").ok

    assert clinic.rows("select count(*) from analytics_agentic.runs") == before


def test_an_agents_own_schema_is_not_recorded(tmp_path: Path) -> None:
    clinic = duckdb_clinic(tmp_path)
    output = {"type": "duckdb", "path": str(tmp_path / "clinic.duckdb"), "schema": "agentic_1f2e"}
    clinic.write_profile(output)

    assert clinic.dbt("build").ok

    schemas = clinic.rows("select schema_name from information_schema.schemata")
    assert not [name for (name,) in schemas if name.endswith("_agentic")]


def test_a_record_table_of_another_shape_is_left_alone(clinic: Clinic) -> None:
    schema, name = quote("analytics_agentic", "postgres"), quote("runs", "postgres")
    clinic.rows(f"create schema {schema}")
    clinic.rows(f"create table {schema}.{name} (something integer)")

    outcome = clinic.dbt("build")

    assert outcome.ok, outcome.errors
    assert clinic.rows(f"select * from {schema}.{name}") == []


def test_a_record_that_the_database_refuses_leaves_the_build_green(
    tmp_path: Path, postgres_server: Any
) -> None:
    clinic = postgres_clinic(tmp_path, postgres_server)
    database = postgres_server._replace(dbname="clinic")
    database.run(
        "drop role if exists reader",
        "create role reader login password 'not-a-secret'",
        "create schema analytics authorization reader",
        "revoke create on database clinic from public",
    )
    clinic.write_profile(database._replace(user="reader").output("analytics"))

    outcome = clinic.dbt("build")

    assert outcome.ok, outcome.errors
    assert clinic.rows("select count(*) from analytics.stays") == [(1,)]


def test_error_texts_are_stored_without_addresses_or_colours(tmp_path: Path) -> None:
    clinic = duckdb_clinic(tmp_path)
    (clinic.root / "models" / "visits.sql").write_text(
        "{{ config(materialized='table') }} "
        "select cast('it''s ada@example.com; $agentic$' as integer) as visit_id"
    )

    assert clinic.dbt("build").exit_code == 1

    [(message,)] = clinic.rows("select message from analytics_agentic.incidents")
    assert "it's <email>;" in message
    assert "\x1b" not in message


def test_the_repository_itself_is_a_project_that_parses(tmp_path: Path) -> None:
    arguments = ["parse", "--project-dir", str(ROOT), "--profiles-dir", str(ROOT)]

    outcome = run_dbt(find_dbt(), [*arguments, "--target-path", str(tmp_path)], cwd=tmp_path)

    assert outcome.ok, outcome.errors
    assert [e["info"]["msg"] for e in outcome.events if e["info"]["level"] == "warn"] == []
