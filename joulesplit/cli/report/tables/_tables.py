"""Tables that leave out columns before they become unreadable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

MINIMUM_WIDTH = 6
"""Least width of a bar, of prose, and of what yields."""
INDENT, GAP = 1, 2
"""Left of a table, and between its columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column with its cells.

    Attributes:
        header: Above it.
        cells: From the top.
        right: Flush right, for numbers.
        from_width: Shown only where the whole table has at least so many columns.
        flexible: Takes a share of what the others leave, for bars and prose.
        yielding: For names: shortened where the width does not do for all, before numbers are.
            Layers of one network begin alike, so most of what is left is a name's end.
    """

    header: str
    cells: Sequence[RenderableType]
    right: bool = False
    from_width: int = 0
    flexible: bool = False
    yielding: bool = False


class FittingTable:
    """A table for any width.

    Args:
        columns: All of them; which are shown depends on the width.
        emphasised: Position of a row to stress; None for none.
    """

    def __init__(self, columns: Sequence[Column], *, emphasised: int | None = None) -> None:
        self.columns = columns
        self.emphasised = emphasised

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console
        shown = [column for column in self.columns if column.from_width <= options.max_width]
        table = Table(
            box=box.SIMPLE_HEAD,
            expand=_spreads(shown, options.max_width),
            pad_edge=False,
            collapse_padding=True,
            show_edge=False,
        )
        for column in shown:
            table.add_column(
                column.header,
                justify="right" if column.right else "left",
                no_wrap=not column.flexible,
                ratio=1 if column.flexible else None,
                overflow="fold" if column.flexible else "ellipsis",
            )
        room = _room(shown, options.max_width)
        columns = [_shortened(c.cells, room) if c.yielding else c.cells for c in shown]
        for row, cells in enumerate(zip(*columns, strict=True)):
            table.add_row(*cells, style="bold" if row == self.emphasised else None)
        yield Padding(table, (0, 0, 0, INDENT))


def _spreads(columns: Sequence[Column], width: int) -> bool:
    """Return whether a table takes all the width: for bars always, for prose where it wraps."""
    flexible = [column for column in columns if column.flexible]
    if not all(isinstance(cell, str) for column in flexible for cell in column.cells):
        return True
    return bool(flexible) and INDENT + GAP * (len(columns) - 1) + sum(map(_wanted, columns)) > width


def _wanted(column: Column) -> int:
    """Return how wide a column wants to be; what is not text wants nothing of its own."""
    texts = (str(cell) for cell in column.cells if isinstance(cell, str | Text))
    return max(map(cell_len, (column.header, *texts)))


def _room(columns: Sequence[Column], width: int) -> int:
    """Return what is left for the column that yields, if all others are as wide as they want."""
    taken = INDENT + GAP * (len(columns) - 1)
    for column in columns:
        if column.flexible:
            # What a header says of each part of a bar stays in one piece.
            taken += max(MINIMUM_WIDTH, *map(cell_len, column.header.split("  ")))
        elif not column.yielding:
            taken += _wanted(column)
    return max(width - taken, MINIMUM_WIDTH)


def _shortened(cells: Sequence[RenderableType], room: int) -> list[RenderableType]:
    """Return names with their middle left out where they are wider than the room."""
    start = (room - 1) // 3
    return [
        f"{cell[:start]}…{cell[len(cell) - (room - 1 - start) :]}"
        if isinstance(cell, str) and cell_len(cell) > room
        else cell
        for cell in cells
    ]


class Facts:
    """Names with their values, without lines.

    Args:
        rows: From the top.
    """

    def __init__(self, rows: Sequence[tuple[str, RenderableType]]) -> None:
        self.rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        for name, value in self.rows:
            table.add_row(name, Text(value) if isinstance(value, str) else value)
        yield Padding(table, (0, 0, 0, 1), expand=False)
