"""What each kind of a user's tool needs at run time, checked against the project.

Nothing is executed, sent or imported: a macro and a function are looked up, a statement is parsed
and judged with made-up inputs, an address is taken apart.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from agentic.compiler.inputs import Inputs
from agentic.config import TemplateFault, YamlPath, did_you_mean, fill_template, typed
from agentic.config.agents_spec import ToolItem
from agentic.exceptions import SqlError
from agentic.guardrails import world_of
from agentic.integrations import Declared, fault_in_request
from agentic.policy import judge_sql
from agentic.project import Manifest, Node, Project, Target
from agentic.records import CompiledGuardrails
from agentic.sql import relation_sql
from agentic.sql.binding import bound, places

_REF_TYPES = ("model", "seed", "snapshot")
_SAMPLES: dict[str, Any] = {"string": "x", "integer": 1, "number": 1.5, "boolean": True}
_DATES = {"date": "2026-01-31", "date-time": "2026-01-31T12:00:00"}
_Body = tuple[dict[str, Any] | None, str]
"""What the tool's body needs (None after a fault), and what its description says besides."""


class _Fault(Exception):
    def __init__(self, key: str, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.key, self.code, self.message, self.hint = key, code, message, hint


def body_of(
    inputs: Inputs, guardrails: CompiledGuardrails, item: ToolItem, path: YamlPath
) -> _Body:
    """Checked parts of one tool; its fault becomes an issue of `inputs`."""
    try:
        if item.sql is not None:
            return _query(inputs, guardrails, item)
        if item.http is not None:
            return _request(item)
        if item.python is not None:
            return _function(item, inputs.project.root)
        return _macro(item, inputs.manifest, inputs.project)
    except _Fault as fault:
        where = (*path, *fault.key.split("."))
        inputs.error(inputs.specs.agents_document, where, fault.code, fault.message, fault.hint)
        return None, ""


def _query(inputs: Inputs, guardrails: CompiledGuardrails, item: ToolItem) -> _Body:
    target = inputs.targets.get(inputs.target)
    if target is None:
        raise _Fault("sql", "AC242", f"there is no target {inputs.target!r} to read")
    dialect = target.relation_dialect
    kinds = {name: typed(kind) for name, kind in item.input.items()}
    formats = {name: one["format"] for name, one in kinds.items() if one.get("format") in _DATES}
    try:
        sql = fill_template(item.sql or "", _relations(inputs, target)).strip().rstrip(";")
        used = places(sql, dialect)
        sample = {name: _sample(one) for name, one in kinds.items()}
        _same(used, kinds)
        text = bound(sql, sample, formats, dialect=dialect)
    except TemplateFault as fault:
        raise _Fault("sql", fault.code, fault.message, fault.hint) from fault
    except SqlError as error:
        raise _Fault("sql", "AC242", error.message, error.hint) from error
    world = world_of(inputs.manifest, guardrails, target)
    verdict = judge_sql(text, dialect=dialect, role="reader", world=world)
    if verdict.verdict != "allow":
        hint = f"see `agentic explain {verdict.code}`"
        raise _Fault("sql", "AC242", f"{verdict.code}: {verdict.reason}", hint)
    return {"sql": sql, "formats": formats}, "" if item.description else "A query of this project."


def _same(used: tuple[str, ...], declared: Mapping[str, Any]) -> None:
    for name in used:
        if name not in declared:
            hint = did_you_mean(name, declared) or f"declare it: input: {{{name}: string}}"
            raise _Fault("sql", "AC242", f"`:{name}` is no input of the tool", hint)
    unused = [name for name in declared if name not in used]
    if unused:
        raise _Fault(
            f"input.{unused[0]}", "AC242", f"the query does not use `:{unused[0]}`", "remove it"
        )


def _sample(schema: Mapping[str, Any]) -> Any:
    for key in ("default", "const"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("format") in _DATES:
        return _DATES[schema["format"]]
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    sample = _SAMPLES.get(kind)
    if kind in ("integer", "number"):
        return schema.get("minimum", sample)
    return sample


def _relations(inputs: Inputs, target: Target) -> dict[str, Callable[..., Any]]:
    dialect = target.relation_dialect

    def written(node: Node) -> str:
        database = None if target.database in ("", node.database) else node.database
        return relation_sql((database, node.schema, node.alias), dialect)

    def ref(*names: str, **versions: Any) -> str:
        package = names[0] if len(names) == 2 else ""
        version = versions.get("v", versions.get("version"))
        found = [
            node
            for node in inputs.manifest.nodes.values()
            if node.resource_type in _REF_TYPES
            and node.name == names[-1]
            and package in ("", node.package_name)
            and (version is None or node.unique_id.endswith(f".v{version}"))
        ]
        if not found:
            every = inputs.manifest.nodes.values()
            known = (one.name for one in every if one.resource_type in _REF_TYPES)
            hint = did_you_mean(names[-1], known)
            raise TemplateFault("AC242", f"there is no {names[-1]!r} to refer to", hint)
        node = found[-1]
        if node.materialized == "ephemeral":
            raise TemplateFault("AC242", f"{names[-1]!r} is ephemeral: it has no table to read")
        return written(node)

    def source(group: str, name: str) -> str:
        for one in inputs.manifest.sources.values():
            if one.source_name == group and one.name == name:
                return written(one)
        known = [f"{one.source_name}.{one.name}" for one in inputs.manifest.sources.values()]
        hint = did_you_mean(f"{group}.{name}", known)
        raise TemplateFault("AC242", f"there is no source {group}.{name}", hint)

    def var(name: str, default: Any = None) -> Any:
        found = inputs.specs.variables.get(name, default)
        if found is None:
            raise TemplateFault("AC123", f"var({name!r}) is not defined")
        return found

    return {"ref": ref, "source": source, "var": var}


def _request(item: ToolItem) -> _Body:
    assert item.http is not None
    http = item.http
    declared = Declared(http.method, http.url, http.headers, http.body, tuple(item.input))
    fault = fault_in_request(declared)
    if fault is not None:
        raise _Fault(f"http.{fault.key}", "AC243", fault.message, fault.hint)
    body = {
        "method": http.method,
        "url": http.url,
        "headers": dict(http.headers),
        "body": http.body,
        "inputs": tuple(item.input),
    }
    return body, f"({http.method} {http.url})"


def _function(item: ToolItem, root: Path) -> _Body:
    module, _, name = (item.python or "").partition(":")
    file = root.joinpath(*module.split("."))
    files = (file.with_suffix(".py"), file / "__init__.py")
    found = next((one for one in files if one.is_file()), None)
    if found is None:
        if not _installed(module.split(".")[0]):
            hint = f"write {'/'.join(module.split('.'))}.py beside dbt_project.yml"
            raise _Fault("python", "AC244", f"there is no module {module!r}", hint)
        return {"python": item.python, "env": dict(item.env)}, f"({item.python})"
    text = found.read_bytes()
    try:
        functions = {
            one.name: one for one in ast.parse(text).body if isinstance(one, ast.FunctionDef)
        }
    except (SyntaxError, ValueError) as error:
        raise _Fault("python", "AC244", f"{module} is no Python: {error}") from error
    if name not in functions:
        hint = did_you_mean(name, functions)
        raise _Fault("python", "AC244", f"{module} has no function {name!r}", hint)
    _takes(functions[name], item)
    body = {"python": item.python, "env": dict(item.env), **_written(root, found)}
    return body, f"({item.python})"


def _takes(function: ast.FunctionDef, item: ToolItem) -> None:
    """Raises when the function does not take the declared inputs."""
    given = function.args
    known = [one.arg for one in (*given.args, *given.kwonlyargs)]
    for name in item.input:
        if name not in known and given.kwarg is None:
            hint = did_you_mean(name, known)
            raise _Fault(f"input.{name}", "AC244", f"{function.name}() takes no {name!r}", hint)
    optional = [one.arg for one in given.args[len(given.args) - len(given.defaults) :]]
    optional += [
        one.arg
        for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        if default is not None
    ]
    for name in known:
        if name not in item.input and name not in optional:
            raise _Fault(
                "python", "AC244", f"{function.name}() needs {name!r}", f"add it to input: {name}"
            )


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _macro(item: ToolItem, manifest: Manifest, project: Project) -> _Body:
    found = [one for one in manifest.macros.values() if one.name == item.macro]
    found.sort(key=lambda one: (one.package_name != project.name, one.unique_id))
    if not found:
        own = [one.name for one in manifest.macros.values() if one.package_name == project.name]
        hint = did_you_mean(item.macro or "", own)
        raise _Fault("macro", "AC245", f"there is no macro {item.macro!r}", hint)
    file = project.root / found[0].original_file_path
    body = {"macro": item.macro}
    if found[0].package_name == project.name and file.is_file():
        body |= _written(project.root, file)
    return body, f"(dbt run-operation {item.macro})"


def _written(root: Path, file: Path) -> dict[str, str]:
    """The file that a person approves with each call: another text of it is not run."""
    path = file.relative_to(root).as_posix()
    return {"file": path, "sha256": sha256(file.read_bytes()).hexdigest()}
