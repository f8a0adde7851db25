"""Cases that users commit as regressions: a folder that breaks the project, and what is expected.

evals/<name>/break.patch    laid over the project with `git apply` (optional)
evals/<name>/break.sql      run on the copied warehouse, statement by statement (optional)
evals/<name>/incident.json  handed to the agent in place of the last dbt build (optional)
evals/<name>/expect.yml     root cause, decision and what must hold
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec

from agentic.config.document import Document, YamlPath, read_document
from agentic.config.nearest import did_you_mean
from agentic.evals.copies import Copy
from agentic.evals.databases import EvalError, open_to_break
from agentic.evals.injection import Injected
from agentic.exceptions import ConfigError, GitError, Issue, SqlError
from agentic.records import CodePage, DecisionKind, Incident, loads, publish
from agentic.sql import parse_all

CODE = "AC597"
EXPECT, PATCH, SQL, INCIDENT = "expect.yml", "break.patch", "break.sql", "incident.json"
DECISIONS: tuple[str, ...] = get_args(DecisionKind)
_KEYS = ("version", "class", "root_cause", "decision", "outputs", "command", "runs", "description")
_ROOT_KEYS = ("node", "column", "observed")

publish(
    CodePage(
        code=CODE,
        name="eval-case",
        what="An `expect.yml` of an eval case has a fault, or its folder breaks nothing.",
        fix="Keys: version (1), root_cause {node, column, observed}, decision (one, or a list of "
        "right ones), class, outputs (same, any), command (a dbt command), runs (how many "
        "incidents at most), description. Beside it lie break.patch, break.sql or incident.json.",
    )
)


class CaseFolder(msgspec.Struct, frozen=True):
    """A case as it was read."""

    name: str
    expected: Injected
    patch: str = ""
    sql: str = ""
    incident: str = ""
    """JSON of an incident."""

    def break_project(self, copy: Copy) -> None:
        """Lay the case over a copy. Raises EvalError when it does not fit the project any more."""
        if self.patch:
            file = copy.home / "break.patch"
            file.write_text(self.patch, encoding="utf-8")
            try:
                copy.git("apply", "--whitespace=nowarn", str(file))
            except GitError as error:
                raise EvalError(
                    f"{self.name}/{PATCH} does not apply: {error}",
                    hint="The project has moved on; make the patch anew.",
                ) from error
        if self.sql:
            _run(copy, self.sql)


def _run(copy: Copy, sql: str) -> None:
    target, project = copy.warehouse(), copy.project()
    with open_to_break(project, target) as connection:
        for statement in parse_all(sql, target.relation_dialect):
            connection.execute(statement.sql(dialect=target.relation_dialect))


def read_case(folder: Path) -> CaseFolder:
    """Read a case. Raises ConfigError: every fault of expect.yml with its position."""
    document = read_document(folder / EXPECT, f"{folder.name}/{EXPECT}")
    issues = list(document.issues)
    if not issues:
        issues = _Checked(document).issues
    parts = {name: _text(folder / name) for name in (PATCH, SQL, INCIDENT)}
    issues += _part_issues(folder.name, parts)
    if issues:
        raise ConfigError(issues)
    expected = _expected(folder.name, document.value)
    return CaseFolder(folder.name, expected, parts[PATCH], parts[SQL], parts[INCIDENT])


def find_cases(folder: Path) -> list[Path]:
    """The folder itself when it is a case, else the cases in it, in order of their names."""
    if (folder / EXPECT).is_file():
        return [folder]
    found = sorted(one.parent for one in folder.glob(f"*/{EXPECT}"))
    if not found:
        raise EvalError(
            f"no case in {folder}",
            hint=f"A case is a folder with {EXPECT} and {PATCH}, {SQL} or {INCIDENT}.",
        )
    return found


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _part_issues(name: str, parts: dict[str, str]) -> list[Issue]:
    found = []
    if not any(text.strip() for text in parts.values()):
        said = f"the case breaks nothing: there is no {PATCH}, {SQL} or {INCIDENT}"
        found.append(Issue(f"{name}/{EXPECT}", 1, 1, CODE, said))
    if parts[INCIDENT]:
        try:
            loads(parts[INCIDENT], Incident)
        except msgspec.DecodeError as error:
            found.append(Issue(f"{name}/{INCIDENT}", 1, 1, CODE, f"no incident: {error}"))
    if parts[SQL]:
        # The case does not say for which warehouse it is.
        objections = [_unparsed(parts[SQL], dialect) for dialect in ("duckdb", "postgres")]
        if all(objections):
            found.append(Issue(f"{name}/{SQL}", 1, 1, CODE, f"does not parse: {objections[0]}"))
    return found


def _unparsed(sql: str, dialect: str) -> str:
    try:
        parse_all(sql, dialect)
    except SqlError as error:
        return error.message
    return ""


class _Checked:
    """The issues of one expect.yml."""

    def __init__(self, document: Document) -> None:
        self.issues: list[Issue] = []
        self._document = document
        value = document.value
        if not isinstance(value, dict):
            self._add((), "expected keys such as root_cause and decision")
            return
        self._keys(value, (), _KEYS)
        if value.get("version") != 1:
            self._add(("version",), "version is 1")
        root = value.get("root_cause")
        decisions = _listed(value.get("decision"))
        if isinstance(root, dict):
            self._keys(root, ("root_cause",), _ROOT_KEYS)
        if decisions != ["no_change"] and not (isinstance(root, dict) and root.get("node")):
            self._add(("root_cause",), "root_cause needs a node: the unique_id of the cause")
        if not decisions:
            self._add(("decision",), f"decision is one of {', '.join(DECISIONS)}, or a list")
        for one in decisions:
            if one not in DECISIONS:
                self._add(
                    ("decision",), f"unknown decision {one!r}", did_you_mean(str(one), DECISIONS)
                )
        if value.get("outputs", "same") not in ("same", "any"):
            self._add(("outputs",), "outputs is same or any")
        self._kinds(value)

    def _kinds(self, value: dict[str, Any]) -> None:
        for key in ("class", "command", "description"):
            if not isinstance(value.get(key, ""), str):
                self._add((key,), f"{key} is text")
        runs = value.get("runs", 1)
        if not isinstance(runs, int) or isinstance(runs, bool) or runs < 1:
            self._add(("runs",), "runs is a number of at least 1")

    def _keys(self, value: dict[str, Any], path: YamlPath, known: tuple[str, ...]) -> None:
        for key in value:
            if key not in known:
                hint = did_you_mean(str(key), known)
                self.issues.append(
                    self._document.issue(
                        (*path, str(key)), CODE, f"unknown key {key!r}", hint=hint, key=True
                    )
                )

    def _add(self, path: YamlPath, message: str, hint: str = "") -> None:
        self.issues.append(self._document.issue(path, CODE, message, hint=hint))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _expected(name: str, value: dict[str, Any]) -> Injected:
    root = value.get("root_cause") or {}
    first, *rest = _listed(value["decision"])
    return Injected(
        cls=str(value.get("class") or name),
        layer="raw" if str(root.get("node", "")).startswith(("source.", "seed.")) else "code",
        node=str(root.get("node") or ""),
        column=root.get("column"),
        observed=root.get("observed"),
        expected_decision=first,
        also_decisions=tuple(rest),
        same_outputs=value.get("outputs", "same") == "same",
        command=tuple(str(value.get("command") or "build").split()),
        detail=str(value.get("description") or name),
        most_runs=int(value.get("runs") or 0),
    )
