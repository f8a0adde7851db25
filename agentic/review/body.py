"""The pull request body: rendered from records alone, the same bytes for the same run.

Nothing that a model or a warehouse wrote stands in a structural place: their text is escaped and
quoted, and every section says how much was left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agentic.masking import mask_text
from agentic.records import CheckReport, CheckResult, Finding, Incident, Proposal, RunResult
from agentic.review.reported import reported, severity
from agentic.review.words import escaped, inline, masked, plain_text, whole

ROWS = 25
LINEAGE_NODES = 40
BODY_CAP = 60_000
"""Characters; GitHub refuses bodies of more than 65,536."""
_MARK = {"pass": "✅ pass", "warn": "⚠️ warn", "fail": "❌ fail", "not_compared": "➖ not compared"}


def label(unique_id: str) -> str:
    """A node as people call it: `stg_orders`, `shop.orders` for a source."""
    kind, *rest = unique_id.split(".")
    if kind == "source" and len(rest) >= 3:
        return ".".join(rest[1:])
    if kind in ("test", "unit_test") and len(rest) >= 2:
        return rest[1]
    return ".".join(rest[1:]) if len(rest) >= 2 else unique_id


def render_body(run: RunResult, *, calls: Sequence[tuple[str, str]] = (), note: str = "") -> str:
    """The body of a run's pull request.

    `calls` are the run's tool calls with their verdicts, for the folded details; `note` says what a
    reader must know before anything else (that the branch holds uncommitted work, say): Markdown of
    our own, never text from outside.
    """
    finding, proposal, report = run.finding, run.proposal, run.report
    if proposal is None or report is None:
        raise ValueError("only a run with a proposal and a report has a body")
    parts = [
        _verdict(run, report),
        f"> {note}\n" if note else "",
        _broke(run.incident),
        _cause(finding, run.incident.message) if finding else "",
        _change(proposal),
        _validation(report, str(run.extra.get("proof", ""))),
        _impact(finding, report, severity(run)),
        reported(run),
        _undo(run),
        _details(run, finding, calls),
        f"<!-- agentic:run_id={run.run_id} "
        f"fingerprint={run.extra.get('fingerprint', '')} schema=v1 -->",
    ]
    return _cap("\n".join(part for part in parts if part) + "\n")


def _verdict(run: RunResult, report: CheckReport) -> str:
    state = "draft, needs approval" if run.draft else "ready for review"
    counts = {
        name: sum(result.result == outcome for result in report.results)
        for outcome, name in (("warn", "with a warning"), ("not_compared", "not compared"))
    }
    passed = sum(result.result == "pass" for result in report.results)
    left = "".join(f", {count} {name}" for name, count in counts.items() if count)
    asks = "".join(f"\n- needs approval: {plain_text(ask)}" for ask in run.extra.get("asks", ()))
    if run.extra.get("approved"):
        asks += f"\n- {plain_text(run.extra['approved'])}"
    sure = f" · confidence {run.finding.confidence:.2f}" if run.finding else ""
    return (
        f"**Verdict**: {state} · {passed} of {len(report.results)} checks passed{left} · "
        f"built in schema `{run.extra.get('schema', '')}` · engine `{run.engine}`"
        f"{sure}{asks}\n"
    )


def _broke(incident: Incident) -> str:
    if incident.kind == "request":
        return f"## What was asked\n\n{_quoted(incident.request or incident.message)}\n"
    lines = [f"## What broke\n\n`{label(incident.node)}` · {incident.kind.replace('_', ' ')}"]
    if incident.first_seen_at:
        lines[0] += f" · first seen {incident.first_seen_at[:16].replace('T', ' ')} UTC"
    if incident.invocation_id:
        lines[0] += f" · invocation `{incident.invocation_id}`"
    lines.append(_quoted(incident.message))
    others = [signal.node for signal in incident.signals if signal.node != incident.node]
    if others:
        lines.append(f"Failed with it: {_names(others)}.")
    if incident.skipped:
        tests = [node for node in incident.skipped if node.startswith(("test.", "unit_test."))]
        nodes = [node for node in incident.skipped if node not in tests]
        counted = f" and {len(tests)} tests" if tests else ""
        lines.append(f"Skipped because of it: {_names(nodes) or 'no node'}{counted}.")
    return "\n\n".join(lines) + "\n"


def _cause(finding: Finding, message: str) -> str:
    path = " → ".join(f"`{label(node)}`" for node in finding.lineage)
    cause = finding.root_cause
    where = f"`{label(cause.node)}`" + (f", column `{cause.column}`" if cause.column else "")
    seen = f", now `{inline(cause.observed)}`" if cause.observed else ""
    lines = [
        f"## Root cause\n\n**{finding.cls}** ({finding.code}) in {where}{seen}. "
        f"{plain_text(finding.summary)}"
    ]
    if path:
        lines.append(f"Lineage: {path}")
    told = " ".join(message.split())
    facts = [
        f"- {plain_text(fact.text)}" + (f" (`{inline(fact.where)}`)" if fact.where else "")
        for fact in finding.evidence[:ROWS]
        if " ".join(fact.text.split()) not in told  # the error stands above already
    ]
    if facts:
        lines.append("\n".join(facts))
    if finding.owner:
        # Whom to tell is the project's own setting, often an address: shown, not masked.
        lines.append(f"Owner: {escaped(finding.owner)}")
    return "\n\n".join(lines) + "\n"


def _change(proposal: Proposal) -> str:
    rows = [
        (f"`{inline(edit.path)}`", _what(edit.before, edit.after), plain_text(edit.why))
        for edit in proposal.edits
    ]
    why = f"\n\n{plain_text(proposal.rationale)}" if proposal.rationale else ""
    return f"## Change\n\n{_table(('file', 'what', 'why'), rows)}{why}\n{_statements(proposal)}"


def _statements(proposal: Proposal) -> str:
    """SQL for a person, as blocks that nothing inside can end."""
    if not proposal.statements:
        return ""
    blocks = [
        f"Statement {number} of {len(proposal.statements)}{_not_as_it_is(text)}:\n\n{whole(text)}"
        for number, text in enumerate(proposal.statements, start=1)
    ]
    said = "Tried on an empty copy in the workspace; a person has to run them."
    return "\n\n".join(["\n## Statements", said, *blocks]) + "\n"


def _not_as_it_is(text: str) -> str:
    """What is said of a statement that would do something else if it were run as it is shown."""
    return " (parts of it are masked here: do not run it as it stands)" if masked(text) else ""


def _what(before: str | None, after: str | None) -> str:
    if before is None:
        return "new file"
    if after is None:
        return "deleted"
    old, new = before.splitlines(), after.splitlines()
    added = sum(1 for line in new if line not in old)
    removed = sum(1 for line in old if line not in new)
    return f"+{added} −{removed} lines"


def _validation(report: CheckReport, proof: str = "") -> str:
    rows = [
        (f"{result.code} {result.name}", _MARK[result.result], plain_text(result.detail))
        for result in report.results
    ]
    tables = [_check_table(result) for result in report.results if result.table]
    folded = ""
    if tables:
        inner = "\n\n".join(tables)
        folded = f"\n\n<details><summary>What was compared</summary>\n\n{inner}\n\n</details>"
    when = f"{plain_text(proof)}.\n\n" if proof else ""
    return f"## Validation\n\n{when}{_table(('check', 'result', 'detail'), rows)}{folded}\n"


def _check_table(result: CheckResult) -> str:
    columns = tuple(dict.fromkeys(name for row in result.table for name in row))
    rows = [tuple(_cell(row.get(name)) for name in columns) for row in result.table]
    return f"**{result.code} {result.name}**\n\n{_table(columns, rows)}"


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return plain_text(", ".join(f"{name}: {count}" for name, count in value.items()))
    return "" if value is None else plain_text(str(value))


def _impact(finding: Finding | None, report: CheckReport, severity: str) -> str:
    affected = finding.affected if finding else ()
    exposures = [node for node in affected if node.startswith("exposure.")]
    nodes = [node for node in affected if not node.startswith(("exposure.", "test.", "unit_test."))]
    below = f"{len(nodes)} nodes below the root cause"
    lines = [below + (f": {_names(nodes)}" if nodes else "") + "."] if finding else []
    if exposures:
        lines.append(f"Exposures: {_names(exposures)}.")
    columns = next((one for one in report.results if one.code == "AP003"), None)
    if columns is not None:
        lines.append(plain_text(columns.detail))
    if severity:
        lines.append(severity)
    return "## Impact\n\n" + "\n\n".join(lines) + "\n" if lines else ""


def _undo(run: RunResult) -> str:
    branch = run.branch or "the branch"
    if run.extra.get("dirty"):
        return (
            "## How to undo\n\nThe branch is local and holds your uncommitted work below the fix: "
            f"delete it with `git branch -D {branch}`. Your checkout was not touched.\n"
        )
    return (
        "## How to undo\n\nBefore the merge, delete the branch: "
        f"`git branch -D {branch}`. After it: `git revert <merge commit>`; "
        "the change touches only the files above and no data.\n"
    )


def _details(run: RunResult, finding: Finding | None, calls: Sequence[tuple[str, str]]) -> str:
    usage = run.usage
    spent = (
        f"{usage.tool_calls} tool calls, {usage.input_tokens + usage.output_tokens} tokens, "
        f"{usage.cost_usd:.2f} USD"
    )
    rows = [(f"`{inline(name)}`", verdict) for name, verdict in calls[:ROWS]]
    more = f"\n\n… and {len(calls) - ROWS} more." if len(calls) > ROWS else ""
    table = f"\n\n{_table(('tool call', 'decision'), rows)}{more}" if rows else ""
    return (
        f"<details><summary>Lineage, tool calls, budget</summary>\n\n{_mermaid(finding)}\n\n"
        f"Spent: {spent}.{table}\n\n</details>\n"
    )


def _mermaid(finding: Finding | None) -> str:
    """The path from the root cause to what failed; what lies below is listed under Impact."""
    path = list(finding.lineage)[:LINEAGE_NODES] if finding else []
    if finding is None or not path:
        return ""
    lines = ["```mermaid", "flowchart LR"]
    lines += [f'  n{number}["{inline(label(node))}"]' for number, node in enumerate(path)]
    lines += [f"  n{number} --> n{number + 1}" for number in range(len(path) - 1)]
    lines.append("```")
    if len(finding.lineage) > len(path):
        lines.append(f"\n… and {len(finding.lineage) - len(path)} more nodes.")
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows[:ROWS]]
    if len(rows) > ROWS:
        lines.append(f"\n… and {len(rows) - ROWS} more rows.")
    return "\n".join(lines)


def _names(nodes: Iterable[str]) -> str:
    names = [f"`{label(node)}`" for node in nodes]
    more = f" and {len(names) - ROWS} more" if len(names) > ROWS else ""
    return ", ".join(names[:ROWS]) + more


def _quoted(text: str) -> str:
    """Outside text as an indented block, which nothing inside can end."""
    lines = mask_text(text.strip()).splitlines()[:ROWS]
    return "\n".join(f"    {line[:300]}" for line in lines)


def _cap(body: str) -> str:
    if len(body) <= BODY_CAP:
        return body
    *_, marker = body.rstrip().splitlines()
    kept = body[: BODY_CAP - len(marker) - 100]
    return f"{kept}\n\n… {len(body) - len(kept)} characters were left out.\n\n{marker}\n"
