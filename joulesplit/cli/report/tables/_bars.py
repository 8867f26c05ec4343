"""Bars of block characters that fill whatever width they are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import Style

from joulesplit.cli.report.tables._tables import MINIMUM_WIDTH

EIGHTHS = " ▏▎▍▌▋▊▉"
FULL = "█"
SHADED = "▒"
"""Fills what is uncertain of a bar."""
MARKER = "│"
"""Marks a value on a bar."""
ASCII = {FULL: "#", SHADED: "=", MARKER: "|"}

SPARKS = "▁▂▃▄▅▆▇█"
ASCII_SPARKS = "_.-=+*%#"

MAXIMUM_WIDTH = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BarSegment:
    """One stretch of a bar.

    Attributes:
        value: Its length, in the bar's unit.
        style: rich style; the fill already tells parts apart without colour.
        fill: ``FULL`` or ``SHADED``.
    """

    value: float
    style: str
    fill: str = FULL


class Bar:
    """A horizontal bar of one or more parts.

    Args:
        parts: From the left.
        maximum: The value that fills the whole width.
        marker: A value to mark on the same scale; None for no mark.
    """

    def __init__(
        self, parts: Sequence[BarSegment], maximum: float, *, marker: float | None = None
    ) -> None:
        self.parts = [part for part in parts if part.value > 0]
        self.maximum = maximum if maximum > 0 else 1.0
        self.marker = marker

    @classmethod
    def of(cls, value: float, maximum: float, style: str, *, marker: float | None = None) -> Bar:
        """Return a bar of one part."""
        return cls([BarSegment(value=value, style=style)], maximum, marker=marker)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        del console
        return Measurement(
            min(MINIMUM_WIDTH, options.max_width), min(MAXIMUM_WIDTH, options.max_width)
        )

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console
        width = options.max_width
        cells = self._cells(width, ascii_only=options.ascii_only)
        for character, style in cells:
            yield Segment(character, Style.parse(style))
        yield Segment.line()

    def _cells(self, width: int, *, ascii_only: bool) -> list[tuple[str, str]]:
        cells: list[tuple[str, str]] = []
        end = 0.0
        for position, part in enumerate(self.parts):
            end += part.value / self.maximum * width
            if len(self.parts) == 1 and part.fill == FULL:
                cells = self._fine(end, width, part.style)
                continue
            # Something that exists leaves a trace, and leaves room for the parts after it.
            room = width - (len(self.parts) - 1 - position)
            cells += [(part.fill, part.style)] * max(1, min(round(end), room) - len(cells))
        cells += [(" ", "")] * (width - len(cells))
        if self.marker is not None:
            place = min(int(self.marker / self.maximum * width), width - 1)
            cells[place] = (MARKER, "bold")
        if ascii_only:
            return [(ASCII.get(c, " " if c in EIGHTHS else c), style) for c, style in cells]
        return cells

    @staticmethod
    def _fine(end: float, width: int, style: str) -> list[tuple[str, str]]:
        """Return a bar of one part, to an eighth of a cell."""
        eighths = min(max(round(8 * end), 1), 8 * width)
        cells = [(FULL, style)] * (eighths // 8)
        if eighths % 8:
            cells.append((EIGHTHS[eighths % 8], style))
        return cells


class Sparkline:
    """The last values as a line of small columns, scaled from their own least to most.

    Args:
        values: Oldest first.
        style: rich style.
    """

    def __init__(self, values: Sequence[float], style: str) -> None:
        self._values = values
        self._style = style

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        del console
        return Measurement(min(MINIMUM_WIDTH, options.max_width), options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console
        signs = ASCII_SPARKS if options.ascii_only else SPARKS
        values = list(self._values)[-options.max_width :]
        low, high = min(values, default=0.0), max(values, default=0.0)
        span = (high - low) or 1.0
        steps = (int((value - low) / span * (len(signs) - 1) + 0.5) for value in values)
        yield Segment("".join(signs[step] for step in steps), Style.parse(self._style))
        yield Segment.line()
