"""``calibrate --tune`` as a user runs it: real processes and signals, a tree in place of /."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from joulesplit.calibrate.environment import program
from joulesplit.cli._resources import bundled

MODEL = bundled("models/mobilenet_v2_1.0_224_int8.tflite")
PLAN = """
base = "quick"
rests = 0
work_s = [0.1, 0.2]
repeats = 2
upload_sizes = 2
blocks = [4, 64]
"""
IW = """#!/bin/sh
case "$3" in get) echo "Power save: $(cat "$FAKE_RADIO")";; set) echo "$5" > "$FAKE_RADIO";; esac
exit 0
"""
UNTOUCHED, TUNED = ("ondemand", "on"), ("performance", "off")
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AS_FROM_A_TERMINAL = """
import os, signal, sys
for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(ending, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, "-m", "joulesplit", *sys.argv[1:]])
"""
"""Starts the program with signals that whoever runs the tests may have ignored, as nohup does."""
PATIENCE_S = 120

pytestmark = pytest.mark.live


class Board:
    """A tree with a governor and a radio, whose settings are files."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.root = directory, directory / "root"
        policy = self.root / "sys/devices/system/cpu/cpufreq/policy0"
        policy.mkdir(parents=True)
        self.governor = policy / "scaling_governor"
        self.governor.write_text("ondemand\n")
        (self.root / "sys/devices/system/cpu/cpu0").mkdir()
        (self.root / "sys/devices/system/cpu/cpu0/cpufreq").symlink_to(policy)
        (self.root / "sys/class/net/wlan0/wireless").mkdir(parents=True)
        # Processes and boots are those of this machine: a killed one is gone from there too.
        (self.root / "proc").symlink_to("/proc")
        self.radio = directory / "radio"
        self.radio.write_text("on\n")
        (directory / "bin").mkdir()
        (directory / "bin/iw").write_text(IW)
        (directory / "bin/iw").chmod(0o755)
        (directory / "plan.toml").write_text(PLAN)
        self.state = directory / "state/joulesplit/tuned.json"

    @property
    def settings(self) -> tuple[str, str]:
        return self.governor.read_text().strip(), self.radio.read_text().strip()

    def run(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "FAKE_RADIO": str(self.radio),
            "PATH": f"{self.directory / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "XDG_STATE_HOME": str(self.directory / "state"),
        }
        return subprocess.Popen(
            [sys.executable, "-c", AS_FROM_A_TERMINAL, *arguments, "--root", self.root, "--json"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def calibrate(self, *options: str) -> subprocess.Popen[str]:
        return self.run(
            "calibrate", str(MODEL), "--sensor", "simulated", "--tune", *options,
            "--plan", str(self.directory / "plan.toml"), "-o", str(self.directory / "p.json"),
        )  # fmt: skip

    def wait_for_windows(self, process: subprocess.Popen[str], count: int) -> None:
        """Wait until the journal has so many windows of this run."""
        journal = self.directory / "p.windows.jsonl"
        while not journal.exists() or journal.read_bytes().count(b'"window":') < count:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)


@pytest.fixture
def board(tmp_path):
    return Board(tmp_path)


def test_the_machine_is_tuned_while_it_is_measured_and_the_profile_says_so(board):
    process = board.calibrate()
    board.wait_for_windows(process, 1)
    assert board.settings == TUNED

    out, told = process.communicate(timeout=PATIENCE_S)

    assert process.returncode in (0, 6), told
    assert board.settings == UNTOUCHED
    assert not board.state.exists()
    device = json.loads(out)["device"]
    assert (device["governor"], [t["during"] for t in device["tuned"]]) == (
        "performance", ["performance", "off"],
    )  # fmt: skip
    assert [(t["name"], t["before"]) for t in device["tuned"]] == [
        ("policy0", "ondemand"), ("wlan0", "on"),
    ]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_ends_it_in_order_sets_the_machine_back_and_keeps_the_windows(board, ending):
    process = board.calibrate()
    board.wait_for_windows(process, 3)
    assert board.settings == TUNED

    process.send_signal(ending)
    _, told = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 130, told
    assert "--resume" in told
    assert "Traceback" not in told
    assert board.settings == UNTOUCHED
    assert not board.state.exists()
    last = (board.directory / "p.windows.jsonl").read_text().splitlines()[-1]
    assert '"ended"' in last


def test_a_kill_sets_the_machine_back_at_once(board):
    process = board.calibrate()
    board.wait_for_windows(process, 1)
    assert board.settings == TUNED
    os.killpg(process.pid, signal.SIGKILL)
    # Whoever sets it back has the same standard error, so this ends after that.
    process.communicate(timeout=PATIENCE_S)

    assert board.settings == UNTOUCHED
    assert not board.state.exists()


def test_the_next_tuned_run_knows_what_was_there_before_the_killed_one(board):
    killed = board.calibrate()
    board.wait_for_windows(killed, 1)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=PATIENCE_S)
    (board.directory / "p.windows.jsonl").unlink()

    process = board.calibrate()
    board.wait_for_windows(process, 1)
    assert board.settings == TUNED
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)

    assert board.settings == UNTOUCHED
    assert not board.state.exists()


@pytest.mark.parametrize("reason", ["nothing", "not permitted"])
def test_what_cannot_be_tuned_is_one_line_with_advice_and_nothing_is_measured(board, reason):
    board.governor.unlink()
    if reason == "nothing":
        (board.root / "sys/class/net/wlan0/wireless").rmdir()
        advice = "measure without --tune"
    else:
        # The identity of a boot can be read by everybody and written by nobody.
        board.governor.symlink_to("/proc/sys/kernel/random/boot_id")
        advice = f"run `sudo {program()} tune --governor performance`, then measure as yourself"
    process = board.calibrate()

    out, told = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 3
    assert advice in json.loads(out)["error"]["message"]
    assert told.count("\n") == 1
    assert board.radio.read_text().strip() == "on"
    assert not (board.directory / "p.windows.jsonl").exists()


def test_tuning_without_measuring_is_refused(board):
    process = board.run("calibrate", "--tune", "--show-plan")
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "--tune is for measuring" in json.loads(out)["error"]["message"]
