"""A dbt executable whose every call is a child of one warm dbt: for what agentic itself runs.

`AGENTIC_DBT` names it. It is no Python script, so that agentic starts it anew for each command
(and never drives one process for several), which costs nothing here: the imports are shared.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from tests.support.warm import _Warm

_CLIENT = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect(sys.argv[1])
    asked = {"args": sys.argv[2:], "cwd": os.getcwd(), "env": dict(os.environ)}
    line.sendall(json.dumps(asked).encode() + b"\\n")
    answer = json.loads(line.makefile("rb").readline())
sys.stdout.write(answer["said"])
sys.stdout.flush()
os._exit(answer["code"])
"""


class WarmDbt:
    """Serves until it is closed; `executable` is what agentic is told to run."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        folder = Path(self._folder.name)
        self.executable = folder / "dbt"
        (folder / "client.py").write_text(_CLIENT, encoding="utf-8")
        self.executable.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -I -S "{folder}/client.py" "{folder}/line" "$@"\n'
        )
        self.executable.chmod(0o755)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "line"))
        self._listener.listen()
        self._warm = _Warm()
        self._version: subprocess.CompletedProcess[str] | None = None
        threading.Thread(target=self._serve, name="warm-dbt", daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self._warm.close()
        self._folder.cleanup()

    def _run(self, asked: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        ask_version = asked["args"] == ["--version"]
        if ask_version and self._version is not None:
            return self._version
        done = self._warm.run(asked["args"], cwd=Path(asked["cwd"]), env=asked["env"])
        if ask_version:
            self._version = done
        return done

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line, line.makefile("rb") as stream:
                asked = json.loads(stream.readline())
                done = self._run(asked)
                answer = {"said": done.stdout, "code": done.returncode}
                line.sendall(json.dumps(answer).encode() + b"\n")
