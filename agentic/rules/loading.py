"""Every rule is registered by importing its module: all modules of this room, by name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

BUILT_IN = tuple(
    import_module(f"agentic.rules.{one.name}")
    for one in iter_modules([str(Path(__file__).parent)])
    if one.name != "loading"
)
"""Modules whose import registers the rules."""
