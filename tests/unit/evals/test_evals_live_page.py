"""`make live` without a key, and the page that it writes with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentic.evals import fault_classes
from agentic.evals.case import Case, CaseResult
from agentic.evals.grade import Grade
from tests.live import evals as live


def test_without_a_key_it_says_so_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    page = tmp_path / "page.md"

    assert live.main(["--page", str(page)]) == 0
    assert "not run: ANTHROPIC_API_KEY" in capsys.readouterr().out
    assert not page.exists()


def result(engine: str, *, right: bool, cost_usd: float = 0.0) -> CaseResult:
    return CaseResult(
        case=Case(project="daily_sales", fault="ref_typo", engine=engine),
        fits=True,
        noticed="red",
        grades=(
            Grade(
                named=True,
                cause=right,
                decision=True,
                proof=right,
                why=() if right else ("root cause is a|b",),
            ),
        ),
        seconds=12.4,
        queries=7,
        cost_usd=cost_usd,
    )


def test_both_engines_stand_side_by_side_with_what_they_cost() -> None:
    results = (result("rules", right=False), result("anthropic", right=True, cost_usd=0.214))
    page = live.page(live.Found(results, {"rules": True, "anthropic": True}), {})

    assert (
        "| `ref_typo` | red | **wrong**, 12 s, 7 calls | right, 12 s, 7 calls, 0.21 USD |" in page
    )
    assert "| anthropic | 1 | 100 % | 100 % | 100 % | 0 | no change |" in page
    assert "- `ref_typo` (rules): root cause is a/b" in page
    assert "api.anthropic.com, 2 cases, 0.21 USD." in page


def test_a_stand_in_is_never_shown_as_the_real_service() -> None:
    found = live.Found((result("rules", right=True),), {"rules": True})

    assert "not the real service" in live.page(found, {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"})


def test_the_faults_are_known() -> None:
    assert set(live.FAULTS) <= set(fault_classes())
