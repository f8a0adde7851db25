"""Hazards stay hazards however they are written; nothing makes the judge raise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentic.policy import ChangeRule, ChangeRules, ChangeVerdict, ProjectView, judge_change

FIXTURES = Path(__file__).parents[2] / "fixtures"
WORLD: dict[str, str] = json.loads((FIXTURES / "change_world.json").read_text())
FOLDERS = ("models", "tests", "seeds", "snapshots", "analyses", "macros")
RULES = ChangeRules(allow=tuple(ChangeRule(f"path:{one}", paths=(one,)) for one in FOLDERS))
VIEW = ProjectView(files=WORLD)
MODEL, SCHEMA = "models/marts/fct_orders.sql", "models/marts/schema.yml"
PLAIN = "select order_id, amount from {{ ref('stg_orders') }}"
few = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def judged(files: dict[str, Any], before: dict[str, str] | None = None) -> ChangeVerdict:
    return judge_change(files, before or {}, project=VIEW, rules=RULES)


ACTS = [
    "run_query('drop table prod.o')",
    "adapter.execute('drop table prod.o')",
    "adapter.drop_relation(this)",
    "context['run_query']('drop table prod.o')",
    "builtins.get('statement')('x')",
    "(adapter|attr('execute'))('drop table prod.o')",
    "dbt['run_query']('drop table prod.o')",
    "adapter.dispatch('drop_' ~ 'schema')(this)",
    "env_var('SECRET')",
    "target.password",
    "invocation_args_dict",
    "''.__class__.__mro__",
    "modules.os.system('id')",
    "write('x')",
    "graph.nodes",
    "namespace(f=run_query).f('drop table prod.o')",
    "[run_query][0]('drop table prod.o')",
]
SHELLS = [
    "{{{{ {} }}}}",
    "{{%- do {} -%}}",
    "{{% set x = {} %}}",
    "{{% if execute %}}{{{{ {} }}}}{{% endif %}}",
    "{{% if false %}}{{{{ {} }}}}{{% endif %}}",
    "{{% for x in [{}] %}}{{{{ x }}}}{{% endfor %}}",
    "{{% set x %}}{{{{ {} }}}}{{% endset %}}",
    "{{% filter upper %}}{{{{ {} }}}}{{% endfilter %}}",
    "{{% macro m() %}}{{{{ {} }}}}{{% endmacro %}}{{{{ m() }}}}",
    "{{% macro m(a={}) %}}{{{{ a }}}}{{% endmacro %}}{{{{ m() }}}}",
    "{{% with x = {} %}}{{{{ x }}}}{{% endwith %}}",
    "-- {{{{ {} }}}}\n",
    "/* {{{{ {} }}}} */",
    "{{{{ 'a' if {} else 'b' }}}}",
    "{{{{ ({} | string) ~ '' }}}}",
    "{{{{ config(meta={{'k': {}}}) }}}}",
    "{{{{ log({}) }}}}",
]
NOISE = [
    "",
    "{# note #}",
    "\n",
    "-- a comment\n",
    "{% set y = 1 %}",
    "\t",
    "{{ config(tags=['a']) }}",
]


@given(
    act=st.sampled_from(ACTS),
    shell=st.sampled_from(SHELLS),
    noise=st.lists(st.sampled_from(NOISE), max_size=3),
    place=st.sampled_from([MODEL, "models/marts/new.sql", "tests/new.sql", "analyses/a.sql"]),
)
@few
def test_a_template_that_acts_is_never_allowed(
    act: str, shell: str, noise: list[str], place: str
) -> None:
    text = "".join(noise) + shell.format(act) + "\n" + PLAIN + "\n"

    assert judged({place: text}).verdict == "deny", text


WRAPS = [
    "coalesce({c}, 0)",
    "abs({c})",
    "case when {c} > 0 then {c} end",
    "nullif({c}, 0)",
    "greatest({c}, 0)",
    "try_cast({c} as integer)",
    "-{c}",
    "{c} * -1",
    "{c} * 0",
    "{c} - {c}",
    "{c} + 1",
    "{c} * ({c} > 0)::int",
    "max({c}) over ()",
    "if({c} is null, 0, {c})",
    "sqrt({c} * {c})",
    "left({c}::varchar, 1)",
    "0",
]
ENDS = [
    "where amount > 0",
    "where order_id is not null",
    "limit 10",
    "qualify row_number() over (partition by order_id order by amount) = 1",
    "where exists (select 1 from {{ ref('stg_payments') }} p where p.order_id = s.order_id)",
    "join {{ ref('stg_payments') }} p using (order_id)",
    "union select 1, 2",
    "using sample 10",
    "except select 1, 2",
]
FRAMES = [
    "{}",
    "with a as ({}) select order_id, amount from a",
    "with a as ({}), b as (select * from a) select * from b",
    "select x.order_id as order_id, x.amount as amount from ({}) as x",
    "{{% set q %}}{}{{% endset %}}{{{{ q }}}}",
    "{{% if true %}}{}{{% endif %}}",
    "-- tidy\n{}\n-- end",
]


@given(
    wrap=st.sampled_from(WRAPS),
    end=st.sampled_from(["", *ENDS]),
    frame=st.sampled_from(FRAMES),
    upper=st.booleans(),
)
@few
def test_a_hidden_symptom_is_never_allowed(wrap: str, end: str, frame: str, upper: bool) -> None:
    column = wrap.format(c="amount")
    inner = f"select s.order_id, {column} as amount from {{{{ ref('stg_orders') }}}} s {end}"
    inner = inner.replace("select ", "SELECT ").replace(" from ", " FROM ") if upper else inner
    text = inner if frame == "{}" else frame.replace("{}", inner, 1).replace("{{%", "{%")
    text = text.replace("%}}", "%}").replace("{{{{", "{{").replace("}}}}", "}}")

    assert judged({MODEL: text + "\n"}).verdict != "allow", text


@given(end=st.sampled_from(ENDS), frame=st.sampled_from(FRAMES[:4]))
@few
def test_lost_rows_are_never_allowed(end: str, frame: str) -> None:
    inner = f"select s.order_id, s.amount from {{{{ ref('stg_orders') }}}} s {end}"

    assert judged({MODEL: frame.replace("{}", inner, 1) + "\n"}).verdict != "allow"


CONFIGS = [
    {"severity": "warn"},
    {"where": "1=0"},
    {"limit": 1},
    {"enabled": False},
    {"enabled": "false"},
    {"error_if": ">5"},
    {"warn_if": ">5", "error_if": ">100"},
    {"fail_calc": "0"},
    {"severity": "{{ 'warn' }}"},
]


@given(
    config=st.sampled_from(CONFIGS),
    nested=st.booleans(),
    key=st.sampled_from(["tests", "data_tests"]),
    indent=st.sampled_from([None, 2]),
    other_file=st.booleans(),
    more=st.dictionaries(st.sampled_from(["description", "tags"]), st.just("x"), max_size=2),
)
@few
def test_a_weakened_test_is_denied(
    config: dict[str, Any],
    nested: bool,
    key: str,
    indent: int | None,
    other_file: bool,
    more: dict[str, str],
) -> None:
    test = {"unique": {"config": config} if nested else config}
    column = {"name": "order_id", key: ["not_null", test]} | more
    text = json.dumps({"models": [{"name": "fct_orders", "columns": [column]}]}, indent=indent)
    files: dict[str, str | None] = {SCHEMA: text}
    if other_file:
        files = {SCHEMA: None, "models/marts/_moved.yml": text}

    verdict = judged(files)

    assert (verdict.verdict, verdict.code) == ("deny", "TEST_WEAKENED")


PIECES = st.lists(
    st.sampled_from(
        [
            *("{{", "}}", "{%", "%}", "{#", "#}", "set", "do", "if", "else", "endif", "for", "in"),
            *("(", ")", "[", "]", "'", '"', "|", "~", ".", ",", ";", "--", "/*", "*/", "\n", "\t"),
            *("ref", "config", "run_query", "adapter", "select", "from", "where", "with", "as"),
            *(
                "models:",
                "- name: a",
                "&a",
                "*a",
                "<<:",
                "!!x",
                "\u202e",
                "\x00",
                "\ud800",
                "{",
                "}",
            ),
        ]
    ),
    max_size=25,
)


@given(pieces=PIECES, place=st.sampled_from([MODEL, SCHEMA, "macros/x.sql", "dbt_project.yml"]))
@few
def test_rubbish_gets_a_verdict(pieces: list[str], place: str) -> None:
    verdict = judged({place: " ".join(pieces)})

    assert verdict.verdict in ("allow", "ask", "deny")
    assert "could not be judged" not in verdict.reason


@given(data=st.data(), case=st.sampled_from([WORLD[MODEL], WORLD[SCHEMA], PLAIN]))
@few
def test_cut_and_repeated_text_gets_a_verdict(data: st.DataObject, case: str) -> None:
    start = data.draw(st.integers(0, len(case)))
    end = data.draw(st.integers(start, len(case)))
    place = data.draw(st.sampled_from([MODEL, SCHEMA]))

    verdict = judged({place: case[:end] + case[start:]})

    assert "could not be judged" not in verdict.reason
