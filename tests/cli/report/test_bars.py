from __future__ import annotations

import pytest

from joulesplit.cli.report.tables import SHADED, Bar, BarSegment, Sparkline


@pytest.mark.parametrize(
    ("value", "bar"),
    [(8, "████████"), (4, "████"), (4.5, "████▌"), (0, ""), (0.001, "▏"), (99, "████████")],
)
def test_a_bar_is_as_long_as_its_value_to_an_eighth_of_a_cell(text_of, value, bar):
    assert text_of(Bar.of(value, 8, ""), 8).rstrip() == bar


def test_parts_follow_each_other_and_the_least_of_them_leaves_a_trace(text_of):
    bar = Bar([BarSegment(value=4, style=""), BarSegment(value=0.01, style="", fill=SHADED)], 8)
    assert text_of(bar, 8).rstrip() == "████▒"
    full = Bar([BarSegment(value=8, style=""), BarSegment(value=0.01, style="", fill=SHADED)], 8)
    assert text_of(full, 8).rstrip() == "███████▒"


def test_a_mark_stands_at_its_value_inside_or_beyond_the_bar(text_of):
    assert text_of(Bar.of(4, 8, "", marker=2), 8).rstrip() == "██│█"
    assert text_of(Bar.of(2, 8, "", marker=6), 8).rstrip() == "██    │"


def test_without_unicode_bars_are_ascii(text_of):
    bar = Bar(
        [BarSegment(value=4, style=""), BarSegment(value=2, style="", fill=SHADED)], 8, marker=7
    )
    assert text_of(bar, 8, ascii_only=True).rstrip() == "####== |"


def test_a_sparkline_shows_the_latest_values_from_least_to_most(text_of):
    line = Sparkline([9, 0, 1, 2, 3, 4, 5, 6, 7], "")
    assert text_of(line, 8).rstrip() == "▁▂▃▄▅▆▇█"
