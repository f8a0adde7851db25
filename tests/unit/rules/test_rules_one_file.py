"""Faults of one file: names, macros, circles, properties, tests of columns that never were."""

from __future__ import annotations

from typing import Any

import pytest
from rules_world import World, case_of, check, failed, model, source

from agentic.project.manifest import Macro, Manifest
from agentic.rules import Case

STAGING = model("stg_orders", "select id as order_id, tax_paid from raw", [])
SHAPE = {"model.shop.stg_orders": {"order_id": "INTEGER", "tax_paid": "INTEGER"}}


def mart(code: str, **more: Any) -> Any:
    return model("orders", code, ["model.shop.stg_orders"], **more)


def edits(world: World) -> list[tuple[str, str]]:
    calls = [call for call in world.calls if call.name == "edit_file"]
    return [(one["old"], one["new"]) for call in calls for one in call.input["edits"]]


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("tax_pad", "tax_paid", 'Values list "o" does not have a column named "tax_pad"'),
        ("minn", "min", 'Function with name minn does not exist!\nDid you mean "min"?'),
        ("joind", "joined", 'Table with name joind does not exist!\nDid you mean "joined"?'),
    ],
)
def test_a_misspelt_name_is_corrected_where_it_stands(wrong: str, right: str, message: str) -> None:
    good = (
        "with joined as (select min(o.tax_paid) as tax from {{ ref('stg_orders') }} as o)\n"
        "select * from joined\n"
    )
    code = good.replace(f"{right}(", f"{wrong}(").replace(f"o.{right}", f"o.{wrong}")
    code = code.replace(f"from {right}\n", f"from {wrong}\n")
    world = World(SHAPE)

    report = world.run(case_of([STAGING, mart(code)], failed("model.shop.orders", message)))

    assert report["finding"]["cls"] == "name_typo"
    assert report["finding"]["root_cause"]["node"] == "model.shop.orders"
    ((old, new),) = edits(world)
    assert old != new
    assert code.replace(old, new) == good


def test_a_name_that_others_read_is_the_parent_s_fault() -> None:
    code = "select tax_pad from {{ ref('stg_orders') }}"
    other = model("other", code, ["model.shop.stg_orders"])
    world = World(SHAPE)
    message = 'Referenced column "tax_pad" not found in FROM clause!'

    report = world.run(case_of([STAGING, mart(code), other], failed("model.shop.orders", message)))

    assert report["finding"]["cls"] != "name_typo"


def test_a_name_that_stood_there_before_is_the_parent_s_fault() -> None:
    code = "select tax_pad, 1 as one from {{ ref('stg_orders') }}"
    change = {"path": "models/orders.sql", "before": code.replace(", 1 as one", ""), "after": code}
    world = World(SHAPE, commits=[{"sha": "a", "files": [change]}])
    message = 'Referenced column "tax_pad" not found in FROM clause!'

    report = world.run(case_of([STAGING, mart(code)], failed("model.shop.orders", message)))

    assert report["finding"]["cls"] != "name_typo"


def test_an_ambiguous_column_takes_the_first_relation_s_alias() -> None:
    code = "select id from {{ ref('a') }} as a\njoin {{ ref('b') }} as b on a.id = b.id"
    message = 'Binder Error: Ambiguous reference to column name "id" (use: "a.id" or "b.id")'
    world = World()

    report = world.run(case_of([model("x", code, [])], failed("model.shop.x", message)))

    assert report["finding"]["cls"] == "ambiguous_column"
    assert edits(world)[0][1].startswith("select a.id from")


def test_a_missing_group_is_added() -> None:
    code = "select\n    a,\n    sum(b) as b\nfrom {{ ref('t') }}\n"
    message = 'Binder Error: column "a" must appear in the GROUP BY clause or must be part of'
    world = World()

    report = world.run(case_of([model("x", code, [])], failed("model.shop.x", message)))

    assert report["finding"]["cls"] == "missing_group_by"
    assert edits(world)[-1][1].endswith("group by a\n")


def with_macros(case: Case, *macros: Macro) -> Case:
    manifest = case.manifest
    made = Manifest(
        metadata=manifest.metadata,
        nodes=manifest.nodes,
        sources=manifest.sources,
        macros={one.unique_id: one for one in macros},
        parent_map=manifest.parent_map,
        child_map=manifest.child_map,
    )
    return Case(case.incident, made, case.graph, case.dialect, case.project)


