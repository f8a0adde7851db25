"""Ask a real dbt which nodes each expression selects: `python record.py` with dbt-duckdb installed.

Writes selections.json (answers of `dbt ls`) and manifest.json of the orchard. One process, since
starting dbt eighty times would take minutes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from dbt.cli.main import dbtRunner

HERE = Path(__file__).parent
EXPRESSIONS = """
stg_trees | +stg_trees | stg_trees+ | +stg_trees+ | 1+income | income+1 | 2+income_daily+1
@stg_prices | @stg_picks | @sorts | income income_daily | income,tag:gold | +income,stg_*
tag:gold | tag:g* | tag:nope | tag:daily | tag:daily,tag:raw_side | +tag:gold | tag:gold+
tag:pii+ | tag:farm_side | tag:board | tag:soft | path:models/staging | path:models/marts/*
path:models/marts/finance/income.sql | path:models | models/staging | path:models/**
path:models/**/stg_*.sql | path:models/staging/staging.yml | path:tests | path:seeds
path:./models/marts | path:models/marts/ | path:local_packages | path:nope | path:models/sta?ing
+path:snapshots | models/marts/dim/ | path:macros | file:income.sql | income.sql | file:stg_*
file:marts.yml | sorts.csv | source:farm | source:farm.picks | source:*.prices | source:farm+
source:orchard.farm.trees | source:* | +source:farm | orchard | orchard.staging
orchard.marts.finance.* | marts.finance | staging.stg_trees | stg_* | *_trees | * | shed
shed.* | package:shed | package:orchard | package:this | package:sh* | package:shed,tag:daily
fqn:income | fqn:orchard.marts.* | fqn:*.income | trees | trees.v1 | trees_v2 | trees.v*
version:latest | version:none | config.materialized:view | config.materialized:table,tag:gold
config.materialized:incremental+ | config.severity:warn | config.severity:WARN
config.tags:daily | config.meta.owner:money | config.meta.rank:1 | config.enabled:true
config.enabled:false | config.contract.enforced:false
config.on_schema_change:append_new_columns | config.schema:shed | config.nope:x
config.access:public | config.unique_key:picked_on | config.time_spine:x | resource_type:model
resource_type:source | resource_type:test | resource_type:unit_test | resource_type:seed
resource_type:snapshot | resource_type:exposure | resource_type:metric | resource_type:analysis
resource_type:semantic_model | resource_type:saved_query | test_type:generic
test_type:singular | test_type:data | test_type:unit | test_name:unique | test_name:not_*
test_name:kilos* | test_type:generic,stg_trees | test_name:relationships | no_negative_income
+no_negative_income | kilos_add_up | exposure:harvest_board | +exposure:harvest_board
exposure:* | exposure:orchard.price_note | +exposure:*,source:* | metric:total_income
+metric:* | semantic_model:incomes | saved_query:* | +saved_query:income_by_day | unit_test:*
unit_test:orchard.kilos_add_up | group:money | group:mon* | +group:money | access:public
access:protected | stg_trees,stg_picks | stg_trees,stg_picks+ | +harvest_board
3+exposure:harvest_board | tree_kilos+ | +tree_kilos | all_days | trees_history | old_counts
look | income.v1 | 0+income | income+0 | @income_daily | stg_[tp]* | stg_tree?
"""


def expressions() -> list[str]:
    parts = EXPRESSIONS.replace("\n", "|").split("|")
    return [part.strip() for part in parts if part.strip()]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "orchard"
        shutil.copytree(HERE / "orchard", root)
        where = ["--project-dir", str(root), "--profiles-dir", str(root), "--quiet"]
        dbt = dbtRunner()
        for verb in ("deps", "parse"):
            assert dbt.invoke([verb, *where]).success, verb
        text = (root / "target/manifest.json").read_text()
        manifest = json.loads(text.replace(str(root), "/orchard"))
        answers: dict[str, list[str]] = {}
        for text in expressions():
            done = dbt.invoke(
                ["ls", "--select", text, "--output", "json", "--output-keys", "unique_id", *where]
            )
            assert done.success, text
            answers[text] = sorted(json.loads(line)["unique_id"] for line in done.result or ())
    trim(manifest)
    write("selections.json", answers)
    write("manifest.json", manifest)


def trim(manifest: dict[str, object]) -> None:
    """Leave out what selection never reads: dbt's own macros and docs, times and ids."""
    for key in ("macros", "docs"):
        entries = manifest[key]
        assert isinstance(entries, dict)
        manifest[key] = {uid: one for uid, one in entries.items() if one["package_name"] != "dbt"}
        for uid in [
            uid for uid, one in manifest[key].items() if one["package_name"] == "dbt_duckdb"
        ]:
            del manifest[key][uid]
    metadata = manifest["metadata"]
    assert isinstance(metadata, dict)
    for key in ("user_id", "project_id", "invocation_id"):
        metadata[key] = None
    metadata["env"] = {}


def write(name: str, value: object) -> None:
    (HERE / name).write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
