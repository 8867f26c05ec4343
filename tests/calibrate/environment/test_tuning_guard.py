"""The measuring process is really killed; the guard is a real process too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from joulesplit.calibrate.environment import Machine, read_state
from joulesplit.calibrate.environment._tuning import Wanted, current, tune
from joulesplit.calibrate.environment._tuning_guard import set_back_for

HOLDER = """
import sys
from pathlib import Path
from joulesplit.calibrate.environment._machine import Machine
from joulesplit.calibrate.environment._tuning import Wanted, tuned
from joulesplit.calibrate.environment._tuning_guard import guarded
machine, state = Machine(root=Path(sys.argv[1])), Path(sys.argv[2])
with guarded(machine, state), tuned(machine, Wanted(governor="performance"), state):
    print("tuned", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def machine(tmp_path):
    policy = tmp_path / "root/sys/devices/system/cpu/cpufreq/policy0"
    policy.mkdir(parents=True)
    (policy / "scaling_governor").write_text("ondemand\n")
    (tmp_path / "root/proc").symlink_to("/proc")
    return Machine(root=tmp_path / "root", run=lambda _: None)


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state/tuned.json"


@pytest.fixture
def holder(machine, state):
    """A process that keeps the machine tuned until its standard input closes."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(machine.root), str(state)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout.readline() == "tuned\n"
    assert current(machine, "governor", "policy0") == "performance"
    with process:
        yield process
        process.kill()


def said_by_all(process):
    """Return what was said until the guard, which has the same standard error, ended too."""
    return process.stderr.read()


@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["process", "group"])
def test_a_kill_sets_the_machine_back_at_once(machine, state, holder, kill):
    kill(holder.pid, signal.SIGKILL)

    assert said_by_all(holder) == ""
    assert current(machine, "governor", "policy0") == "ondemand"
    assert not state.exists()


def test_a_process_that_ends_by_itself_takes_its_guard_with_it(machine, state, holder):
    holder.stdin.close()

    assert said_by_all(holder) == ""
    assert holder.wait() == 0
    assert current(machine, "governor", "policy0") == "ondemand"
    assert not state.exists()


def test_what_cannot_be_set_back_is_said_with_the_command_that_can(machine, state, holder):
    state.write_text("{")
    holder.kill()

    said = said_by_all(holder)
    assert "the machine stays tuned" in said
    assert "tune --restore" in said
    assert said.count("\n") == 1


def test_a_process_that_only_waits_for_its_parent_has_nothing_tuned(machine, state):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as ended:
        tune(machine, Wanted(governor="performance"), state, process=ended.pid)
        ended.kill()
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        set_back_for(machine, state, ended.pid)
    assert current(machine, "governor", "policy0") == "ondemand"


@pytest.mark.parametrize("owner", [None, os.getpid()], ids=["person", "process"])
def test_what_somebody_else_keeps_tuned_is_left(machine, state, owner):
    tune(machine, Wanted(governor="performance"), state, process=owner)
    kept = read_state(state)

    set_back_for(machine, state, 4_194_305)

    assert read_state(state) == kept
    assert current(machine, "governor", "policy0") == "performance"
