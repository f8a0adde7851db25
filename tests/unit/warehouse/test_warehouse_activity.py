"""Statements as they are told: no value of theirs is left."""

from __future__ import annotations

import pytest

from agentic.warehouse.activity import without_literals


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select 'a''b' as x", "select '?' as x"),
        ("select $tag$it's$tag$, $1 from t1", "select '?', $1 from t1"),
        ("select $$a$$", "select '?'"),
        ("select x from t where y > -12.5e3 -- Ana", "select x from t where y > ?"),
        ("select 'cut off in the mid", "select '?'"),
        ("insert into t values (1,'x',0x1F)", "insert into t values (?,'?',?)"),
        ('select "Col 1" from a.b_2', 'select "Col ?" from a.b_2'),
    ],
)
def test_literals_are_gone(sql: str, told: str) -> None:
    assert without_literals(sql) == told
