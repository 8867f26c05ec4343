"""Tuning on a tree of files and a radio that remembers; the kill is a real one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from joulesplit.calibrate.environment import Machine, program, read_state, state_path, tuned
from joulesplit.calibrate.environment._tuning import (
    Wanted,
    current,
    present_settings,
    restore,
    tune,
)
from joulesplit.calibrate.errors import TuningError

QUIET = Wanted(governor="performance", wifi_power_save="off")
BEFORE = {"policy0": "ondemand", "policy4": "schedutil"}


def iw(root):
    """Return a runner that answers for one radio, whose state is a file."""
    state = root / "power_save"

    def run(arguments):
        if arguments[:3] != ("iw", "dev", "wlan0"):
            return None
        if arguments[3:] == ("get", "power_save"):
            return f"Power save: {state.read_text()}\n"
        state.write_text(arguments[5])
        return ""

    return run


@pytest.fixture
def machine(tmp_path):
    root = tmp_path / "root"
    for policy, governor in BEFORE.items():
        path = root / "sys/devices/system/cpu/cpufreq" / policy
        path.mkdir(parents=True)
        (path / "scaling_governor").write_text(f"{governor}\n")
        (path / "scaling_available_governors").write_text("ondemand performance schedutil\n")
    (root / "sys/class/net/wlan0/wireless").mkdir(parents=True)
    (root / "power_save").write_text("on")
    (root / "proc/sys/kernel/random").mkdir(parents=True)
    (root / "proc/sys/kernel/random/boot_id").write_text("boot-1\n")
    # Processes are those of this machine: a killed one is gone from here too.
    for path in Path("/proc").iterdir():
        if path.name == str(os.getpid()):
            (root / "proc" / path.name).symlink_to(path)
    return Machine(root=root, run=iw(root))


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state/tuned.json"


def settings(machine):
    present = present_settings(machine)
    return {**present["governor"], **present["wifi-power-save"]}


UNTOUCHED = {**BEFORE, "wlan0": "on"}
TUNED = {"policy0": "performance", "policy4": "performance", "wlan0": "off"}


def test_what_was_there_before_comes_back(machine, state):
    tune(machine, QUIET, state)
    assert settings(machine) == TUNED

    restored = restore(machine, state)

    assert settings(machine) == UNTOUCHED
    assert {setting.name for setting in restored.settings} == {"policy0", "policy4", "wlan0"}
    assert not state.exists()
    assert restore(machine, state).settings == ()


def test_tuning_twice_still_brings_back_the_first_state(machine, state):
    tune(machine, Wanted(governor="performance"), state)
    tune(machine, Wanted(governor="ondemand", wifi_power_save="off"), state)
    assert settings(machine) == {"policy0": "ondemand", "policy4": "ondemand", "wlan0": "off"}

    restore(machine, state)

    assert settings(machine) == UNTOUCHED


def test_what_somebody_else_set_since_is_left(machine, state):
    tune(machine, QUIET, state)
    governor = machine.root / "sys/devices/system/cpu/cpufreq/policy0/scaling_governor"
    governor.write_text("powersave\n")

    restored = restore(machine, state)

    assert [setting.name for setting in restored.left] == ["policy0"]
    assert settings(machine) == {**UNTOUCHED, "policy0": "powersave"}


def test_a_block_sets_back_on_the_way_out_even_through_an_error(machine, state):
    def fail_inside():
        with tuned(machine, QUIET, state):
            assert settings(machine) == TUNED
            assert read_state(state).owner.process == os.getpid()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert settings(machine) == UNTOUCHED
    assert not state.exists()


def test_a_block_leaves_what_a_person_had_set_to_stay(machine, state):
    tune(machine, Wanted(governor="performance"), state)
    kept = read_state(state)

    with tuned(machine, QUIET, state):
        assert settings(machine) == TUNED

    assert settings(machine) == {**TUNED, "wlan0": "on"}
    assert read_state(state) == kept
    restore(machine, state)
    assert settings(machine) == UNTOUCHED


def test_half_a_tuning_is_undone(machine, state):
    deaf = Machine(
        root=machine.root,
        run=lambda line: "Power save: on\n" if line[3] == "get" else None,
    )

    with pytest.raises(TuningError, match="wlan0 did not become off: run this with sudo"):
        tune(deaf, QUIET, state)

    assert settings(machine) == UNTOUCHED
    assert not state.exists()


def test_a_governor_that_does_not_take_is_refused_with_what_there_is(machine, state):
    """A process's own name stands for the kernel's file: it keeps 15 characters of what is said."""
    comm = Path("/proc/self/comm")
    name = comm.read_text().strip()  # else it would be called so, line break and all
    kernel = machine.root / "sys/devices/system/cpu/cpufreq/policy0/scaling_governor"
    kernel.unlink()
    kernel.symlink_to(comm)
    for offered in kernel.parents[1].glob("*/scaling_available_governors"):
        offered.write_text("ondemand performance a-governor-of-twenty\n")
    try:
        with pytest.raises(TuningError, match=r"policy0 did not become .*ondemand performance"):
            tune(machine, Wanted(governor="a-governor-of-twenty"), state)
    finally:
        comm.write_text(name)


def test_nothing_to_tune_is_said_and_nothing_is_written(tmp_path, state):
    bare = Machine(root=tmp_path, run=lambda _: None)

    with pytest.raises(TuningError, match="leave out --governor"):
        tune(bare, Wanted(governor="performance"), state)
    with pytest.raises(TuningError, match="leave out --wifi-power-save"):
        tune(bare, Wanted(wifi_power_save="off"), state)
    assert not state.exists()


def test_without_iw_power_save_is_not_touched(machine, state):
    silent = Machine(root=machine.root, run=lambda _: None)

    with pytest.raises(TuningError, match="could not be set back: sudo apt install iw"):
        tune(silent, QUIET, state)
    assert settings(machine) == UNTOUCHED


def test_without_the_right_to_write_the_command_to_run_is_said(machine, state):
    """The identity of a boot can be read by everybody and written by nobody."""
    kernel = machine.root / "sys/devices/system/cpu/cpufreq/policy0/scaling_governor"
    kernel.unlink()
    kernel.symlink_to("/proc/sys/kernel/random/boot_id")

    with pytest.raises(TuningError, match=f"sudo {program()} tune --governor performance"):
        tune(machine, Wanted(governor="performance"), state)
    assert not state.exists()


def test_if_it_cannot_be_written_down_nothing_is_set(machine):
    nowhere = Path("/proc/self/nowhere/tuned.json")

    with pytest.raises(TuningError, match="nothing was set"):
        tune(machine, QUIET, nowhere)
    assert settings(machine) == UNTOUCHED


def test_a_boot_has_set_everything_back(machine, state):
    tune(machine, QUIET, state)
    (machine.root / "proc/sys/kernel/random/boot_id").write_text("boot-2\n")

    restored = restore(machine, state)

    assert restored.rebooted
    assert settings(machine) == TUNED, "what the new boot is set to is its own affair"
    assert not state.exists()


def test_a_damaged_state_is_said_and_kept(machine, state):
    state.parent.mkdir()
    state.write_text('{"boot": 1')

    with pytest.raises(TuningError, match="damaged"):
        restore(machine, state)
    assert state.exists()


def test_the_state_is_kept_where_the_environment_says():
    assert str(state_path({"XDG_STATE_HOME": "/x"})) == "/x/joulesplit/tuned.json"
    assert state_path({}, as_root=False) == Path.home() / ".local/state/joulesplit/tuned.json"
    assert state_path({"XDG_STATE_HOME": "relative"}) == state_path({})


HOLDER = """
import sys
from pathlib import Path
from joulesplit.calibrate.environment._machine import Machine
from joulesplit.calibrate.environment._tuning import Wanted, tuned
root, state = Path(sys.argv[1]), Path(sys.argv[2])
with tuned(Machine(root=root), Wanted(governor="performance"), state):
    print("tuned", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(machine, state):
    """Start a process that tunes the machine until its standard input is closed."""
    started = []

    def start():
        (machine.root / "proc").rename(machine.root / "own-proc")
        (machine.root / "proc").symlink_to("/proc")
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(machine.root), str(state)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "tuned\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_killed_process_leaves_the_way_back(machine, state, holder):
    process = holder()
    assert current(machine, "governor", "policy4") == "performance"
    with pytest.raises(TuningError, match=f"process {process.pid} has tuned this machine"):
        restore(machine, state)

    process.send_signal(signal.SIGKILL)
    process.wait()

    assert current(machine, "governor", "policy4") == "performance"
    restored = restore(machine, state)
    assert {setting.name for setting in restored.settings} == {"policy0", "policy4"}
    assert settings(machine) == UNTOUCHED
    assert not state.exists()


def test_the_next_block_first_sets_back_what_a_killed_one_left(machine, state, holder):
    process = holder()
    process.kill()
    process.wait()

    with tuned(machine, Wanted(wifi_power_save="off"), state):
        assert settings(machine) == {**BEFORE, "wlan0": "off"}
    assert settings(machine) == UNTOUCHED


def test_a_process_that_ends_by_itself_sets_back(machine, state, holder):
    process = holder()
    process.communicate("")

    assert process.returncode == 0
    assert settings(machine) == UNTOUCHED
    assert not state.exists()