def macro(name: str, package: str = "shop", text: str = "") -> Macro:
    return Macro(
        unique_id=f"macro.{package}.{name}",
        name=name,
        package_name=package,
        original_file_path=f"macros/{name}.sql",
        macro_sql=text or f"{{% macro {name}(x) %}}{{{{ x }}}}{{% endmacro %}}",
    )


def undefined(name: str, kind: str = "compile_error") -> Any:
    text = (
        f"Compilation Error in model x (models/x.sql)\n  '{name}' is undefined. This can happen "
        "when calling a macro that does not exist. Check for typos and/or install package "
        'dependencies with "dbt deps".'
    )
    return failed("model.shop.x", text, kind)


def test_a_misspelt_macro_is_corrected_and_no_package_is_missed() -> None:
    node = model("x", "select {{ cent_to_dollars('a') }} as a", [])
    case = with_macros(case_of([node], undefined("cent_to_dollars")), macro("cents_to_dollars"))
    world = World(matches=["models/x.sql"])

    report = world.run(case)

    assert report["finding"]["cls"] == "macro_typo"
    assert edits(world)[0][1] == "select {{ cents_to_dollars('a') }} as a"


def test_a_macro_that_many_call_gets_its_name_back_without_a_history() -> None:
    nodes = [model(n, "select {{ cents_to_dollars('a') }} as a", []) for n in ("x", "y")]
    text = "{% macro to_dollars(x) %}{{ x }}{% endmacro %}"
    case = with_macros(
        case_of(nodes, undefined("cents_to_dollars")), macro("to_dollars", text=text)
    )
    world = World(files={"macros/to_dollars.sql": text})

    report = world.run(case)

    assert report["finding"]["cls"] == "macro_renamed"
    assert report["finding"]["root_cause"]["node"] == "macro.shop.to_dollars"
    assert edits(world)[0][1] == text.replace("to_dollars", "cents_to_dollars")


def test_a_removed_macro_comes_back() -> None:
    gone = {"path": "macros/m.sql", "before": "{% macro cents(x) %}1{% endmacro %}", "after": None}
    world = World(commits=[{"sha": "a", "files": [gone]}])
    case = case_of([model("x", "select {{ cents('a') }}", [])], undefined("cents"))

    report = world.run(case)

    assert report["finding"]["cls"] == "macro_renamed"
    assert report["decision"] == "fix"
    assert world.calls[-2].name == "create_model"
    assert world.calls[-2].input["text"] == gone["before"]


def test_a_dropped_package_macro_is_replaced_with_the_same_keys() -> None:
    code = "select {{ dbt_utils.surrogate_key('a', 'b') }} as id, 1 as n\n"
    text = (
        "Compilation Error in model x (models/x.sql)\n  Warning: `dbt_utils.surrogate_key` has "
        "been replaced by `dbt_utils.generate_surrogate_key`. The new macro treats null values "
        "differently"
    )
    new = macro(
        "generate_surrogate_key",
        "dbt_utils",
        "{%- macro generate_surrogate_key(field_list) -%}{% endmacro %}",
    )
    case = with_macros(
        case_of([model("x", code, [])], failed("model.shop.x", text, "compile_error")), new
    )
    world = World(matches=["models/x.sql"])

    report = world.run(case)

    assert report["finding"]["cls"] == "deprecated_package_macro"
    assert edits(world)[0][1] == (
        "select {{ dbt_utils.generate_surrogate_key(['a', 'b']) }} as id, 1 as n\n"
    )


def test_a_macro_that_moved_to_dbt_is_called_there() -> None:
    code = "select {{ dbt_utils.dateadd('day', 1, 'a') }} as a"
    text = (
        "Compilation Error in model x (models/x.sql)\n  'dict object' has no attribute 'dateadd'."
    )
    case = with_macros(
        case_of([model("x", code, [])], failed("model.shop.x", text, "compile_error")),
        macro("dateadd", "dbt"),
        macro("star", "dbt_utils"),
    )
    world = World(matches=["models/x.sql"])

    report = world.run(case)

    assert report["finding"]["cls"] == "deprecated_package_macro"
    assert edits(world)[0][1] == "select {{ dbt.dateadd('day', 1, 'a') }} as a"


def circle() -> Any:
    text = "Found a cycle: model.shop.orders --> model.shop.stg_orders --> model.shop.orders"
    return failed("model.shop.stg_orders", text, "compile_error")


