"""Plain text for a person at a terminal; colour only where stdout is one."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2"}
WIDTH = 100


class Screen:
    """Writes headings, lines and progress; one screen a run."""

    def __init__(
        self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = out or sys.stdout
        self._clock = clock
        self._coloured = self._out.isatty() and "NO_COLOR" not in os.environ
        self._number = 0

    def paint(self, text: str, *styles: str) -> str:
        """Text in a style, on a terminal only."""
        if not self._coloured or not styles:
            return text
        return f"\033[{';'.join(_CODES[style] for style in styles)}m{text}\033[0m"

    def line(self, text: str = "", *styles: str) -> None:
        """One line."""
        self._out.write(self.paint(text, *styles) + "\n")
        self._out.flush()

    def heading(self, text: str) -> None:
        """The next numbered step."""
        self._number += 1
        self.line()
        self.line(f"{self._number}. {text}", "bold")

    def said(self, text: str, *styles: str) -> None:
        """Indented text, wrapped."""
        for part in text.splitlines() or [""]:
            for line in textwrap.wrap(part, WIDTH - 3, break_long_words=False) or [""]:
                self.line("   " + line, *styles)

    def quoted(self, text: str) -> None:
        """Text as it is, behind a bar; diff lines in their colours."""
        for line in text.splitlines():
            style = {"+": ["green"], "-": ["red"], "@": ["cyan"]}.get(line[:1], [])
            self.line("   │ " + self.paint(line, *style))

    def table(self, rows: Iterable[tuple[str, ...]]) -> None:
        """Columns side by side; the last one may be long."""
        held = list(rows)
        widths = [max(len(cell) for cell in column) for column in zip(*held, strict=True)][:-1]
        for row in held:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            text = "  ".join([*cells, row[-1]])
            style = {"fail": "red", "not compared": "yellow", "warn": "yellow"}.get(row[-2].strip())
            self.line("   " + shortened(text), *([style] if style else []))

    @contextmanager
    def step(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show that something runs and how long it took; the callable shows where it is."""
        started = self._clock()
        self._out.write(f"   {text} ... ")
        self._out.flush()

        def show(message: str) -> None:
            if self._coloured and message.strip():
                words = shortened(message.strip().splitlines()[0], WIDTH - len(text) - 10)
                self._out.write(f"\r\033[K   {text} ... {self.paint(words, 'dim')}")
                self._out.flush()

        yield show
        if self._coloured:
            self._out.write(f"\r\033[K   {text} ... ")
        self.line(f"{self._clock() - started:.1f} s")


def shortened(text: str, width: int = WIDTH) -> str:
    """A line cut to a width."""
    return text if len(text) <= width else text[: width - 1] + "…"
