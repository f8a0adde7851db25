"""Jinja to its syntax tree, with dbt's own tags. Nothing is rendered here."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension, do
from jinja2.parser import Parser

BLOCKS = ("test", "data_test", "materialization", "snapshot", "docs")
MARK = ":"
"""Blocks of dbt become Macro nodes named `kind:name`; no identifier can hold a colon."""


class JinjaError(ValueError):
    """The text is not Jinja. `line` is 1-based."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Blocks(Extension):
    tags = set(BLOCKS)  # noqa: RUF012 - jinja declares it so

    def parse(self, parser: Parser) -> nodes.Macro:
        token = next(parser.stream)
        kind = "test" if token.value == "data_test" else token.value
        block = nodes.Macro(lineno=token.lineno)
        block.name = kind + MARK + parser.stream.expect("name").value
        block.args, block.defaults = [], []
        if kind == "materialization":
            self._options(parser, block)
        elif parser.stream.current.type == "lparen":
            parser.parse_signature(block)
        ends = ("name:endtest", "name:enddata_test") if kind == "test" else (f"name:end{kind}",)
        block.body = parser.parse_statements(ends, drop_needle=True)
        return block

    @staticmethod
    def _options(parser: Parser, block: nodes.Macro) -> None:
        adapter = "default"
        while parser.stream.skip_if("comma"):
            option = parser.stream.expect("name").value
            if option == "default":
                continue
            parser.stream.expect("assign")
            value = parser.parse_expression()
            if option == "adapter" and isinstance(value, nodes.Const):
                adapter = str(value.value)
        block.name += "_" + adapter


# SQL text, never HTML; and nothing is rendered, trees are enough here.
_ENVIRONMENT = Environment(extensions=[do, _Blocks])  # noqa: S701


@lru_cache(maxsize=4096)
def parse(text: str) -> nodes.Template:
    """The tree of one file. Raises JinjaError."""
    try:
        return _ENVIRONMENT.parse(text)
    except TemplateSyntaxError as error:
        raise JinjaError(error.message or "not Jinja", error.lineno) from error
    except RecursionError as error:
        raise JinjaError("nested too deeply", 1) from error
    except Exception as error:
        raise JinjaError(f"not Jinja ({type(error).__name__})", 1) from error


def definitions(tree: nodes.Template) -> list[tuple[str, nodes.Macro]]:
    """(kind, block) of every macro and dbt block in a file, at any depth."""
    found = []
    for block in tree.find_all(nodes.Macro):
        kind, mark, _ = block.name.partition(MARK)
        found.append((kind if mark else "macro", block))
    return found


def plain_name(block: nodes.Macro) -> str:
    """The name that was written, without the kind."""
    return block.name.partition(MARK)[2] or block.name


def source_key(node: nodes.Node) -> str:
    """A text for comparing expressions: the tree without line numbers."""
    return repr(node)
