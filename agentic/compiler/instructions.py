"""Instructions: what is static is rendered at compile time, what a run knows stays a template.

Static are var(), env_var() and what `lineage` says of the agent's scope; `incident` and `memory`
are known only in a run. Both kinds are checked here, so that a run cannot fail on a misspelt field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentic.config import (
    TemplateFault,
    did_you_mean,
    is_template,
    new_environment,
    parse_template,
    standard_dir,
    template_functions,
    template_names,
    walk_template,
)
from agentic.records import Incident

DYNAMIC = frozenset({"incident", "memory"})
STATIC = frozenset({"lineage", "var", "env_var"})
_LINEAGE = ("nodes", "sources", "exposures", "all")
"""Of the agent's scope, known when it is compiled."""
_AROUND = ("parents", "children")
"""Ancestors and descendants of the incident's node, known in a run."""
_FORBIDDEN = (
    nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends | nodes.Block | nodes.Macro
    | nodes.CallBlock
)  # fmt: skip
_OPENERS = frozenset({"if", "for", "filter", "with", "autoescape"})
_INCLUDE = re.compile(r"""^\{%-?\s*include\s+["']([\w./ -]{1,200})["']\s*-?%\}$""", re.MULTILINE)
_SHIPPED = "agentic/"
_FILE = re.compile(r"[^\x00-\x1f{}]{1,300}\.(md|txt|j2|jinja|jinja2)", re.IGNORECASE)


def names_file(text: str) -> bool:
    """True where `instructions:` is the name of a file, not the text itself."""
    return _FILE.fullmatch(text.strip()) is not None


def read_instructions(text: str, root: Path) -> str:
    """The text itself, or that of the file it names. Raises TemplateFault (AC130)."""
    name = text.strip()
    if not names_file(text):
        return text
    path = (root / name).resolve()
    return _with_parts(_text_of(path, root, name), path.parent, root)


def included(text: str) -> list[str]:
    """Names of the project's own parts that instructions include, as they are written."""
    names = [found[1] for found in _INCLUDE.finditer(text)]
    return [name for name in names if not name.startswith(_SHIPPED)]


def _with_parts(text: str, folder: Path, root: Path) -> str:
    """Shared parts, put in as text: `{% include "shared/safety.md.j2" %}` on a line of its own.

    A name counts from the file that says it; `agentic/` begins a part of the standard prompts. A
    part includes nothing itself.
    """

    def part(found: re.Match[str]) -> str:
        name = found[1]
        shipped = name.startswith(_SHIPPED)
        base, top = (standard_dir() / "prompts", standard_dir()) if shipped else (folder, root)
        path = (base / name.removeprefix(_SHIPPED if shipped else "")).resolve()
        return _text_of(path, top, name).rstrip("\n")

    return _INCLUDE.sub(part, text)


def _text_of(path: Path, root: Path, name: str) -> str:
    if not path.is_relative_to(root.resolve()):
        raise TemplateFault("AC130", f"the instructions {name!r} lie outside the project")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        folder = path.parent
        near = [p.name for p in folder.glob("*") if p.is_file()] if folder.is_dir() else []
        hint = did_you_mean(path.name, near)
        why = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "cannot be read"
        raise TemplateFault("AC130", f"the instructions file {name!r} {why}", hint) from error


def compile_instructions(
    text: str, *, scope: Sequence[str], variables: Mapping[str, Any], env: Mapping[str, str]
) -> str:
    """The text with its static parts rendered. Raises TemplateFault (AC12x, AC13x)."""
    if not is_template(text):
        return text
    tree = parse_template(text)
    _check(tree)
    environment = new_environment()
    known = {"lineage": lineage_of(scope), **template_functions(variables, env)}
    if tree.find(nodes.Assign) or tree.find(nodes.AssignBlock):
        # A name that is set in one place may be used in any other: all or nothing.
        segments: Iterable[tuple[str, bool]] = [(text, True)]
    else:
        segments = _segments(environment, text)
    return "".join(
        _render(environment, part, known) if code else _literal(part) for part, code in segments
    )


