"""A real campaign in real time: Ctrl-C, then the rest of it. The sensor is simulated."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from calibrate.campaign.journal import read_journal
from joulesplit.resources import bundled

MODEL = bundled("models/mobilenet_v2_1.0_224_int8.tflite")
PLAN = """
base = "quick"
work_s = [0.1, 0.2]
control_every = 40
heads = [2]
whole = true
phases = true
downloads = true
"""

pytestmark = pytest.mark.live


def calibrate(directory, *options: str) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-m", "joulesplit", "calibrate"]
    return subprocess.Popen(
        [*arguments, *options, "-o", str(directory / "p.json"), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A process group of its own, as a shell gives it; Ctrl-C goes to all of it.
        start_new_session=True,
    )


def windows_in(journal) -> int:
    return journal.read_bytes().count(b'"window":') if journal.exists() else 0


def test_an_interrupted_campaign_ends_in_good_order_and_can_be_gone_on_with(tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    journal = tmp_path / "p.windows.jsonl"
    measuring = (str(MODEL), "--sensor", "simulated")
    first = calibrate(tmp_path, *measuring, "--plan", str(tmp_path / "plan.toml"))
    while windows_in(journal) < 5:
        assert first.poll() is None, first.communicate()[1].decode()
        time.sleep(0.05)

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
    assert {phase["name"] for phase in profile["compute"]["phases"]} >= {"first inference"}
    assert profile["link"]["downlink"] or profile["quality"]["verdict"] != "valid"
    assert 1.0 < profile["link"]["uplink"]["socket_bits_per_payload_bit"] < 1.2

    again = calibrate(tmp_path, "--reanalyse", str(journal), "--force")
    out_again, _ = again.communicate(timeout=60)
    assert json.loads(out_again) == profile
