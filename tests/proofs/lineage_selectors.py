"""Selections that agentic and a real dbt answer the same, recorded anew.

The generated project's answers and manifest, and jaffle-shop's answers (ids only), are committed in
tests/golden/lineage; the fast suite holds the code to them.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from agentic.lineage import Graph, Selection, resolve, resolve_selector
from agentic.project import Manifest, load_manifest
from tests.proofs.registry import Outcome, proof
from tests.support import branches
from tests.support.tiny import clean_environment

GOLDEN = Path(__file__).parents[1] / "golden" / "lineage"
COUNT = 6
GENERATED = """
-s ledger | -s +ledger | -s ledger+ | -s 1+ledger+1 | -s @end_3 | -s @stg_0 | -s "stg_0 mid_1"
-s "tag:gold,path:models/gold" | -s tag:shape_* | -s tag:weekly+ | -s path:models/end
-s models/gold | -s "path:models/*/end_?.sql" | -s path:seeds | -s path:tests/ledger_is_whole.sql
-s file:stg_*.sql | -s price_v1.sql | -s source:raw | -s source:raw.t_1+
-s "source:branches.raw.*" | -s branches.gold | -s "branches.*.end_*" | -s "*_3"
-s fqn:branches.gold.ledger | -s package:branches | -s package:this | -s config.materialized:view
-s config.meta.rank:1 | -s config.meta.owner:mo | -s config.tags:daily | -s config.severity:warn
-s config.access:public | -s config.strategy:check | -s resource_type:test
-s resource_type:snapshot | -s resource_type:exposure
-s "resource_type:seed resource_type:metric" | -s test_type:generic | -s test_type:singular
-s test_type:unit | -s "test_type:data,tag:slow" | -s test_name:relationships
-s "test_name:not_*,path:seeds" | -s unit_test:doubles | -s "unit_test:*" | -s exposure:board
-s +exposure:board | -s "+exposure:*,source:*" | -s metric:total_total | -s +metric:total_total
-s semantic_model:ledgers+ | -s saved_query:totals | -s +saved_query:* | -s group:money
-s +group:mon* | -s access:private | -s access:public,version:old | -s version:latest
-s version:prerelease | -s version:old+ | -s version:none,path:models/gold | -s price.v2
-s price_v3 | -s price | -s "price.v*" | -s "*" --exclude tag:gold | --exclude path:models/stg+
-s +ledger --exclude "stg_* test_type:generic"
-s "tag:gold+ rates" --exclude "price ledger_history" | -s "+tag:gold" --exclude "@end_3"
-s ledger --indirect-selection cautious | -s "ledger end_3" --indirect-selection cautious
-s ledger --indirect-selection buildable | -s +ledger --indirect-selection buildable
-s "ledger rates" --indirect-selection empty
-s "tag:gold,ledger end_3" --indirect-selection cautious
-s "end_3+" --exclude ledger --indirect-selection cautious
-s "mid_2+ end_3" --exclude test_type:generic --indirect-selection buildable | --selector gold_all
--selector half_done | --selector careful | --selector bare | --selector inherits
--selector around | --selector keyed | --selector without
--selector keyed --indirect-selection empty | -s nope | -s +tag:nope | -s "nope ledger"
-s "tag:gold,tag:nope"
"""
JAFFLE = """
-s orders | -s +orders | -s orders+ | -s @orders | -s 1+orders+1 | -s stg_*
-s "stg_orders,stg_*" | -s path:models/staging | -s "path:models/marts,+customers"
-s models/marts/orders.sql | -s source:ecom | -s source:ecom.raw_orders+ | -s "source:*"
-s "exposure:*" | -s "metric:*" | -s "+metric:*" | -s "metric:order_*" | -s "semantic_model:*"
-s "saved_query:*" | -s resource_type:metric | -s resource_type:test
-s resource_type:semantic_model | -s test_type:unit | -s test_type:generic,orders
-s test_type:singular | -s test_name:unique | -s "test_name:dbt_utils*"
-s test_name:expression_is_true | -s package:dbt_utils | -s package:jaffle_shop | -s jaffle_shop
-s jaffle_shop.staging | -s "jaffle_shop.marts.*" | -s "*" | -s config.materialized:table
-s config.materialized:view | -s config.severity:error | -s "tag:*" | -s file:orders
-s orders.yml | -s "path:models/**/*.yml" | -s path:models/staging/__sources.yml | -s 2+customers
-s customers,orders | -s "customers orders" | -s "+customers,+orders" | -s @stg_supplies
-s metricflow_time_spine | -s "unit_test:*" | -s "test_order_items*" | -s "group:*"
-s access:protected | -s version:none | -s config.enabled:true | -s +resource_type:metric
-s +semantic_model:orders | -s orders_metrics+ | -s lifetime_spend | -s +lifetime_spend_pretax
-s path:seeds | -s "saved_query:customer*" | -s +orders --exclude stg_*
--exclude "path:models/marts source:*" | -s orders --indirect-selection cautious
-s "orders customers" --indirect-selection cautious | -s orders --indirect-selection buildable
-s +orders --indirect-selection empty | -s "*" --exclude "resource_type:test test_type:unit"
-s stg_products+ --exclude @order_items
"""


@proof(
    "lineage_selectors",
    "Selections of the generated project and of jaffle-shop, at least 60 each, give what `dbt ls` "
    "gives: every method and operator, --exclude, --selector and --indirect-selection.",
)
def selectors(folder: Path) -> Outcome:
    figures: dict[str, object] = {}
    broken: list[str] = []
    root = folder / "branches"
    branches.write(root, COUNT)
    branches.extras(root)
    broken += compare("generated", root, GENERATED, "branches", figures)
    manifest = json.loads((root / "target" / "manifest.json").read_text(encoding="utf-8"))
    save("branches_manifest.json", trimmed(manifest))
    broken += with_state(root, figures)
    place = Path(os.environ.get("AGENTIC_PROJECTS", ".")) / "jaffle-shop"
    if not (place / "dbt_project.yml").is_file():
        figures["jaffle-shop"] = "not run"
        return Outcome(figures, broken)
    shutil.copytree(place, folder / "jaffle-shop", symlinks=True)
    broken += compare("jaffle-shop", folder / "jaffle-shop", JAFFLE, "jaffle_shop", figures)
    return Outcome(figures, broken)


def compare(name: str, root: Path, text: str, golden: str, figures: dict[str, object]) -> list[str]:
    """Ask dbt, write its answers down, and hold ours against them."""
    lists = expressions(text)
    answers = dict(zip(lists, ask(root, [shlex.split(one) for one in lists]), strict=True))
    save(f"{golden}.json", answers)
    manifest = load_manifest(root / "target" / "manifest.json")
    graph = Graph(manifest)
    broken = []
    for one, expected in answers.items():
        got = sorted(answer(one, manifest, graph).uids)
        if got != expected:
            differ = sorted({*got} ^ {*expected})
            broken.append(f"{name}: {one}: differs in {', '.join(differ)[:300]}")
    some = sum(bool(uids) for uids in answers.values())
    figures[name] = f"{len(answers)} expressions ({some} select something)"
    return broken


def expressions(text: str) -> list[str]:
    parts = text.replace("\n", "|").split("|")
    return [part.strip() for part in parts if part.strip()]


def ask(root: Path, lists: list[list[str]]) -> list[list[str]]:
    """What dbt answers."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parents[1] / "support" / "dbt_ls.py"), str(root)],
        input=json.dumps(lists),
        cwd=root,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stdout[-1000:] + done.stderr[-3000:]
    found: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def answer(text: str, manifest: Manifest, graph: Graph) -> Selection:
    """What agentic answers to the same arguments."""
    given = dict.fromkeys(("-s", "--exclude", "--selector", "--indirect-selection"), "")
    words = iter(shlex.split(text))
    given |= {word: next(words) for word in words}
    indirect: Any = given["--indirect-selection"] or "eager"
    if given["--selector"]:
        return resolve_selector(given["--selector"], manifest, graph, indirect=indirect)
    return resolve(given["-s"], manifest, graph, exclude=given["--exclude"], indirect=indirect)


