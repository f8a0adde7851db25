"""Ask a real dbt what selections select: `python dbt_ls.py PROJECT < lists of arguments (JSON)`.

One process, since starting dbt sixty times would take minutes. Prints one JSON list of answers.
"""

from __future__ import annotations

import json
import sys

from dbt.cli.main import dbtRunner


def main() -> int:
    root = sys.argv[1]
    where = ["--project-dir", root, "--profiles-dir", root, "--quiet", "--no-partial-parse"]
    dbt = dbtRunner()
    parsed = dbt.invoke(["parse", *where])
    assert parsed.success, parsed.exception
    runner = dbtRunner(manifest=parsed.result)  # type: ignore[arg-type]
    answers = []
    for arguments in json.load(sys.stdin):
        keys = ["--output", "json", "--output-keys", "unique_id"]
        done = runner.invoke(["ls", *arguments, *keys, *where])
        assert done.success, (arguments, done.exception)
        answers.append(sorted(json.loads(line)["unique_id"] for line in done.result or ()))
    print("\n" + json.dumps(answers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
