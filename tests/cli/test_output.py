from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from joulesplit.cli import run
from joulesplit.cli._output import PIPE_WIDTH, console, note, stated_columns, write_page


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


HOSTILE = "\x1b[31mred\x07\x9b2J\r"


def test_no_text_from_a_file_is_a_command_to_the_terminal(capsys, tmp_path):
    """What a report's own styles tell the terminal stays."""
    from rich.table import Table
    from rich.text import Text

    table = Table(HOSTILE)
    table.add_row(Text(HOSTILE))
    console().print(Text(HOSTILE), table, HOSTILE, sep="\n")
    note(HOSTILE)
    write_page(tmp_path / "page.html", f"<p>{HOSTILE}</p>\n".encode())
    printed = "".join(capsys.readouterr())
    for text in (printed, (tmp_path / "page.html").read_text(encoding="utf-8")):
        assert "red" in text
        assert not set(text) & set("\x1b\x07\x9b\r")


def test_an_error_about_a_file_is_no_command_to_the_terminal(capsys):
    assert run(["profile", "show", HOSTILE]) == 3
    said = capsys.readouterr().err
    assert "red" in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    "words",
    [(HOSTILE,), ("paper", HOSTILE), ("paper", f"--{HOSTILE}"), ("monitor", "--sensor", HOSTILE)],
)
def test_a_command_line_that_is_none_is_no_command_to_the_terminal(words, capsys):
    assert run(list(words)) == 2
    said = capsys.readouterr().err
    assert "red" in said
    assert not set(said) & set("\x1b\x07\x9b\r")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_full_disk_is_one_line_and_the_code_of_files(form):
    """Not told as JSON to the place that took nothing."""
    with Path("/dev/full").open("w") as full:
        found = subprocess.run(
            [sys.executable, "-m", "joulesplit", "paper", *form],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert found.returncode == 3
    assert found.stderr == (
        "joulesplit: error: no space is left where the result goes: make some\n"
    )


CTRL_C_WHILE_LOADING = """
import signal, sys
class Hand:
    def find_spec(self, name, path=None, target=None):
        if name == "joulesplit.cli._main":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Hand())
sys.argv = ["joulesplit", "paper", "--json"]
from joulesplit.__main__ import main
main()
"""


def test_ctrl_c_while_the_program_is_loaded_is_answered_as_later():
    found = subprocess.run(
        [sys.executable, "-c", CTRL_C_WHILE_LOADING], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (130, "\ninterrupted\n")
    assert json.loads(found.stdout)["error"]["code"] == 130
