"""More said in a properties file: at its place, in its style, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from agentic.rules.yaml_added import Place, Said, added, new_file

TEXT = """\
version: 2

models:
  - name: a   # first
    description: |
      long
      text
    columns:
      - name: id
        tests: [unique]
      - name: email
        description: ""
        tests:
          - not_null
          - accepted_values:
              values: [a, b]  # why
      # a comment
      - {name: flow}

  - name: b
    description: no columns

# the end
"""
A = Place("models", "a")


def lines_added(text: str, after: str | None) -> list[str]:
    """The new lines, after checking that every old one is there still, in order."""
    assert after is not None
    old = iter(text.splitlines())
    waiting = next(old, None)
    found = []
    for line in after.splitlines():
        if line == waiting:
            waiting = next(old, None)
        else:
            found.append(line)
    assert waiting is None
    return found


def test_a_block_column_gets_tests_tags_and_meta() -> None:
    said = Said("email", tests=("unique",), tags=("pii",), meta=(("pii_category", "email"),))

    assert lines_added(TEXT, added(TEXT, A, [said])) == [
        "          - unique",
        "        config:",
        "          tags:",
        "            - pii",
        "          meta:",
        "            pii_category: email",
    ]


def test_an_empty_description_is_filled_and_a_written_one_is_not() -> None:
    after = added(TEXT, A, [Said("email", description="Mail")])

    assert after == TEXT.replace('description: ""', "description: Mail")
    assert after is not None
    assert added(after, A, [Said("email", description="Other")]) is None


def test_a_flow_list_stays_one() -> None:
    after = added(TEXT, A, [Said("id", tests=("not_null",))])

    assert after == TEXT.replace("[unique]", "[unique, not_null]")


def test_a_new_column_follows_the_last_one() -> None:
    said = Said("x", description="X", tests=("relationships:\n  to: ref('b')\n  field: id",))
    after = added(TEXT.replace("      - {name: flow}\n", ""), A, [said])

    assert after is not None
    loaded = YAML(typ="safe", pure=True).load(after)["models"][0]["columns"][-1]
    assert loaded["name"] == "x"
    assert loaded["tests"] == [{"relationships": {"to": "ref('b')", "field": "id"}}]


def test_a_node_without_columns_or_without_an_entry() -> None:
    one = added(TEXT, Place("models", "b"), [Said("x", tags=("pii",))])
    two = added(TEXT, Place("models", "c", under_config=False), [Said("x", tags=("pii",))])

    assert lines_added(TEXT, one)[:2] == ["    columns:", "      - name: x"]
    assert lines_added(TEXT, two) == [
        "  - name: c",
        "    columns:",
        "      - name: x",
        "        tags: [pii]",
    ]


def test_a_table_of_a_source() -> None:
    text = "sources:\n  - name: raw\n    tables:\n      - name: orders\n      - name: people\n"

    after = added(text, Place("sources", "orders", "raw"), [Said("mail", tags=("pii",))])

    assert lines_added(text, after)[:2] == ["        columns:", "          - name: mail"]
    assert added(text, Place("sources", "gone", "raw"), [Said("x", tags=("pii",))]) is None


@pytest.mark.parametrize(
    "text",
    [
        "models: [{name: a, columns: [{name: id}]}]\n",
        "models:\n  - name: a\n  - name: a\n",
        "models:\n  - name: a\n    columns: *x\n",
        "\ufeffmodels:\n  - name: a\n",
        "",
    ],
)
def test_what_cannot_be_added_to_safely_is_left_alone(text: str) -> None:
    assert added(text, A, [Said("id", tags=("pii",))]) is None


def test_line_ends_stay_as_they_are() -> None:
    text = TEXT.replace("\n", "\r\n")
    after = added(text, Place("models", "b"), [Said("x", tags=("pii",))])

    assert after is not None
    assert after.count("\n") == after.count("\r\n")


names = st.from_regex(r"[a-z]{1,6}", fullmatch=True)


@given(
    st.lists(names, min_size=1, max_size=5, unique=True),
    st.integers(0, 4),
    st.sampled_from(["", "# c\n", "\n\n"]),
    names,
    st.booleans(),
)
def test_everything_that_was_said_is_said_still(
    columns: list[str], indent: int, tail: str, column: str, under: bool
) -> None:
    blank = " " * indent
    text = f"models:\n{blank}- name: m\n{blank}  columns:\n"
    text += "".join(
        f"{blank}    - name: {one}{'  # c' if number % 2 else ''}\n"
        for number, one in enumerate(columns)
    )
    text += tail
    said = Said(column, tests=("not_null",), tags=("pii",), meta=(("k", "v"),))
    after = added(text, Place("models", "m", under_config=under), [said])

    lines_added(text, after)
    assert after is not None
    loaded = YAML(typ="safe", pure=True).load(after)["models"][0]["columns"]
    assert {one["name"] for one in loaded} == {*columns, column}
    mine = next(one for one in loaded if one["name"] == column)
    assert mine["data_tests"] == ["not_null"]
    assert (mine["config"] if under else mine)["tags"] == ["pii"]


def test_a_new_file_is_one_that_dbt_takes() -> None:
    loaded = YAML(typ="safe", pure=True).load(new_file(A, [Said("id", tests=("unique",))]))

    assert loaded == {
        "version": 2,
        "models": [{"name": "a", "columns": [{"name": "id", "data_tests": ["unique"]}]}],
    }
