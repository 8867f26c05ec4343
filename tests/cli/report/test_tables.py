from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from joulesplit.cli.report.tables import Bar, Column, FittingTable


@pytest.mark.parametrize("width", [60, 80, 120])
def test_long_names_of_blocks_give_way_to_numbers(width):
    names = [f"a_name_that_is_longer_than_any_terminal_has_room_for_{i}" * 2 for i in range(3)]
    columns = [
        Column(header="block", cells=names, yielding=True),
        Column(header="N_l", cells=["12.3 MFLOP"] * 3, right=True),
        Column(header="", cells=[Bar.of(1, 2, "cyan")] * 3, flexible=True),
        Column(header="P_l", cells=["12.3 Mbit"] * 3, right=True),
    ]
    console = Console(file=StringIO(), width=width)
    console.print(FittingTable(columns))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if "a_name" in line]
    assert len(rows) == 3
    assert all("12.3 MFLOP" in row and "12.3 Mbit" in row and "█" * 3 in row for row in rows)


@pytest.mark.parametrize(("width", "widest"), [(60, 60), (120, 1 + 10 + 2 + 31 + 2 + 20)])
def test_prose_takes_all_the_width_only_where_it_has_to_wrap(width, widest):
    prose = "a sentence that has thirty-one."
    columns = [
        Column(header="check", cells=["some-check"]),
        Column(header="finds", cells=[prose], flexible=True),
        Column(header="limit", cells=["at most 5.0 %, or so"], right=True),
    ]
    console = Console(file=StringIO(), width=width)
    console.print(FittingTable(columns))
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert max(map(len, lines)) == widest
    assert any(prose in line for line in lines) == (width > widest)
