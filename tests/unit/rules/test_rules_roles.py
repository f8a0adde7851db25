"""What roles do without a model: what is proposed, what is not, and what is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from rules_world import World, case_of, check, model, source

from agentic.project import Node, NodeColumn
from agentic.records import Incident, ToolCall
from agentic.rules import Case, routine_for, standing_task
from agentic.rules.role_pii import by_name

RAW = "source.shop.raw.customers"
STG, MART, INNER = "model.shop.stg_customers", "model.shop.orders", "model.shop.int_orders"
SOURCES = "sources:\n  - name: raw\n    tables:\n      - name: customers\n      - name: orders\n"


ALL_TESTS = standing_task("quality")


def shop() -> list[Node]:
    described = {
        "id": NodeColumn(name="id", description="Of the customer: one a person"),
        "email": NodeColumn(name="email", description="Mail"),
    }
    return [
        replace_columns(source("customers"), described),
        source("orders"),
        model(
            "stg_customers",
            "select id as customer_id, id, email, lower(email) as mail, "
            "email is not null as has_mail, md5(email) as mail_hash from raw.customers",
            [RAW],
        ),
        model(
            "int_orders",
            "select id as order_id, customer_id, amount, note from raw.orders",
            ["source.shop.raw.orders"],
        ),
        model("orders", "select order_id, customer_id, amount from main.int_orders", [INNER]),
    ]


def replace_columns(node: Any, columns: dict[str, NodeColumn]) -> Any:
    return msgspec.structs.replace(node, columns=columns)


def world() -> World:
    return World(
        shapes={
            RAW: {"id": "INTEGER", "email": "VARCHAR", "c1": "VARCHAR"},
            "source.shop.raw.orders": {
                "id": "INTEGER",
                "customer_id": "INTEGER",
                "amount": "INTEGER",
                "note": "VARCHAR",
            },
            STG: {
                "customer_id": "INTEGER",
                "id": "INTEGER",
                "email": "VARCHAR",
                "mail": "VARCHAR",
                "has_mail": "BOOLEAN",
                "mail_hash": "VARCHAR",
            },
            INNER: {
                "order_id": "INTEGER",
                "customer_id": "INTEGER",
                "amount": "INTEGER",
                "note": "VARCHAR",
            },
            MART: {"order_id": "INTEGER", "customer_id": "INTEGER", "amount": "INTEGER"},
        },
        files={"models/_sources.yml": SOURCES},
        answers=[
            ("left join", [{"n": 0}]),
            ("count\\(distinct", [{"n": 9, "filled": 9, "different": 9}]),
        ],
    )


def done(role: str, here: World, *, request: str = "", nodes_changed: int = 5) -> World:
    incident = Incident(
        id="i",
        kind="request",
        node="",
        message="",
        fingerprint="f",
        request=request or standing_task(role),
    )
    case = replace(case_of(shop(), incident), role=role, nodes_changed=nodes_changed)
    drive(here, case)
    return here


def drive(here: World, case: Case) -> None:
    steps = routine_for(case)
    assert steps is not None
    call: ToolCall = next(steps)
    while True:
        here.calls.append(call)
        try:
            call = steps.send(here.answer(case, call))
        except StopIteration:
            return


def edits(here: World) -> dict[str, str]:
    found = {}
    for call in here.calls:
        if call.name == "create_model":
            found[call.input["path"]] = call.input["text"]
        elif call.name == "edit_file":
            found[call.input["path"]] = "".join(one["new"] for one in call.input["edits"])
    return found


def last(here: World) -> dict[str, Any]:
    assert here.calls[-1].name == "submit_report"
    return here.calls[-1].input


def test_personal_data_is_tagged_where_it_is_and_where_it_goes() -> None:
    here = world()
    here.answers.insert(0, ("like '%_@_%.*customers", [{"n0": 9, "s0_0": 9, "n1": 9, "s1_0": 0}]))
    found = edits(done("governance", here))

    assert "- name: email" in found["models/_sources.yml"]
    tagged = found["models/stg_customers.yml"]
    assert "- name: email\n" in tagged
    assert "- name: mail\n" in tagged
    assert "has_mail" not in tagged
    assert "mail_hash" not in tagged
    assert tagged.count("tags: [pii]") == 2
    assert last(here)["decision"] == "fix"
    assert last(here)["report"]["columns"][0]["category"] == "email"
    asked = [call.input["sql"] for call in here.calls if call.name == "run_sql"]
    assert all(sql.startswith("select count(") for sql in asked)


def test_values_tell_where_a_name_does_not() -> None:
    here = world()
    here.answers.insert(
        0,
        (
            "like '%_@_%.*customers",
            [{"n0": 9, "s0_0": 0, "n1": 9, "s1_0": 8, "s1_1": 0, "s1_2": 0}],
        ),
    )
    found = edits(done("governance", here))

    assert "- name: c1" in found["models/_sources.yml"]


@pytest.mark.parametrize(
    ("node", "column", "kind", "category"),
    [
        ("model.a.customers", "email", "VARCHAR", "email"),
        ("model.a.customers", "customerEmail", "VARCHAR", "email"),
        ("model.a.x", "mobile_number", "BIGINT", "phone"),
        ("model.a.x", "date_of_birth", "DATE", "birth_date"),
        ("model.a.customers", "name", "VARCHAR", "person_name"),
        ("model.a.x", "first_name", "TEXT", "person_name"),
        ("model.a.x", "ip_address", "VARCHAR", "ip_address"),
    ],
)
def test_a_name_says_what_it_holds(node: str, column: str, kind: str, category: str) -> None:
    found = by_name(node, column, kind)

    assert found is not None
    assert (found.category, found.confidence >= 0.7) == (category, True)


@pytest.mark.parametrize(
    ("node", "column", "kind"),
    [
        ("model.a.products", "name", "VARCHAR"),
        ("model.a.x", "email_count", "BIGINT"),
        ("model.a.x", "is_email_valid", "BOOLEAN"),
        ("model.a.x", "email_sent_at", "TIMESTAMP"),
        ("model.a.x", "email_template", "VARCHAR"),
        ("model.a.x", "phone_id", "BIGINT"),
        ("model.a.x", "telephony_minutes", "BIGINT"),
        ("model.a.x", "shipping", "VARCHAR"),
        ("model.a.orders", "credit_card_amount", "BIGINT"),
        ("model.a.x", "cellar", "VARCHAR"),
        ("model.a.x", "email", "INTEGER"),
    ],
)
def test_what_only_sounds_like_it_is_not_tagged(node: str, column: str, kind: str) -> None:
    found = by_name(node, column, kind)

    assert found is None or found.confidence < 0.7


def test_what_is_over_the_limit_is_named_for_the_next_run() -> None:
    here = world()
    here.answers.insert(0, ("like '%_@_%.*customers", [{"n0": 9, "s0_0": 9, "n1": 9, "s1_0": 0}]))
    done("governance", here, nodes_changed=1)

    assert list(edits(here)) == ["models/_sources.yml"]
    assert "Left for the next run (limits.nodes_changed): stg_customers" in last(here)["rationale"]


def test_keys_that_hold_are_guarded() -> None:
    here = done("quality", world())
    found = edits(here)

    assert (
        "- name: customer_id\n        data_tests:\n          - unique\n          - not_null"
        in (found["models/stg_customers.yml"])
    )
    assert "to: ref('stg_customers')" in found["models/int_orders.yml"]
    assert "relationships" not in found["models/orders.yml"]  # it is passed on unchanged
    suite = last(here)["report"]
    assert {one["test"] for one in suite["expectations"]} == {
        "unique",
        "not_null",
        "relationships",
    }


def test_a_key_that_does_not_hold_gets_no_test() -> None:
    here = world()
    here.answers = [("count\\(distinct", [{"n": 9, "filled": 8, "different": 7}])]
    done("quality", here)

    assert edits(here) == {}
    assert last(here)["decision"] == "escalate"
    assert "1 empty, 1 repeated of 9 rows" in last(here)["rationale"]


def test_a_key_that_is_tested_is_not_tested_again() -> None:
    here = world()
    incident = Incident(
        id="i", kind="request", node="", message="", fingerprint="f", request="tests of orders"
    )
    nodes = [
        *shop(),
        check("unique", MART, "order_id"),
        check("not_null", MART, "order_id"),
        check("relationships", MART, "customer_id"),
    ]
    drive(here, replace(case_of(nodes, incident), role="quality"))

    assert not any(path.startswith("models/orders") for path in edits(here))


def test_a_description_is_inherited_where_the_column_is_unchanged() -> None:
    here = done("quality", world(), request="document the columns")
    found = edits(here)["models/stg_customers.yml"]

    assert '- name: id\n        description: "Of the customer: one a person"' in found
    assert "- name: email\n        description: Mail" in found
    assert "customer_id" not in found  # renamed: it may mean something else here
    assert "name: mail" not in found


def test_what_nothing_reads_is_reported_and_not_removed() -> None:
    here = done("cost", world())

    assert edits(here) == {}
    assert last(here)["decision"] == "escalate"
    assert [one["node"] for one in last(here)["report"]["savings"]] == [INNER]
    assert last(here)["report"]["savings"][0]["observed"].startswith("note:")


@pytest.mark.parametrize(
    "change", [{"access": "public"}, {"config": {"contract": {"enforced": True}}}]
)
def test_what_is_public_has_readers_that_nobody_knows(change: dict[str, Any]) -> None:
    here = world()
    incident = Incident(
        id="i",
        kind="request",
        node="",
        message="",
        fingerprint="f",
        request=standing_task("quality"),
    )
    nodes = [
        msgspec.structs.replace(one, **change) if one.unique_id == INNER else one for one in shop()
    ]
    drive(here, replace(case_of(nodes, incident), role="cost"))

    assert last(here)["decision"] == "no_change"


def test_arguments_of_tests_are_written_as_the_file_writes_them() -> None:
    here = world()
    here.files["models/int_orders.yml"] = (
        "models:\n  - name: int_orders\n    columns:\n      - name: amount\n        data_tests:\n"
        "          - accepted_values:\n              arguments: {values: [1]}\n"
    )
    node = next(one for one in shop() if one.unique_id == INNER)
    described = msgspec.structs.replace(node, patch_path="shop://models/int_orders.yml")
    incident = Incident(
        id="i",
        kind="request",
        node="",
        message="",
        fingerprint="f",
        request=standing_task("quality"),
    )
    nodes = [described if one.unique_id == INNER else one for one in shop()]
    drive(here, replace(case_of(nodes, incident), role="quality"))

    assert (
        "arguments:\n                to: ref('stg_customers')"
        in edits(here)["models/int_orders.yml"]
    )


def test_what_nothing_reads_is_taken_out_when_asked() -> None:
    here = world()
    code = "select\n    id as order_id,\n    customer_id,\n    note,\n    amount\nfrom raw.orders\n"
    nodes = [
        msgspec.structs.replace(one, raw_code=code) if one.unique_id == INNER else one
        for one in shop()
    ]
    request = "remove the dead columns"
    incident = Incident(
        id="i", kind="request", node="", message="", fingerprint="f", request=request
    )
    drive(here, replace(case_of(nodes, incident), role="cost"))

    (edit,) = [call for call in here.calls if call.name == "edit_file"]
    change = edit.input["edits"][0]
    assert change["old"].replace("    note,\n", "") == change["new"]
    assert last(here)["decision"] == "fix"
    assert "Somebody outside of dbt still may" in last(here)["rationale"]


def quiet(role: str, here: World, nodes: list[Node]) -> dict[str, Any]:
    """The report of a run that has nothing to propose."""
    task = standing_task(role)
    incident = Incident(id="i", kind="request", node="", message="", fingerprint="f", request=task)
    drive(here, replace(case_of(nodes, incident), role=role))
    assert edits(here) == {}
    return last(here)


def plain_shop() -> tuple[World, list[Node]]:
    """A project in which every role has looked at everything, and finds nothing."""
    here = world()
    here.shapes = {
        "source.shop.raw.orders": {"id": "INTEGER", "note": "VARCHAR"},
        INNER: {"order_id": "INTEGER", "note": "VARCHAR"},
        MART: {"order_id": "INTEGER", "note": "VARCHAR"},
    }
    here.answers = [("like", [{"n0": 9, "s0_0": 0, "s0_1": 0, "s0_2": 0}]), *here.answers]
    keys = [
        check(kind, uid, "order_id") for uid in (INNER, MART) for kind in ("unique", "not_null")
    ]
    return here, [
        source("orders"),
        model(
            "int_orders", "select id as order_id, note from raw.orders", ["source.shop.raw.orders"]
        ),
        model("orders", "select order_id, note from main.int_orders", [INNER]),
        *keys,
    ]


@pytest.mark.parametrize("role", ["quality", "governance", "cost"])
def test_nothing_is_to_do_where_all_was_looked_at(role: str) -> None:
    told = quiet(role, *plain_shop())

    assert told["decision"] == "no_change"
    assert "Not looked at" not in told["rationale"]


@pytest.mark.parametrize("role", ["quality", "governance"])
def test_what_is_not_built_was_not_looked_at(role: str) -> None:
    here, nodes = plain_shop()
    del here.shapes[MART]
    told = quiet(role, here, nodes)

    assert told["decision"] == "escalate"
    assert "Not looked at: orders." in told["rationale"]


def test_what_is_never_built_is_not_missed() -> None:
    here, nodes = plain_shop()
    del here.shapes[MART]
    nodes = [
        msgspec.structs.replace(one, config={"materialized": "ephemeral"})
        if one.unique_id == MART
        else one
        for one in nodes
    ]

    assert quiet("quality", here, nodes)["decision"] == "no_change"


@pytest.mark.parametrize(
    ("answer", "rows"), [("no answer", []), ("no row", [{"n": 0, "filled": 0, "different": 0}])]
)
def test_a_key_whose_rows_say_nothing_is_no_tested_key(answer: str, rows: list[Any]) -> None:
    here, nodes = plain_shop()
    here.answers = [("count\\(distinct", rows)] if rows else []
    told = quiet("quality", here, nodes[:-1])

    assert told["decision"] == "escalate", answer
    assert "Not looked at: orders.order_id." in told["rationale"]
    assert told["rationale"].startswith("Where it could be looked at")


def test_values_that_could_not_be_asked_about_are_named() -> None:
    here, nodes = plain_shop()
    here.answers = []
    told = quiet("governance", here, nodes)

    assert told["decision"] == "escalate"
    assert "Not looked at: raw.orders.note." in told["rationale"]


def test_every_text_column_is_asked_about() -> None:
    here, nodes = plain_shop()
    here.shapes["source.shop.raw.orders"] = {f"c{n}": "VARCHAR" for n in range(45)}
    quiet("governance", here, nodes)

    asked = [call.input["sql"] for call in here.calls if call.name == "run_sql"]
    assert sum(sql.count(" as n") for sql in asked) == 45
    assert len(asked) == 3


def test_roots_beyond_the_limit_of_questions_are_named() -> None:
    here, nodes = plain_shop()
    for number in range(13):
        here.shapes[f"source.shop.raw.t{number:02}"] = {"note": "VARCHAR"}
    told = quiet("governance", here, [*nodes, *(source(f"t{number:02}") for number in range(13))])

    assert told["decision"] == "escalate"
    assert "Not looked at: raw.t11.note, raw.t12.note." in told["rationale"]


def test_a_star_that_cannot_be_followed_is_no_proof() -> None:
    here, nodes = plain_shop()
    del here.shapes["source.shop.raw.orders"]
    starred = [
        msgspec.structs.replace(one, raw_code="select * from raw.orders")
        if one.unique_id == INNER
        else one
        for one in nodes
    ]
    told = quiet("cost", here, starred)

    assert told["decision"] == "escalate"
    assert "int_orders.*" in told["rationale"]
    assert "Every column" not in told["rationale"]


def test_dead_columns_that_are_not_listed_are_counted() -> None:
    here, nodes = plain_shop()
    many = ", ".join(f"id as c{number}" for number in range(62))
    wide = [
        msgspec.structs.replace(
            one, raw_code=f"select id as order_id, note, {many} from raw.orders"
        )
        if one.unique_id == INNER
        else one
        for one in nodes
    ]
    told = quiet("cost", here, wide)

    assert told["title"].startswith("62 columns")
    assert "2 more are not listed here." in told["rationale"]
