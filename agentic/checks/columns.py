"""AP003: output columns that the change adds, removes or retypes, and who reads them."""

from __future__ import annotations

from agentic.checks.change_policy import files_of, view_of
from agentic.checks.registry import check
from agentic.checks.subject import Subject
from agentic.policy import ColumnsChanged, columns_changed
from agentic.records import CheckResult, CodePage, publish

CODE, NAME = "AP003", "output columns"

publish(
    CodePage(
        code=CODE,
        name=NAME,
        what="The output columns of each changed node, before against after, and the nodes "
        "downstream that still read a column that is gone.",
        why="A renamed column breaks its readers, or silently becomes null in a dashboard.",
        fix="Keep the old output name (`new_name as old_name`), or move every reader with it.",
    )
)


@check(CODE, NAME, order=3)
def output_columns(subject: Subject) -> CheckResult:
    """Fails when a reader is left behind; warns when columns go or change type."""
    files, before = files_of(subject)
    nodes = columns_changed(files, before, project=view_of(subject))
    table = tuple(row for node in nodes for row in _rows(node, subject))
    broken = [row for row in table if row["readers"]]
    if broken:
        first = broken[0]
        detail = f"{first['node']}.{first['column']} is gone, and {first['readers']} still reads it"
        return CheckResult(CODE, NAME, "fail", detail, table)
    unknown = [node.node for node in nodes if not node.compared]
    if unknown:
        detail = f"the columns of {unknown[0]} cannot be told from its text"
        return CheckResult(CODE, NAME, "not_compared", detail, table)
    if any(row["change"] != "added" for row in table):
        count = sum(row["change"] != "added" for row in table)
        return CheckResult(CODE, NAME, "warn", f"{count} output columns go or change type", table)
    if table:
        return CheckResult(CODE, NAME, "pass", f"{len(table)} output columns added", table)
    return CheckResult(CODE, NAME, "pass", "output columns are the same as before")


def _rows(node: ColumnsChanged, subject: Subject) -> list[dict[str, object]]:
    readers = dict(node.readers)
    found = [_row(node, name, "added", "", "") for name in node.added]
    for name in node.removed:
        left = ", ".join(readers.get(name, ()))
        found.append(_row(node, name, "removed", left, _exposures(node.node, subject)))
    for name, was, now in node.retyped:
        change = f"type {was or 'as read'} to {now or 'as read'}"
        found.append(_row(node, name, change, "", ""))
    return found


def _row(
    node: ColumnsChanged, column: str, change: str, readers: str, exposures: str
) -> dict[str, object]:
    return {
        "node": node.node,
        "column": column,
        "change": change,
        "readers": readers,
        "exposures": exposures,
    }


def _exposures(name: str, subject: Subject) -> str:
    """Exposures downstream: they cannot be read, so that a person must look."""
    uid = f"model.{subject.project.name}.{name}"
    if uid not in subject.manifest.all:
        return ""
    below = subject.graph.descendants(uid)
    return ", ".join(one for one in below if one.startswith("exposure."))