def render_instructions(
    text: str,
    *,
    incident: Mapping[str, Any],
    lineage: Mapping[str, Any],
    memory: Sequence[Any] = (),
) -> str:
    """Compiled instructions for one incident. Raises TemplateFault (AC120).

    `incident` has the fields of an Incident, escaped as its caller needs; `lineage` is that of
    `lineage_of` with `parents` and `children` of the incident's node.
    """
    names = {"incident": incident, "memory": list(memory), "lineage": lineage}
    return _run(new_environment(), text, names)


def lineage_of(scope: Sequence[str]) -> dict[str, list[str]]:
    """What `lineage` is in instructions: the scope's `unique_id`s, and those of three kinds."""

    def of(*kinds: str) -> list[str]:
        return [uid for uid in scope if uid.partition(".")[0] in kinds]

    return {
        "nodes": of("model", "seed", "snapshot"),
        "sources": of("source"),
        "exposures": of("exposure"),
        "all": list(scope),
    }


def _check(tree: nodes.Template) -> None:
    allowed = sorted(DYNAMIC | STATIC)
    for name in sorted(template_names(tree)):
        if name not in allowed:
            hint = did_you_mean(name, allowed)
            raise TemplateFault("AC121", f"Jinja: {name!r} is not available here", hint)
    for node in walk_template(tree):
        if isinstance(node, _FORBIDDEN):
            kind = type(node).__name__.lower()
            raise TemplateFault("AC121", f"Jinja: {kind!r} is not available in instructions")
        if isinstance(node, nodes.Call) and not isinstance(node.node, nodes.Name):
            raise TemplateFault("AC121", "Jinja: only var() and env_var() can be called here")
        if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
            _check_field(node.node.name, node.attr)


def _check_field(name: str, field: str) -> None:
    known = {"incident": Incident.__struct_fields__, "lineage": _LINEAGE + _AROUND}.get(name)
    if known is not None and field not in known:
        hint = did_you_mean(field, known)
        raise TemplateFault("AC131", f"{name} has no field {field!r}", hint)


def _segments(environment: ImmutableSandboxedEnvironment, text: str) -> list[tuple[str, bool]]:
    """The text cut into literal parts and whole expressions or blocks (True)."""
    found: list[tuple[str, bool]] = []
    part, depth, raw, opening = "", 0, False, False
    for _, kind, value in environment.lex(text):
        if kind in ("data", "raw_begin", "raw_end") and not part:
            raw = kind == "raw_begin" or (raw and kind != "raw_end")
            if kind == "data":
                found.append((value, False))
            continue
        if kind.startswith("comment") and not part:
            continue
        part += value
        if opening and kind == "name":
            depth += (value in _OPENERS) - value.startswith("end")
            opening = False
        opening = opening or kind == "block_begin"
        if kind in ("variable_end", "block_end") and depth == 0:
            found.append((part, True))
            part = ""
    return found


def _render(environment: ImmutableSandboxedEnvironment, part: str, known: dict[str, Any]) -> str:
    tree = parse_template(part)
    names = template_names(tree)
    later = sorted(names & DYNAMIC) or _around(tree)
    if not later:
        return _literal(_run(environment, part, known))
    called = sorted(names & {"var", "env_var"})
    if called:
        raise TemplateFault(
            "AC132",
            f"Jinja: {called[0]}() and {later[0]} in one block",
            f"move {called[0]}() out of the block",
        )
    return part


def _around(tree: nodes.Template) -> list[str]:
    return sorted(
        f"lineage.{node.attr}"
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name)
        and node.node.name == "lineage"
        and node.attr in _AROUND
    )


def _run(environment: ImmutableSandboxedEnvironment, text: str, names: Mapping[str, Any]) -> str:
    try:
        return environment.from_string(text).render(names)
    except TemplateFault:
        raise
    except TemplateError as error:
        raise TemplateFault("AC120", f"Jinja: {error.message}") from error
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise TemplateFault("AC120", f"Jinja: {error}") from error


def _literal(text: str) -> str:
    """Text that Jinja gives back unchanged."""
    text = re.sub(r"\{[{%#]", lambda found: "{{ '" + found.group() + "' }}", text)
    return text[:-1] + "{{ '{' }}" if text.endswith("{") else text
