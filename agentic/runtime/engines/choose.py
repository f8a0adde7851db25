"""Which engine a run gets, and one loader for all: an engine is imported when it is used."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from agentic.exceptions import CredentialsMissing, EngineError
from agentic.rules import Case
from agentic.runtime.engines.base import Engine
from agentic.runtime.engines.rules import RulesEngine
from agentic.runtime.engines.scripted import read_script

EngineName = Literal["rules", "anthropic", "scripted"]

_CREDENTIALS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_OTHER_SERVICES = ("bedrock", "vertex")
"""Their credentials are the cloud's, which only its SDK can find."""


def is_auto(wanted: str) -> bool:
    """Whether nobody named an engine: only then may the rules take over from one that fails."""
    return (os.environ.get("AGENTIC_ENGINE") or wanted) == "auto"


def choose_engine(wanted: str) -> EngineName:
    """`auto` becomes anthropic where credentials exist, else rules.

    `AGENTIC_ENGINE` overrules the agent. Raises CredentialsMissing when anthropic was asked for by
    name without credentials, EngineError for a name that is none.
    """
    wanted = os.environ.get("AGENTIC_ENGINE") or wanted
    has_key = any(os.environ.get(name) for name in _CREDENTIALS)
    has_key = has_key or os.environ.get("AGENTIC_MODEL_SERVICE") in _OTHER_SERVICES
    if wanted == "auto":
        return "anthropic" if has_key else "rules"
    if wanted == "anthropic" and not has_key:
        raise CredentialsMissing(
            "the engine `anthropic` needs a key, and there is none",
            hint=f"Set {_CREDENTIALS[0]}, or use `engine: auto`, which works without one.",
        )
    if wanted == "rules":
        return "rules"
    if wanted == "anthropic":
        return "anthropic"
    if wanted == "scripted":
        return "scripted"
    raise EngineError(
        f"there is no engine {wanted!r}", hint="Engines: auto, rules, anthropic, scripted."
    )


def open_engine(
    name: str,
    *,
    case: Case,
    model: str = "",
    time_left_s: Callable[[], float] = lambda: float("inf"),
) -> Engine:
    """Build an engine; it waits for nothing longer than `time_left_s()` (seconds).

    Raises EngineError when it cannot be used here.
    """
    if name == "anthropic":
        module = importlib.import_module("agentic.runtime.engines.anthropic")
        engine: Engine = module.AnthropicEngine(model=model, time_left_s=time_left_s)
        return engine
    if name == "scripted":
        script = os.environ.get("AGENTIC_SCRIPT")
        if not script:
            raise EngineError(
                "the engine `scripted` has no script",
                hint="Set AGENTIC_SCRIPT to a JSON file of turns.",
            )
        return read_script(Path(script))
    return RulesEngine(case)
