"""`agentic explain`: every code that is published has a page, and none is ever empty."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import agentic
from agentic.cli.explain import command, load_pages, page_text
from agentic.exceptions import AgenticError
from agentic.records import CodePage, all_pages


def explain(*args: str) -> Result:
    return CliRunner().invoke(command, list(args), standalone_mode=False)


@pytest.fixture(scope="module")
def pages() -> list[CodePage]:
    load_pages()
    return list(all_pages())


def test_every_page_says_what_and_what_to_do(pages: list[CodePage]) -> None:
    assert len(pages) > 100
    for entry in pages:
        text = page_text(entry)
        assert text.startswith(f"{entry.code} {entry.name}\n\n"), entry
        assert len(entry.what) > 10, entry
        assert re.fullmatch(r"[A-Z_]+[0-9]*", entry.code), entry


def test_the_list_and_a_page(pages: list[CodePage]) -> None:
    listed = explain().output.splitlines()
    shown = explain("ac112").output

    assert [line.split()[0] for line in listed] == [entry.code for entry in pages]
    assert shown.startswith("AC112 ")
    assert json.loads(explain("AC112", "--output", "json").output)["code"] == "AC112"


def test_an_unknown_code_names_the_nearest() -> None:
    error = explain("AC1112").exception

    assert isinstance(error, AgenticError)
    assert "AC111" in error.hint or "AC112" in error.hint


def test_every_code_that_the_package_can_print_has_a_page(pages: list[CodePage]) -> None:
    package = Path(agentic.__file__).parent
    texts = (file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    printed = {code for text in texts for code in re.findall(r'"(A[CPGR]\d{3})"', text)}

    assert len(printed) > 100
    assert printed - {entry.code for entry in pages} == set()
