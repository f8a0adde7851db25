"""Runs in a process of its own: one function of the user's, JSON in and JSON out.

Started as a script with the project's folder and `package.module:function`; what the function
prints goes to stderr, so that standard output holds the answer alone.
"""

from __future__ import annotations

import importlib
import json
import os
import sys


def main() -> None:
    """Read the input, call the function, write `{"result": ...}` or `{"error": ...}`."""
    root, entry = sys.argv[1:3]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    given = json.load(sys.stdin)
    sys.path.insert(0, root)
    module, _, name = entry.partition(":")
    try:
        result = getattr(importlib.import_module(module), name)(**given)
        answer = json.dumps({"result": result}, default=str)
    except Exception as error:  # noqa: BLE001 - the user's code; it is told, the process ends
        answer = json.dumps({"error": f"{type(error).__name__}: {error}"})
    answers.write(answer)
    answers.close()


if __name__ == "__main__":
    main()