def test_the_ref_that_closed_a_circle_is_taken_back() -> None:
    before = "select 1 as id from {{ source('raw', 'orders') }}\n"
    after = "select 1 as id from {{ ref('orders') }}\n"
    nodes = [
        model("stg_orders", after, ["model.shop.orders"]),
        model("orders", "select id from {{ ref('stg_orders') }}", ["model.shop.stg_orders"]),
        source("orders"),
    ]
    change = {"path": "models/stg_orders.sql", "before": before, "after": after}
    world = World(commits=[{"sha": "a", "files": [change]}])

    report = world.run(case_of(nodes, circle()))

    assert report["finding"]["cls"] == "circular_ref"
    assert report["finding"]["root_cause"]["node"] == "model.shop.stg_orders"
    assert edits(world) == [(after, before)]


def test_a_circle_without_a_history_is_a_question() -> None:
    nodes = [
        model("stg_orders", "select id from {{ ref('orders') }}", ["model.shop.orders"]),
        model("orders", "select id from {{ ref('stg_orders') }}", ["model.shop.stg_orders"]),
    ]

    report = World().run(case_of(nodes, circle()))

    assert report["finding"]["cls"] == "circular_ref"
    assert report["decision"] == "escalate"


def test_a_properties_file_is_repaired_without_losing_a_test() -> None:
    good = (
        "models:\n  - name: stg_orders\n    columns:\n      - name: order_id\n"
        "        data_tests: [unique]\n"
    )
    broken = good.replace("      - name: order_id", "     - name: order_id")
    node = model("stg_orders", "select 1", [], patch_path="shop://models/_models.yml")
    incident = failed(
        "",
        "Error reading shop: models/_models.yml - Runtime Error\n  Syntax error near line 4",
        "parse_error",
        path="models/_models.yml",
    )
    world = World(files={"models/_models.yml": broken})

    report = world.run(
        case_of([node, check("unique", "model.shop.stg_orders", "order_id")], incident)
    )

    assert report["finding"]["cls"] == "yaml_indent"
    assert report["decision"] == "fix"
    ((old, new),) = edits(world)
    assert broken.replace(old, new) == good


def test_tests_of_columns_that_never_were_get_their_names_right() -> None:
    text = (
        "models:\n  - name: stg_orders\n    columns:\n      - name: linear_attribution_points\n"
        "        data_tests: [not_null]  # always\n"
    )
    node = model(
        "stg_orders", "select 1 as linear_points", [], patch_path="shop://models/_models.yml"
    )
    test = check("not_null", "model.shop.stg_orders", "linear_attribution_points")
    incident = failed(
        test.unique_id,
        'Binder Error: Referenced column "linear_attribution_points" not found',
        attached="model.shop.stg_orders",
    )
    world = World(
        {"model.shop.stg_orders": {"linear_points": "DOUBLE", "id": "INTEGER"}},
        files={"models/_models.yml": text},
    )

    report = world.run(case_of([node, test], incident))

    assert report["finding"]["cls"] == "stale_test"
    ((old, new),) = edits(world)
    assert text.replace(old, new) == text.replace("linear_attribution_points", "linear_points")


def test_a_column_that_the_model_gave_before_is_no_stale_test() -> None:
    code = "select 1 as linear_points"
    before = code.replace("linear_points", "linear_attribution_points")
    node = model("stg_orders", code, [], patch_path="shop://models/_models.yml")
    test = check("not_null", "model.shop.stg_orders", "linear_attribution_points")
    incident = failed(
        test.unique_id,
        'Binder Error: Referenced column "linear_attribution_points" not found',
        attached="model.shop.stg_orders",
    )
    change = {"path": "models/stg_orders.sql", "before": before, "after": code}
    world = World(
        {"model.shop.stg_orders": {"linear_points": "DOUBLE"}},
        commits=[{"sha": "a", "files": [change]}],
    )

    report = world.run(case_of([node, test], incident))

    assert report["finding"]["cls"] == "upstream_alias_renamed"


LOGIC = (
    "select id, sum(n) as n\nfrom {{ ref('stg_orders') }} as o\nleft join x on o.id = x.id\n"
    "where o.ok\ngroup by id\norder by 1\n"
)


@pytest.mark.parametrize(
    ("old", "new", "cls"),
    [
        ("left join", "inner join", "join_type"),
        ("where o.ok", "where not o.ok", "wrong_filter"),
        ("sum(n)", "max(n)", "wrong_aggregation"),
        ("on o.id = x.id", "on o.id >= x.id", "join_fanout"),
    ],
)
def test_a_change_of_logic_is_named_and_only_it_is_taken_back(old: str, new: str, cls: str) -> None:
    after = LOGIC.replace(old, new).replace("order by 1", "order by 1 -- the key")
    test = check("unique", "model.shop.orders", "other")
    change = {"path": "models/orders.sql", "before": LOGIC, "after": after}
    world = World(commits=[{"sha": "a", "files": [change]}], refused={"get_schema", "run_sql"})
    incident = failed(test.unique_id, "Got 3 results", "test_failure", attached="model.shop.orders")

    report = world.run(case_of([STAGING, mart(after), test], incident))

    assert report["finding"]["cls"] == cls
    made = after
    for left, right in edits(world):
        made = made.replace(left, right)
    assert old in made
    assert "-- the key" in made


