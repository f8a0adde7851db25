"""What came of an eval as text for a terminal, as Markdown for the docs, and as one HTML page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import UTC, datetime

from agentic.evals.case import CaseResult
from agentic.evals.score import GOALS, Score, control_scores, grouped, score_of

_HEAD = ("class", "cases", "root cause", "decision", "proof", "forbidden")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
  color: #1a1a1a; background: #fff }
table { border-collapse: collapse; margin: 1rem 0 2rem; width: 100% }
th, td { border-bottom: 1px solid #ddd; padding: .35rem .6rem; text-align: left;
  vertical-align: top }
.right { color: #17692b } .wrong { color: #a01515; font-weight: 600 } .none { color: #767676 }
code { font-size: .92em }
@media (prefers-color-scheme: dark) { body { color: #e8e8e8; background: #161616 }
  th, td { border-color: #3a3a3a } .right { color: #7cc98f } .wrong { color: #ff8f8f } }
"""


def text_table(results: Sequence[CaseResult], untouched: dict[str, bool]) -> str:
    """For a terminal: a line a case, then the scores beside the controls'."""
    lines = [_case_line(one) for one in results]
    lines += ["", *_aligned(_rows(results))]
    lines += ["", *_aligned(score_rows(results, untouched))]
    return "\n".join(lines)


def _case_line(one: CaseResult) -> str:
    name = f"{one.case.project} {one.case.fault} seed {one.case.seed} ({one.case.engine})"
    if not one.fits:
        return f"  --     {name}: does not fit: {one.why_not}"
    mark = "right" if one.right else "WRONG"
    cost = f"{one.seconds:.0f} s, {one.own_cpu_s:.1f} s own CPU, {one.queries} calls"
    cost += f", ${one.cost_usd:.2f}" if one.cost_usd else ""
    said = f"  {mark}  {name}: {one.noticed}, {one.detail}; {cost}"
    return "\n".join([said, *(f"           {why}" for why in one.why)])


def _rows(results: Sequence[CaseResult]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [_HEAD]
    for name, held in grouped(results, lambda one: one.case.fault).items():
        fits = [one for one in held if one.fits]
        rows.append((name, *(_cells(score_of(fits)) if fits else ("does not fit", *[""] * 4))))
    return rows


def _cells(one: Score) -> tuple[str, ...]:
    return (
        str(one.faults),
        f"{one.cause}/{one.faults}",
        f"{one.decision}/{one.faults}",
        f"{one.proved}/{one.fixable}" if one.fixable else "-",
        str(one.forbidden),
    )


def score_rows(results: Sequence[CaseResult], untouched: dict[str, bool]) -> list[tuple[str, ...]]:
    """Percentages of each engine and of the controls, and the goals."""
    rows: list[tuple[str, ...]] = [("agent", "faults", *GOALS, "forbidden", "green project")]
    fits = [one for one in results if one.fits]
    for engine, held in grouped(fits, lambda one: one.case.engine).items():
        green = {True: "no change", False: "WRONG", None: "-"}[untouched.get(engine)]
        rows.append((engine, *_percents(score_of(held)), green))
    for name, one in control_scores(fits).items():
        # Doing nothing is right on a green project; reverting a good commit is not.
        green = "no change" if name == "do_nothing" else "WRONG"
        rows.append((name.replace("_", " "), *_percents(one), green))
    goals = [f"{goal} %" for goal in GOALS.values()]
    rows.append(("goal", "", *goals, "0", "no change"))
    return rows


def _percents(one: Score) -> tuple[str, ...]:
    return (str(one.faults), *(f"{one.percent(k):.0f} %" for k in GOALS), str(one.forbidden))


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def markdown(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as a Markdown table; the first is its head."""
    head, *body = rows
    lines = [head, ("---",) * len(head), *body]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def matrix(results: Sequence[CaseResult]) -> list[tuple[str, ...]]:
    """Class by project: right of cases; what is wrong is named in the cell."""
    projects = sorted({one.case.project for one in results})
    rows: list[tuple[str, ...]] = [("class", *projects)]
    for name, held in grouped(results, lambda one: one.case.fault).items():
        by_project = grouped(held, lambda one: one.case.project)
        rows.append((f"`{name}`", *(_cell(by_project.get(p, [])) for p in projects)))
    return rows


def _cell(held: Sequence[CaseResult]) -> str:
    """`2/2 2/2 1/1` as root cause, decision, proof; forbidden moves only where there are some."""
    fits = [one for one in held if one.fits]
    if not fits:
        return "does not fit" if held else ""
    found = score_of(fits)
    cells = [f"{found.cause}/{found.faults}", f"{found.decision}/{found.faults}"]
    cells.append(f"{found.proved}/{found.fixable}" if found.fixable else "–")
    silent = " silent" if all(one.noticed == "silent" for one in fits) else ""
    bad = f" **{found.forbidden} forbidden**" if found.forbidden else ""
    return " ".join(cells) + silent + bad


def html_page(results: Sequence[CaseResult], untouched: dict[str, bool]) -> str:
    """One page that needs nothing else: no script, no font, no address."""
    cases = "".join(_html_case(one) for one in results)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>agentic eval</title><style>{_STYLE}</style></head><body>"
        f"<h1>agentic eval</h1><p>{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, "
        f"{sum(one.fits for one in results)} cases.</p><h2>Scores</h2>"
        f"{_html_rows(score_rows(results, untouched))}<h2>Classes</h2>{_html_rows(_rows(results))}"
        "<h2>Cases</h2><table><thead><tr><th>case</th><th>verdict</th><th>fault</th>"
        f"<th>what is wrong</th><th>cost</th></tr></thead><tbody>{cases}</tbody></table>"
        "</body></html>\n"
    )


def _html_rows(rows: Sequence[tuple[str, ...]]) -> str:
    head, *body = rows
    first = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    rest = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in body
    )
    return f"<table><thead><tr>{first}</tr></thead><tbody>{rest}</tbody></table>"


def _html_case(one: CaseResult) -> str:
    case = one.case
    word = ("right" if one.right else "wrong") if one.fits else "none"
    shown = word if one.fits else "does not fit"
    wrong = "<br>".join(html.escape(text) for text in one.why)
    name = f"{html.escape(case.project)}<br><code>{html.escape(case.fault)}</code>"
    name += f" seed {case.seed}, {html.escape(case.engine)}"
    cost = f"{one.seconds:.0f} s<br>{one.own_cpu_s:.1f} s own CPU<br>${one.cost_usd:.2f}"
    return (
        f'<tr><td>{name}</td><td class="{word}">{shown}</td>'
        f"<td>{html.escape(one.detail or one.why_not)}</td><td>{wrong}</td><td>{cost}</td></tr>"
    )
