"""A command measured as a user measures it: a real sampler process on the simulated chip."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from calibrate.files import OutputError, require_writable
from calibrate.windows.window import WindowTiming
from joulesplit.errors import CommandError
from joulesplit.measuring.program_runs import _keep_each_s

COMMAND = (sys.executable, "-m", "joulesplit", "measure", "--sensor", "simulated")
live = [pytest.mark.live, pytest.mark.xdist_group("real-time")]
REJECTED, INTERRUPTED = 6, 130


def measure(*arguments):
    outcome = subprocess.run(
        [*COMMAND, "--idle-s", "0.2", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if outcome.returncode == 4 and "reduce the load" in outcome.stderr:
        pytest.skip("this machine is too busy to sample in real time")
    return outcome


@pytest.mark.live
@pytest.mark.xdist_group("real-time")
def test_json_is_one_object_and_the_file_holds_the_same(tmp_path):
    file = tmp_path / "energy.json"

    outcome = measure("--runs", 2, "--json", "-o", file, "--", "sh", "-c", "echo hello; sleep 0.3")

    assert outcome.returncode == REJECTED, outcome.stderr
    (line,) = outcome.stdout.splitlines()
    document = json.loads(line)
    assert document == json.loads(file.read_text())
    assert outcome.stderr.splitlines().count("hello") == 2
    assert document["origin"] == "simulated"
    assert document["simulated"] is True
    assert document["command"] == ["sh", "-c", "echo hello; sleep 0.3"]
    assert "power-follows" in {c["name"] for c in document["quality"]["checks"]}
    runs, gross = document["runs"], document["energy_j"]["gross"]
    assert [run["work_s"] >= 0.3 for run in runs] == [True, True]
    assert gross["n"] == 2
    assert gross["value"] == pytest.approx(sum(run["gross_j"] for run in runs) / 2)
    # Its power goes on as idle: what the board draws then is what the runs cost.
    expected_j = document["idle_power_w"]["value"] * document["duration_s"]["value"]
    assert gross["value"] == pytest.approx(expected_j, rel=0.05)


@pytest.mark.live
@pytest.mark.xdist_group("real-time")
def test_one_run_is_reported_without_interval_and_every_line_says_simulated():
    outcome = measure("--runs", 1, "--", "sh", "-c", "echo hello; sleep 0.3")

    assert outcome.returncode == REJECTED, outcome.stderr
    assert outcome.stdout.startswith("hello\n")
    assert "One run has no scatter" in outcome.stdout
    assert "knows nothing of the command" in outcome.stdout
    assert all(told.startswith("SIMULATED") for told in outcome.stderr.splitlines())
    assert "MEASURED" not in outcome.stdout


@pytest.mark.live
@pytest.mark.xdist_group("real-time")
def test_a_command_that_fails_ends_the_measurement_and_keeps_its_output():
    outcome = measure("--runs", 9, "--", "sh", "-c", "echo half; exit 3")

    assert outcome.returncode == 6
    assert outcome.stdout == "half\n"
    (error,) = (line for line in outcome.stderr.splitlines() if "SIMULATED" not in line)
    assert error.startswith("joulesplit: error: sh -c 'echo half; exit 3' ended with exit code 3")


@pytest.mark.live
@pytest.mark.xdist_group("real-time")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("to_all", [True, False], ids=["all", "us"])
def test_a_request_to_end_ends_command_and_sampler_too(ending, to_all):
    """A terminal sends Ctrl-C to every process in front; `kill` only to one."""
    with subprocess.Popen(
        [*COMMAND, "--idle-s", "0.2", "--", "sh", "-c", "echo begun; exec sleep 100"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "begun\n", process.communicate()[1]
        family = psutil.Process(process.pid).children(recursive=True)
        if to_all:
            os.killpg(process.pid, ending)
        else:
            process.send_signal(ending)
        _, told = process.communicate(timeout=30)

    assert process.returncode == INTERRUPTED, told
    assert told.endswith("interrupted\n")
    assert any("sleep" in child for child in NAMES(family)) is False
    assert len(family) >= 2
    assert psutil.wait_procs(family, timeout=10)[1] == []


def NAMES(family):
    for child in family:
        try:
            yield child.name()
        except psutil.NoSuchProcess:
            continue


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--", "jouleless"), 2, "there is no program 'jouleless'"),
        (("--runs", "0", "--", "true"), 2, "--runs"),
        (("--idle-s", "0", "--", "true"), 2, "--idle-s"),
        (("-o", "none/energy.json", "--", "true"), 3, "none/energy.json"),
        ((), 2, "COMMAND"),
        (("true", "-l"), 2, "-l"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_measured(
    joulesplit, tmp_path, monkeypatch, arguments, code, says
):
    monkeypatch.chdir(tmp_path)

    outcome = joulesplit("measure", "--sensor", "simulated", *arguments)

    assert (outcome.code, outcome.out) == (code, "")
    assert says in outcome.err


def test_a_file_is_not_replaced_unasked(joulesplit, tmp_path):
    file = tmp_path / "energy.json"
    file.write_text("mine")

    outcome = joulesplit("measure", "--sensor", "simulated", "-o", file, "--", "true")

    assert outcome.code == 2
    assert "--force" in outcome.err
    assert file.read_text() == "mine"


def test_a_json_of_the_commands_own_is_not_taken_for_ours(joulesplit):
    own = joulesplit("measure", "--sensor", "simulated", "--", "jouleless", "--json")
    ours = joulesplit("measure", "--sensor", "simulated", "--json", "--", "jouleless")

    assert (own.code, own.out) == (2, "")
    assert ours.json["error"]["code"] == 2


def test_idle_times_that_the_sampler_does_not_hold_are_refused():
    # 65,536 readings of 1 ms: half of them for the idle, a quarter until a run is looked after.
    fits = WindowTiming(idle_s=32.0, settle_s=0.7)
    assert _keep_each_s(fits, 1e-3) == pytest.approx(16.384)
    with pytest.raises(CommandError, match="33 s together at most"):
        _keep_each_s(WindowTiming(idle_s=32.0, settle_s=0.8), 1e-3)
