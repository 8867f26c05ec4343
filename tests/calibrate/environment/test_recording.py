"""What the recorder of listings takes from a board, and what it leaves out."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from joulesplit.calibrate.environment import describe_device

SCRIPT = Path(__file__).parents[1] / "machines/record.py"
BOARDS = ("pi3", "pi4", "pi5", "zero2w")


@pytest.fixture(scope="module")
def recorder():
    spec = importlib.util.spec_from_file_location("record", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("interface", ["wlan0", "eth0"])
@pytest.mark.parametrize("board", BOARDS)
def test_a_board_that_is_recorded_and_read_again_is_the_same_board(
    recorder, machine_of, machine_from, board, interface
):
    machine = machine_of(board)
    text = "\n".join(recorder.listing(machine, board))

    again = machine_from(f"{board}-again", text)

    assert describe_device(again, interface) == describe_device(machine, interface)
    assert "\n".join(recorder.listing(again, board)) == text


def test_names_and_addresses_are_taken_out(recorder, machine_of):
    machine = machine_of("pi4")
    link = "Connected to a4:91:B1:00:de:ad (on wlan0)\n\tSSID: Bakers next door\n\tfreq: 5180\n"
    printed = {("iw", "dev", "wlan0", "link"): link}
    (machine.root / "proc/sys/kernel/hostname").write_text("marias-attic\n")

    text = "\n".join(recorder.listing(type(machine)(root=machine.root, run=printed.get), "pi4"))

    assert all(word not in text.lower() for word in ("a4:91", "bakers", "maria"))
    assert "| \tSSID: Example" in text.splitlines()
    assert "| \tfreq: 5180" in text.splitlines()


def test_it_records_the_machine_it_runs_on():
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "here"], capture_output=True, text=True, check=True
    )

    assert "file proc/sys/kernel/hostname\n| here\n" in done.stdout
    assert "file proc/meminfo\n| MemTotal:" in done.stdout