def test_a_macro_whose_own_text_names_its_successor_is_followed() -> None:
    code = "select {{ dbt_utils.surrogate_key('a', 'b') }} as id\n"
    text = (
        "Compilation Error in model x (models/x.sql)\n  macro "
        "'dbt_macro__default__surrogate_key' takes not more than 1 argument(s)"
    )
    old = macro(
        "default__surrogate_key",
        "dbt_utils",
        "Warning: `dbt_utils.surrogate_key` has been replaced by \\\n"
        "`dbt_utils.generate_surrogate_key`.",
    )
    new = macro(
        "generate_surrogate_key",
        "dbt_utils",
        "{%- macro generate_surrogate_key(field_list) -%}{% endmacro %}",
    )
    incident = failed("model.shop.x", text, "parse_error")
    world = World(matches=["models/x.sql"])

    report = world.run(with_macros(case_of([model("x", code, [])], incident), old, new))

    assert report["finding"]["cls"] == "deprecated_package_macro"
    assert "generate_surrogate_key(['a', 'b'])" in edits(world)[0][1]


@pytest.mark.parametrize(
    ("message", "grant"),
    [
        ("permission denied for table stg_orders", "grant select on table main.stg_orders to"),
        ("permission denied for schema main", "grant usage, create on schema main to"),
        ("permission denied for schema raw", "grant usage on schema raw to"),
    ],
)
def test_the_grant_names_the_relation_and_the_right(message: str, grant: str) -> None:
    node = mart("select 1 from {{ ref('stg_orders') }}")

    report = World().run(case_of([STAGING, node], failed("model.shop.orders", message)))

    assert grant in report["finding"]["next_step"]


def test_a_timeout_shows_the_query_and_the_limit() -> None:
    node = mart("select 1", compiled_code="select count(*) from big")
    message = "canceling statement due to statement timeout after 30 seconds"

    report = World().run(case_of([STAGING, node], failed("model.shop.orders", message)))

    said = " ".join(one["text"] for one in report["finding"]["evidence"])
    assert "The limit: 30 seconds." in said
    assert "select count(*) from big" in said


def test_what_no_rule_knows_is_laid_at_the_tested_node() -> None:
    test = check("weird", "model.shop.orders", "n")
    incident = failed(test.unique_id, "Got 1 result", "test_failure", attached="model.shop.orders")

    report = World(refused={"get_schema", "run_sql"}).run(
        case_of([STAGING, mart("select 1 as n"), test], incident)
    )

    assert report["finding"]["code"] == "AR000"
    assert report["finding"]["root_cause"]["node"] == "model.shop.orders"
    assert report["finding"]["root_cause"]["column"] == "n"


def test_a_lost_comma_is_no_rename() -> None:
    parent = model("items", "select\n    id,\n    order_id\n    product_id,\n    n\nfrom raw\n", [])
    child = model(
        "mart",
        "select order_id, product_id from {{ ref('items') }}",
        ["model.shop.items"],
        compiled_code='select order_id, product_id from "db"."main"."items"',
    )
    shapes = {"model.shop.items": {"id": "INTEGER", "product_id": "INTEGER", "n": "INTEGER"}}
    world = World(shapes)
    message = 'Referenced column "order_id" not found in FROM clause!'

    report = world.run(case_of([parent, child], failed("model.shop.mart", message)))

    assert report["finding"]["root_cause"]["node"] == "model.shop.items"
    assert report["finding"]["cls"] == "syntax_error"
    assert edits(world) == [("    order_id\n", "    order_id,\n")]


def test_a_whole_properties_file_is_left_alone() -> None:
    text = "models:\n  - name: stg_orders\n    columns:\n      - name: order_id\n"
    node = model("stg_orders", "select 1", [], patch_path="shop://models/_models.yml")
    message = (
        "Error reading shop: models/_models.yml - Runtime Error\n  while parsing a thing, line 2"
    )
    incident = failed("", message, "parse_error", path="models/_models.yml")
    world = World(files={"models/_models.yml": text})

    report = world.run(case_of([node], incident))

    assert report["finding"]["cls"] != "yaml_indent"
    assert edits(world) == []