def with_state(root: Path, figures: dict[str, object]) -> list[str]:
    """What compares with another run goes to dbt itself, with what was given along."""
    state = root.parent / "state"
    shutil.copytree(root / "target", state)
    (state / "run_results.json").write_text(
        json.dumps(
            {
                "metadata": {"dbt_schema_version": RESULTS, "invocation_id": "x"},
                "results": [
                    {"unique_id": f"model.branches.end_{number}", "status": status, "timing": [],
                     "thread_id": "", "execution_time": 0, "adapter_response": {}, "message": "",
                     "failures": None, "compiled": True, "compiled_code": "", "relation_name": ""}
                    for number, status in enumerate(("error", "success"))
                ],
                "elapsed_time": 0,
                "args": {},
            }
        ),
        encoding="utf-8",
    )  # fmt: skip
    path = root / branches.staging(2)
    path.write_text(path.read_text(encoding="utf-8") + "where id > 0\n", encoding="utf-8")
    lists = [
        "state:modified",
        "state:modified+1",
        "result:error+",
        "state:new",
        "end_1,result:success",
    ]
    asked = [["-s", one, "--state", str(state)] for one in lists]
    broken = []
    for one, expected in zip(lists, ask(root, asked), strict=True):
        done = subprocess.run(
            [str(Path(sys.executable).with_name("agentic")), "lineage", one, "--state", str(state),
             "--project-dir", str(root), "--profiles-dir", str(root), "--output", "json"],
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        got = sorted(json.loads(line)["node"] for line in done.stdout.splitlines())
        if got != expected:
            broken.append(f"{one}: {got} is not {expected}; {done.stderr[-300:]}")
    figures["with state"] = f"{len(lists)} expressions"
    return broken


RESULTS = "https://schemas.getdbt.com/dbt/run-results/v6.json"
_KEPT = (
    "unique_id", "name", "resource_type", "package_name", "original_file_path", "path", "fqn",
    "config", "tags", "version", "latest_version", "access", "group", "patch_path", "depends_on",
    "test_metadata", "source_name", "identifier", "column_name", "attached_node", "model",
)  # fmt: skip


def trimmed(manifest: dict[str, Any]) -> dict[str, Any]:
    """What selection reads of a manifest."""
    kinds = (
        *("nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries"),
        *("unit_tests", "functions"),
    )
    metadata = ("dbt_schema_version", "dbt_version", "project_name", "adapter_type")
    found: dict[str, Any] = {
        kind: {
            uid: {key: node[key] for key in _KEPT if node.get(key) is not None}
            for uid, node in (manifest.get(kind) or {}).items()
        }
        for kind in kinds
    }
    found["metadata"] = {key: manifest["metadata"][key] for key in metadata}
    found["macros"] = {
        uid: {
            key: macro[key] for key in ("unique_id", "name", "package_name", "original_file_path")
        }
        for uid, macro in manifest["macros"].items()
        if macro["package_name"] == manifest["metadata"]["project_name"]
    }
    return {**found, **{key: manifest[key] for key in ("parent_map", "child_map", "selectors")}}


def save(name: str, value: object) -> None:
    text = json.dumps(value, sort_keys=True, indent=None if "manifest" in name else 1)
    (GOLDEN / name).write_text(text + "\n", encoding="utf-8")
