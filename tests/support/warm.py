"""dbt for tests that only need a project built: children of one warm dbt process.

Each is a fresh process as far as dbt can tell; its imports, most of what a start costs, are shared.
What agentic itself runs, and tests of how it runs dbt, start dbt anew.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentic.evals import forks

_EXIT = '{"agentic_exit":'
_ADAPTERS = ("dbt.adapters.duckdb", "dbt.adapters.postgres")


class _Warm:
    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, args: Sequence[str], *, cwd: Path, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        if self._process is None:
            self._process = self._start()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"args": list(args), "cwd": str(cwd), "env": dict(env)}) + "\n")
        stdin.flush()
        said = []
        for line in stdout:
            if line.startswith(_EXIT):
                code = int(json.loads(line)["agentic_exit"])
                return subprocess.CompletedProcess(["dbt", *args], code, "".join(said), "")
            said.append(line)
        raise AssertionError("the warm dbt is gone: " + "".join(said)[-2000:])

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def _start(self) -> subprocess.Popen[str]:
        driver = Path(forks.__file__).with_name("fork_driver.py")
        process = subprocess.Popen(
            [sys.executable, str(driver), *_ADAPTERS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        atexit.register(process.terminate)
        return process


_WARM = _Warm()


def dbt(
    args: Sequence[str], *, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run `dbt ARGS`; what it printed is in `stdout`, errors too."""
    return _WARM.run(args, cwd=cwd, env=env)
