"""Pages of the codes that services outside give."""

from __future__ import annotations

from agentic.records import CodePage, publish

publish(
    CodePage(
        "AC585",
        "service-failed",
        "A service under `connections` could not be reached, or refused what it was sent.",
        why="A run never depends on it: the finding stays, and the next run tries again.",
        fix="Check the connection's address and credential; the message holds the answer.",
    ),
    CodePage(
        "AC586",
        "reference-not-set",
        "A connection refers to an environment variable that is not set here.",
        fix="Set it where agentic runs, as the message names it.",
    ),
)
