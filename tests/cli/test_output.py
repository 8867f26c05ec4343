from __future__ import annotations

import pytest

from joulesplit.cli._output import PIPE_WIDTH, console, stated_columns


@pytest.mark.parametrize(
    ("stated", "width"),
    [("60", 60), ("120", 120), ("", None), ("0", None), ("wide", None), ("-80", None)],
)
def test_columns_states_a_width_if_it_is_one(stated, width):
    assert stated_columns({"COLUMNS": stated}) == width
    assert stated_columns({}) is None


def test_a_report_in_a_pipe_is_as_wide_as_columns_says(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    assert console().width == 60
    monkeypatch.delenv("COLUMNS")
    assert console().width == PIPE_WIDTH
