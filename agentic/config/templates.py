"""Jinja in the two files: var() and env_var() and nothing else, undefined names are errors.

A template here can read the project's variables and the environment; it cannot call, import,
loop or compute anything that grows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentic.config.fields import RenderedText
from agentic.config.nearest import did_you_mean

MAX_TEMPLATE = 20_000
"""Characters; longer text belongs in a file."""
MAX_TEMPLATE_DEPTH = 60
FUNCTIONS = ("var", "env_var")
_CALLED = (*FUNCTIONS, "ref", "source")
_FILTERS = ("default", "float", "int", "lower", "replace", "string", "trim", "upper", "title")
_DBT_FILTERS = ("as_bool", "as_native", "as_number", "as_text")
_ALLOWED = (
    nodes.Output | nodes.TemplateData | nodes.Const | nodes.Name | nodes.Call | nodes.Filter
    | nodes.CondExpr | nodes.Compare | nodes.Operand | nodes.And | nodes.Or | nodes.Not
    | nodes.Concat | nodes.List | nodes.Tuple | nodes.Dict | nodes.Pair | nodes.Getitem
    | nodes.Keyword | nodes.Test | nodes.If | nodes.Template
)  # fmt: skip
_SECRET = ("DBT_ENV_SECRET", "AGENTIC_SECRET")
_FAILURES = (TypeError, ValueError, OverflowError, KeyError, IndexError, AttributeError)


class TemplateFault(ValueError):
    """A template that cannot be used: an AC12x code, a message, a hint."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def new_environment() -> ImmutableSandboxedEnvironment:
    """A Jinja environment with no globals, where an undefined name is an error."""
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.globals.clear()
    environment.filters.update({name: lambda value: value for name in _DBT_FILTERS})
    return environment


_ENVIRONMENT = new_environment()


def is_template(text: str) -> bool:
    """Whether Jinja would do anything with the text."""
    return "{{" in text or "{%" in text or "{#" in text


def parse_template(text: str) -> nodes.Template:
    """The template's tree. Raises TemplateFault (AC120) when it cannot be parsed or is too deep."""
    if len(text) > MAX_TEMPLATE:
        raise TemplateFault("AC120", f"a template is longer than {MAX_TEMPLATE} characters")
    try:
        tree = _ENVIRONMENT.parse(text)
    except TemplateSyntaxError as error:
        raise TemplateFault("AC120", f"Jinja: {error.message}") from error
    except (RecursionError, MemoryError, *_FAILURES) as error:
        raise TemplateFault("AC120", "Jinja: the template is too deep") from error
    if _depth(tree) > MAX_TEMPLATE_DEPTH:
        raise TemplateFault("AC120", "Jinja: the template is too deep")
    return tree


def check_template(text: str, names: Collection[str] = FUNCTIONS) -> None:
    """Check that a template uses var() and env_var() alone, or `names`; nothing is evaluated."""
    tree = parse_template(text)
    for node in walk_template(tree):
        _check_node(node, names)


def fill_template(text: str, names: Mapping[str, Any]) -> str:
    """A template with these functions and values, and nothing else. Raises TemplateFault."""
    check_template(text, tuple(names))
    return _run(text, names)


def reference_functions(variables: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """var() and env_var() at the moment of use: secrets too."""
    return {"var": _var(variables), "env_var": _env_var(env, secrets=True)}


def render_template(text: str, variables: Mapping[str, Any], env: Mapping[str, str]) -> str:
    """The text with var() and env_var() filled in. Raises TemplateFault (AC12x)."""
    check_template(text)
    return RenderedText(_run(text, template_functions(variables, env)))


def resolve_reference(text: str, variables: Mapping[str, Any], env: Mapping[str, str]) -> str:
    """A connection's or secret's value at the moment of its use. Raises TemplateFault."""
    check_template(text)
    return _run(text, reference_functions(variables, env))


def template_functions(variables: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """var() and env_var(); secrets are refused."""
    return {"var": _var(variables), "env_var": _env_var(env, secrets=False)}


def template_names(tree: nodes.Template) -> set[str]:
    """Names that a template uses and does not set itself. Raises TemplateFault (AC120)."""
    try:
        return set(meta.find_undeclared_variables(tree))
    except TemplateError as error:
        raise TemplateFault("AC120", f"Jinja: {error.message}") from error
    except (RecursionError, *_FAILURES) as error:
        raise TemplateFault("AC120", f"Jinja: {error}") from error


def walk_template(tree: nodes.Node) -> Iterator[nodes.Node]:
    """Every node of a Jinja tree, without recursion."""
    stack: list[nodes.Node] = [tree]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.iter_child_nodes())


def _depth(tree: nodes.Node) -> int:
    deepest, stack = 0, [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        stack.extend((child, depth + 1) for child in node.iter_child_nodes())
    return deepest


def _check_node(node: nodes.Node, names: Collection[str]) -> None:
    if isinstance(node, nodes.Name):
        if node.name not in names:
            hint = did_you_mean(node.name, names)
            raise TemplateFault("AC121", f"Jinja: {node.name!r} is not available here", hint)
    elif isinstance(node, nodes.Call):
        if not isinstance(node.node, nodes.Name):
            listed = " and ".join(f"{name}()" for name in names if name in _CALLED)
            raise TemplateFault("AC121", f"Jinja: only {listed} can be called here")
    elif isinstance(node, nodes.Filter):
        if node.name not in _FILTERS + _DBT_FILTERS:
            hint = did_you_mean(node.name, _FILTERS + _DBT_FILTERS)
            raise TemplateFault("AC121", f"Jinja: no filter {node.name!r} here", hint)
    elif not isinstance(node, _ALLOWED):
        kind = type(node).__name__.lower()
        raise TemplateFault("AC121", f"Jinja: {kind!r} is not available here; use var(), env_var()")


def _run(text: str, functions: Mapping[str, Any]) -> str:
    try:
        return _ENVIRONMENT.from_string(text).render(functions)
    except TemplateFault:
        raise
    except TemplateError as error:
        raise TemplateFault("AC120", f"Jinja: {error.message}") from error
    except (RecursionError, MemoryError, SyntaxError, *_FAILURES) as error:
        raise TemplateFault("AC120", f"Jinja: {error}") from error


def _var(variables: Mapping[str, Any]) -> Any:
    def var(*given: Any) -> Any:
        key, default = _one_name("var", given)
        if key in variables:
            return variables[key]
        if default:
            return default[0]
        hint = did_you_mean(key, variables) or "define it under vars: in dbt_project.yml"
        raise TemplateFault("AC123", f"var({key!r}) is not defined", hint)

    return var


def _env_var(env: Mapping[str, str], *, secrets: bool) -> Any:
    def env_var(*given: Any) -> str:
        key, default = _one_name("env_var", given)
        if not secrets and key.upper().startswith(_SECRET):
            message = f"the secret {key!r} would be written to the compiled manifest"
            raise TemplateFault("AC124", message, "use secrets in connections alone")
        if key in env:
            return env[key]
        if default:
            return str(default[0])
        hint = "set it" if secrets else f"set it, or give a default: env_var({key!r}, '')"
        raise TemplateFault("AC122", f"the environment variable {key!r} is not set", hint)

    return env_var


def _one_name(function: str, given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    if not given or not isinstance(given[0], str) or len(given) > 2:
        raise TemplateFault("AC120", f"Jinja: {function}() takes a name and at most one default")
    return given[0], given[1:]
