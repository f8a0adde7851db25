"""Every message that agentic can print about the two files, each with a case of its own."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agentic.records import all_pages
from tests.support.shop import check_shop

CASES = Path(__file__).parents[2] / "golden" / "config_invalid"
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())
# AC100 is the exception that carries the issues; it is never an issue itself.
NEVER_PRINTED = {"AC100"}


@pytest.mark.parametrize("name", NAMES)
def test_invalid_files_say_what_is_wrong(
    name: str, tmp_path: Path, golden: Callable[[Path, str], None]
) -> None:
    shutil.copytree(CASES / name, tmp_path, dirs_exist_ok=True)
    nodes = tmp_path / "nodes.json"
    meta = json.loads(nodes.read_text()) if nodes.exists() else None

    _, _, issues = check_shop(tmp_path, meta=meta)

    assert issues
    lines = [f"{issue.severity}: {issue}\n" for issue in issues]
    golden(CASES / name / "expected.txt", "".join(lines))


def test_every_code_of_the_files_has_a_case() -> None:
    published = {
        page.code for page in all_pages() if re.fullmatch(r"AC[1-4]\d\d", page.code)
    } - NEVER_PRINTED
    texts = [(CASES / name / "expected.txt").read_text() for name in NAMES]
    shown = set(re.findall(r"\d+:\d+ (AC\d{3}) ", "".join(texts)))

    assert published - shown == set()
    assert shown - published == set()
