"""A command measured as a user measures it: a real sampler process on the simulated chip."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import file_driven_sensor
from file_driven_sensor import CYCLE_NS, IDLE_W, MORE_W
from joulesplit.calibrate.campaign._program_runs import _keep_each_s
from joulesplit.calibrate.errors import IdleTooLongError
from joulesplit.calibrate.windows import WindowTiming
from joulesplit.cli.commands._measure import command

COMMAND = (sys.executable, "-m", "joulesplit", "measure", "--sensor", "simulated")
REJECTED, INTERRUPTED = 6, 130
CYCLE_S = CYCLE_NS * 1e-9


def measure(*arguments):
    outcome = subprocess.run(
        [*COMMAND, "--idle-s", "0.2", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if outcome.returncode == 4 and "reduce the load" in outcome.stderr:
        pytest.skip("this machine is too busy to sample in real time")
    return outcome


@pytest.fixture
def installed(tmp_path):
    """Return an environment in which the file-driven sensor is an installed plug-in."""
    metadata = tmp_path / "file_driven-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: file-driven\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[joulesplit.sensors]\nfile-driven = file_driven_sensor:open_sensor\n"
    )
    made_in = Path(file_driven_sensor.__file__).parent
    return {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{made_in}"}


@pytest.mark.live
@pytest.mark.alone("a sampler reads in real time: with every core busy it loses conversions")
def test_what_a_command_draws_beyond_idle_is_its_net_energy(tmp_path, installed):
    switch = tmp_path / "switch"
    work = f"touch {switch}; sleep 0.4; rm {switch}"
    arguments = ["--sensor", "file-driven", "--trace", str(switch), "--json", "--runs", "2"]

    outcome = subprocess.run(
        [*COMMAND[:4], *arguments, "--idle-s", "0.2", "--", "sh", "-c", work],
        capture_output=True, text=True, timeout=60, check=False, env=installed,
    )  # fmt: skip

    assert outcome.stdout, outcome.stderr
    document = json.loads(outcome.stdout)
    assert (document["origin"], document["simulated"]) == ("measured", False)
    if any(run["lost_s"] for run in document["runs"]):
        pytest.skip("this machine is too busy to sample in real time")
    longest_s = 1.5 * CYCLE_S  # a longer step counts as a loss
    for run in document["runs"]:
        # The file is there for 0.4 s at least, and never longer than the command runs.
        assert MORE_W * (0.4 - longest_s) < run["net_j"] < MORE_W * (run["work_s"] + longest_s)
        assert run["idle_power_w"] == pytest.approx(IDLE_W)
        assert run["gross_j"] == pytest.approx(run["net_j"] + IDLE_W * run["work_s"])
    checks = {check["name"]: check["outcome"] for check in document["quality"]["checks"]}
    passed = ("power-follows", "repeated-runs", "run-length", "net-above-zero", "idle-sides")
    assert {checks[name] for name in passed} == {"pass"}


@pytest.mark.live
@pytest.mark.alone("a sampler reads in real time: with every core busy it loses conversions")
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


@pytest.mark.parametrize("option", ["--idle-s", "--settle-s"])
def test_what_is_not_a_number_is_a_usage_error(joulesplit, option):
    """It compares with nothing, so that it was in every range."""
    outcome = joulesplit("measure", "--sensor", "simulated", option, "nan", "--", "true")
    assert outcome.code == 2
    assert "nan is not a number" in outcome.err


@pytest.mark.parametrize("command", ["measure", "monitor"])
def test_a_seed_below_zero_is_a_usage_error(joulesplit, command):
    behind = ("--", "true") if command == "measure" else ()
    assert joulesplit(command, "--sensor", "simulated", "--seed", -1, *behind).code == 2


def told_of_itself(outcome):
    """Return what went to standard error, but what else happens to run on this machine."""
    return [told for told in outcome.stderr.splitlines() if "other programs use" not in told]


@pytest.mark.live
@pytest.mark.alone("a sampler reads in real time: with every core busy it loses conversions")
def test_one_run_is_reported_without_interval_and_every_line_says_simulated():
    outcome = measure("--runs", 1, "--", "sh", "-c", "echo hello; sleep 0.3")

    assert outcome.returncode == REJECTED, outcome.stderr
    assert outcome.stdout.startswith("hello\n")
    assert "One run has no scatter" in outcome.stdout
    assert "knows nothing of the command" in outcome.stdout
    assert all(told.startswith("SIMULATED") for told in told_of_itself(outcome))
    assert "MEASURED" not in outcome.stdout


@pytest.mark.live
@pytest.mark.alone("a sampler reads in real time: with every core busy it loses conversions")
def test_a_command_that_fails_ends_the_measurement_and_keeps_its_output():
    outcome = measure("--runs", 9, "--", "sh", "-c", "echo half; exit 3")

    assert outcome.returncode == 6
    assert outcome.stdout == "half\n"
    (error,) = (line for line in told_of_itself(outcome) if "SIMULATED" not in line)
    assert error.startswith("joulesplit: error: sh -c 'echo half; exit 3' ended with exit code 3")


@pytest.mark.live
@pytest.mark.alone("a sampler reads in real time: with every core busy it loses conversions")
@pytest.mark.parametrize(("ending", "to_all"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
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
    assert len(family) >= 2
    assert psutil.wait_procs(family, timeout=10)[1] == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--", "jouleless"), 2, "there is no program 'jouleless'"),
        (("--runs", "0", "--", "true"), 2, "--runs"),
        (("--idle-s", "0", "--", "true"), 2, "--idle-s"),
        (("-o", "none/energy.json", "--", "true"), 3, "none/energy.json"),
        ((), 2, "COMMAND"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_measured(joulesplit, arguments, code, says):
    outcome = joulesplit("measure", "--sensor", "simulated", *arguments)

    assert (outcome.code, outcome.out) == (code, "")
    assert says in outcome.err


@pytest.mark.parametrize("before", [(), ("--",)])
def test_the_first_word_of_the_command_ends_our_own_options(before):
    """`measure … echo --force hi --seed 4` ran `echo hi`: another command than was typed."""
    typed = ("echo", "--force", "hi", "--seed", "4", "-o", "x", "--json")
    asked = command.make_context("measure", ["--sensor", "simulated", *before, *typed]).params

    assert asked["arguments"] == typed
    assert (asked["force"], asked["seed"], asked["output"]) == (False, 1, None)


def test_a_file_is_not_replaced_unasked(joulesplit, tmp_path):
    file = tmp_path / "energy.json"
    file.write_text("mine")

    outcome = joulesplit("measure", "--sensor", "simulated", "-o", file, "--", "true")

    assert outcome.code == 2
    assert "--force" in outcome.err
    assert file.read_text() == "mine"


def test_behind_the_commands_first_word_a_json_is_not_ours_without_dashes_either(joulesplit):
    own = joulesplit("measure", "--sensor", "simulated", "jouleless", "--json")
    ours = joulesplit("measure", "--json", "--sensor", "simulated", "jouleless", "--json")
    assert (own.code, own.out) == (2, "")
    assert "jouleless" in own.err
    assert ours.json["error"]["code"] == 2


def test_a_json_of_the_commands_own_is_not_taken_for_ours(joulesplit):
    own = joulesplit("measure", "--sensor", "simulated", "--", "jouleless", "--json")
    ours = joulesplit("measure", "--sensor", "simulated", "--json", "--", "jouleless")

    assert (own.code, own.out) == (2, "")
    assert ours.json["error"]["code"] == 2


def test_idle_times_that_the_sampler_does_not_hold_are_refused():
    # 65,536 readings of 1 ms: half of them for the idle, a quarter until a run is looked after.
    fits = WindowTiming(idle_s=32.0, settle_s=0.7)
    assert _keep_each_s(fits, 1e-3) == pytest.approx(16.384)
    with pytest.raises(IdleTooLongError, match="33 s together at most"):
        _keep_each_s(WindowTiming(idle_s=32.0, settle_s=0.8), 1e-3)
