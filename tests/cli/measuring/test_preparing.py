"""How a measurement takes requests to end, and what it says of a machine that was left tuned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from joulesplit.calibrate.environment import Machine, program, state_path
from joulesplit.calibrate.environment._tuning import Wanted, current, tune
from joulesplit.cli.measuring import ended_in_order, prepared
from joulesplit.cli.measuring._preparing import ENDINGS

MEASURING = """
import os, signal, sys
from pathlib import Path
from joulesplit.calibrate.environment._machine import Machine
from joulesplit.cli.measuring._preparing import prepared
with prepared(Machine(root=Path(sys.argv[1])), tune=True) as settings:
    print(*(f"{s.before} {s.during}" for s in settings), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    policy = tmp_path / "root/sys/devices/system/cpu/cpufreq/policy0"
    policy.mkdir(parents=True)
    (policy / "scaling_governor").write_text("ondemand\n")
    (tmp_path / "root/proc").symlink_to("/proc")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Machine(root=tmp_path / "root", run=lambda _: None)


@pytest.fixture
def ended():
    """The number of a process that has ended, but that its parent has not taken notice of."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:

        def end():
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        yield process.pid, end


def said_when_measuring(machine, capsys):
    with prepared(machine, tune=False) as settings:
        assert settings == ()
    return capsys.readouterr().err


def test_a_killed_measurement_leaves_nothing_tuned(machine):
    outcome = subprocess.run(
        [sys.executable, "-c", MEASURING, str(machine.root)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (outcome.returncode, outcome.stdout) == (-9, "ondemand performance\n")
    assert current(machine, "governor", "policy0") == "ondemand"
    assert not state_path().exists()


def test_what_is_left_over_is_said_once_its_process_has_ended(machine, ended, capsys):
    process, end = ended
    tune(machine, Wanted(governor="performance"), state_path(), process=process)
    assert said_when_measuring(machine, capsys) == ""

    end()
    said = said_when_measuring(machine, capsys)
    assert "left tuned: governor of policy0 (was ondemand)" in said
    assert f"`sudo {program()} tune --restore`" in said


def test_what_a_person_has_tuned_to_measure_is_no_news(machine, capsys):
    tune(machine, Wanted(governor="performance"), state_path())
    assert said_when_measuring(machine, capsys) == ""


def test_a_damaged_record_is_said_and_does_not_stop_a_measurement(machine, capsys):
    state_path().parent.mkdir(parents=True)
    state_path().write_text("{")
    assert "is damaged" in said_when_measuring(machine, capsys)


@pytest.fixture(params=ENDINGS)
def ending(request):
    before = signal.getsignal(request.param)
    yield request.param
    signal.signal(request.param, before)


def test_a_request_to_end_is_taken_for_ctrl_c_and_then_as_before(ending):
    signal.signal(ending, signal.SIG_DFL)

    with pytest.raises(KeyboardInterrupt), ended_in_order():
        signal.raise_signal(ending)

    assert signal.getsignal(ending) == signal.SIG_DFL


def test_a_request_that_was_ignored_stays_ignored_as_nohup_has_it(ending):
    signal.signal(ending, signal.SIG_IGN)

    with ended_in_order():
        signal.raise_signal(ending)

    assert signal.getsignal(ending) == signal.SIG_IGN
