"""A real campaign in real time: Ctrl-C, a kill, then the rest of it. The sensor is simulated."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from joulesplit.calibrate.instrument._camera_picture import CONVERT, PICTURE
from joulesplit.calibrate.instrument._phase_bench import FIRST_INFERENCE
from joulesplit.calibrate.journal import read_journal
from joulesplit.cli._resources import bundled

MODEL = bundled("models/mobilenet_v2_1.0_224_int8.tflite")
PLAN = """
base = "quick"
rests = 0
work_s = [0.1, 0.2]
control_every = 40
heads = [2]
whole = true
phases = true
downloads = true
"""

SHORT_PLAN = """
base = "quick"
rests = 0
blocks = [20, 40]
work_s = [0.1, 0.2]
repeats = 3
rates_bit_per_s = [10e6, 20e6]
upload_sizes = 2
upload_s = 0.2
control_every = 9
"""
PATIENCE_S = 200

pytestmark = pytest.mark.live


def calibrate(directory, *options: str, **variables: str) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-m", "joulesplit", "calibrate"]
    return subprocess.Popen(
        [*arguments, "-o", str(directory / "p.json"), *options, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **variables},
        # A process group of its own, as a shell gives it; Ctrl-C goes to all of it.
        start_new_session=True,
    )


def windows_in(journal) -> int:
    return journal.read_bytes().count(b'"window":') if journal.exists() else 0


def wait_for_windows(process, journal, count):
    while windows_in(journal) < count:
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.05)


def tasks_of(journal):
    return [record.task for record in read_journal(journal).records]


def test_an_interrupted_campaign_ends_in_good_order_and_can_be_gone_on_with(tmp_path, needs_pillow):
    (tmp_path / "plan.toml").write_text(PLAN)
    journal = tmp_path / "p.windows.jsonl"
    measuring = (str(MODEL), "--sensor", "simulated")
    first = calibrate(tmp_path, *measuring, "--plan", str(tmp_path / "plan.toml"))
    wait_for_windows(first, journal, 5)

    first.send_signal(signal.SIGINT)
    _, told = first.communicate(timeout=60)

    assert first.returncode == 130, told.decode()
    assert f"--resume {journal}" in told.decode()
    interrupted = read_journal(journal)
    assert interrupted.ended.opinion is None
    assert not (tmp_path / "p.json").exists()

    second = calibrate(tmp_path, *measuring, "--resume", str(journal))
    out, told = second.communicate(timeout=200)

    assert second.returncode in (0, 6), told.decode()
    contents = read_journal(journal)
    assert contents.records[: len(interrupted.records)] == interrupted.records
    assert contents.ended.opinion.reached
    profile = json.loads(out)
    assert [head["last_block"] for head in profile["compute"]["heads"]] == [2, 20]
    phases = {phase["name"] for phase in profile["compute"]["phases"]}
    assert phases >= {FIRST_INFERENCE, PICTURE, CONVERT}
    assert profile["link"]["downlink"] or profile["quality"]["verdict"] != "valid"
    assert 1.0 < profile["link"]["uplink"]["socket_bits_per_payload_bit"] < 1.2

    again = calibrate(tmp_path, "--reanalyse", str(journal), "--force")
    out_again, _ = again.communicate(timeout=60)
    assert json.loads(out_again) == profile


def test_without_pillow_no_picture_is_decoded_and_with_it_that_campaign_may_not_go_on(
    tmp_path, needs_pillow
):
    without = tmp_path / "without"
    without.mkdir()
    (without / "PIL.py").write_text("raise ImportError")
    (tmp_path / "plan.toml").write_text(PLAN)
    journal = tmp_path / "p.windows.jsonl"
    measuring = (str(MODEL), "--sensor", "simulated")
    plan = ("--plan", str(tmp_path / "plan.toml"))
    first = calibrate(tmp_path, *measuring, *plan, PYTHONPATH=str(without))
    wait_for_windows(first, journal, 1)
    first.send_signal(signal.SIGINT)
    _, told = first.communicate(timeout=60)

    assert first.returncode == 130, told.decode()
    assert f"is not measured; {sys.executable} -m pip install Pillow" in told.decode()
    timed = read_journal(journal).start.unit_s.keys()
    assert FIRST_INFERENCE in timed
    assert PICTURE not in timed

    kept = journal.read_bytes()
    second = calibrate(tmp_path, *measuring, "--resume", str(journal))
    out, told = second.communicate(timeout=60)
    assert second.returncode == 3, told.decode()
    message = json.loads(out)["error"]["message"]
    assert f"'{PICTURE}' can be measured and could not then; go on with the libraries" in message
    assert "goes on" not in message
    assert "Pillow" not in told.decode()
    assert journal.read_bytes() == kept


def test_a_campaign_killed_and_cut_short_does_the_windows_of_one_that_ran_through(tmp_path):
    """Killed at random, interrupted late, finished; then once more from the start in one go."""
    (tmp_path / "plan.toml").write_text(SHORT_PLAN)
    journal, through = tmp_path / "p.windows.jsonl", tmp_path / "through.windows.jsonl"
    measuring = (str(MODEL), "--sensor", "simulated")
    killed_after = random.SystemRandom().randrange(1, 15)

    first = calibrate(tmp_path, *measuring, "--plan", str(tmp_path / "plan.toml"))
    wait_for_windows(first, journal, killed_after)
    children = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.communicate(timeout=PATIENCE_S)
    assert children, "the sampler and the edge server"
    assert psutil.wait_procs(children, timeout=PATIENCE_S)[1] == [], "nobody outlives it"
    assert read_journal(journal).ended is None
    kept = read_journal(journal).records

    second = calibrate(tmp_path, *measuring, "--resume", str(journal))
    wait_for_windows(second, journal, 27)
    second.send_signal(signal.SIGINT)
    out, told = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 130, (killed_after, told.decode())
    partial = json.loads(out)
    assert json.loads((tmp_path / "p.json").read_bytes()) == partial
    assert partial["quality"]["verdict"] != "valid"
    (complete,) = (c for c in partial["quality"]["checks"] if c["name"] == "complete")
    assert complete["outcome"] == "warn"
    assert "the profile is marked so" in told.decode()

    third = calibrate(tmp_path, *measuring, "--resume", str(journal))
    out, told = third.communicate(timeout=PATIENCE_S)
    assert third.returncode in (0, 6), (killed_after, told.decode())
    assert "going on" in told.decode()
    assert re.search(r"^\d+ of \d+ windows are left, about \d+ s$", told.decode(), re.MULTILINE)
    assert "plan plan.toml" not in told.decode(), "the time of the whole plan is not what is left"
    (complete,) = (c for c in json.loads(out)["quality"]["checks"] if c["name"] == "complete")
    assert complete["outcome"] == "pass"
    assert read_journal(journal).records[: len(kept)] == kept

    # The same campaign, with the same pilot, that nothing comes in between of.
    header_and_beginning = journal.read_bytes().splitlines(keepends=True)[:2]
    through.write_bytes(b"".join(header_and_beginning))
    uncut = calibrate(tmp_path, *measuring, "--resume", str(through), "-o", str(tmp_path / "t"))
    _, told = uncut.communicate(timeout=PATIENCE_S)
    assert uncut.returncode in (0, 6), told.decode()
    assert read_journal(through).finished
    assert tasks_of(journal) == tasks_of(through), killed_after


def sampler_of(process) -> psutil.Process:
    (sampler,) = (
        child
        for child in psutil.Process(process.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    )
    return sampler


def test_a_campaign_whose_sampler_dies_keeps_its_windows_and_says_how_to_go_on(tmp_path):
    """With --force over an older campaign, of which nothing may be left."""
    (tmp_path / "plan.toml").write_text(SHORT_PLAN)
    output, journal = tmp_path / "p.json", tmp_path / "p.windows.jsonl"
    output.write_text("an older profile")
    journal.write_text("an older journal")
    measuring = (str(MODEL), "--sensor", "simulated")
    first = calibrate(tmp_path, *measuring, "--plan", str(tmp_path / "plan.toml"), "--force")
    wait_for_windows(first, journal, 27)
    sampler_of(first).kill()
    out, told = first.communicate(timeout=PATIENCE_S)

    assert first.returncode == 4, told.decode()
    message = json.loads(out)["error"]["message"]
    kept = len(read_journal(journal).records)
    again = f"{kept} windows are kept: the same command with --resume {journal} goes on"
    assert message.endswith(f"; {again}")
    assert again in told.decode()
    (complete,) = (
        check
        for check in json.loads(output.read_bytes())["quality"]["checks"]
        if check["name"] == "complete"
    )
    assert complete["outcome"] == "warn"

    second = calibrate(tmp_path, *measuring, "--resume", str(journal))
    _, told = second.communicate(timeout=PATIENCE_S)
    assert second.returncode in (0, 6), told.decode()
    assert read_journal(journal).finished


def test_ctrl_c_before_anything_is_measured_says_nothing_of_an_older_campaign(tmp_path):
    output, journal = tmp_path / "p.json", tmp_path / "p.windows.jsonl"
    output.write_text("an older profile")
    journal.write_text("an older journal")
    process = calibrate(tmp_path, str(MODEL), "--sensor", "simulated", "--quick", "--force")
    while not psutil.Process(process.pid).children():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=60)

    assert process.returncode == 130, told.decode()
    assert told.decode().endswith("interrupted before anything was measured\n")
    assert "--resume" not in told.decode()
    error = json.loads(out)["error"]
    assert (error["code"], error["message"]) == (130, "interrupted before anything was measured")
    assert journal.read_text() == "an older journal", "nothing was begun, so nothing went"


def test_the_time_announced_is_that_of_the_plan_as_the_sensor_stretches_it(tmp_path):
    """Once a plan was announced as written, and the first line of progress said otherwise."""
    # Of more than a hundred seconds minutes are left.
    plan = SHORT_PLAN.replace("repeats = 3", "repeats = 2")
    (tmp_path / "plan.toml").write_text(f"{plan}\n[limits]\nedge_term = 0.004\n")
    journal = tmp_path / "p.windows.jsonl"

    process = calibrate(
        tmp_path, str(MODEL), "--sensor", "simulated", "--plan", str(tmp_path / "plan.toml")
    )
    wait_for_windows(process, journal, 1)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=PATIENCE_S)[1].decode()

    (announced_s,) = re.findall(r"^plan plan: .*; about (\d+) s$", told, re.MULTILINE)
    left_s = re.findall(r"^measuring: 0/\d+ (\d+) s left", told, re.MULTILINE)[0]
    assert int(left_s) == pytest.approx(int(announced_s), rel=0.2), told


UNREACHABLE_GOAL = """
base = "quick"
rests = 0
blocks = [20, 40]
work_s = [0.1, 0.2]
repeats = 2
rates_bit_per_s = [10e6, 20e6]
upload_sizes = 2
upload_s = 0.2
control_every = 9
[stop]
rule = "precision"
relative_half_width = 1e-6
looks = {looks}
"""


def test_a_campaign_that_missed_its_goal_goes_on_with_a_plan_of_more_looks(tmp_path):
    """Its earlier looks are asked again by the plan of their time, and say the same."""
    journal = tmp_path / "p.windows.jsonl"
    measuring = (str(MODEL), "--sensor", "simulated")
    for looks in (1, 2, 3):
        (tmp_path / f"{looks}.toml").write_text(UNREACHABLE_GOAL.format(looks=looks))

    def run(*options):
        process = calibrate(tmp_path, *measuring, *options)
        _, told = process.communicate(timeout=PATIENCE_S)
        assert process.returncode in (0, 6), told.decode()
        return told.decode(), read_journal(journal)

    _, first = run("--plan", str(tmp_path / "1.toml"))
    assert "1 round is done" in first.ended.opinion.reason
    told, again = run("--resume", str(journal))
    assert "nothing is left to measure" in told
    assert again.records == first.records

    records = first.records
    for looks in (2, 3):
        told, extended = run("--resume", str(journal), "--plan", str(tmp_path / f"{looks}.toml"))
        assert "going on" in told
        assert extended.records[: len(records)] == records
        assert len(extended.records) > len(records)
        assert f"{looks} rounds are done" in extended.ended.opinion.reason
        records = extended.records
    told, _ = run("--resume", str(journal))
    assert "nothing is left to measure" in told
