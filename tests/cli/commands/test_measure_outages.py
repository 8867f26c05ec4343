"""`measure` where the sensor fails for a moment, or the measurement is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import failing_sensor

pytestmark = [
    pytest.mark.live,
    pytest.mark.alone("a sampler reads in real time: with every core busy it loses conversions"),
]
MEASURE = (sys.executable, "-m", "joulesplit", "measure", "--idle-s", "0.3", "--runs", "3")
SOURCE = ("--sensor", "failing", "--trace", "held")
REJECTED, SENSOR, USAGE, FILE = 6, 4, 2, 3


@pytest.fixture
def measure(tmp_path):
    """Return what starts `measure` with the failing sensor as an installed plug-in."""
    metadata = tmp_path / "failing-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: failing\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[joulesplit.sensors]\nfailing = failing_sensor:open_sensor\n"
    )
    made_in = Path(failing_sensor.__file__).parent
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{made_in}"}

    def start(*arguments, script):
        return subprocess.Popen(
            [*MEASURE, *SOURCE, *arguments, "--", "sh", "-c", script],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=env,
        )  # fmt: skip

    return start


def runs_in(directory):
    return len((directory / "runs").read_text().splitlines())


SECOND_BREAKS = """
echo run >> runs; sleep 0.2
if [ $(wc -l < runs) = 2 ]; then touch held; sleep 0.1; rm held; fi
"""


def test_an_outage_of_100_ms_keeps_the_finished_runs_and_repeats_the_broken_one(tmp_path, measure):
    with measure("-o", "energy.json", script=SECOND_BREAKS) as process:
        _, told = process.communicate(timeout=60)

    assert process.returncode == REJECTED, told  # simulated: power-follows, and nothing else
    document = json.loads((tmp_path / "energy.json").read_text())
    failed = [c["name"] for c in document["quality"]["checks"] if c["outcome"] == "fail"]
    assert (failed[0], document["outages"]) == ("power-follows", 1)
    assert len(document["runs"]) == 3
    assert runs_in(tmp_path) == 4
    assert not (tmp_path / "energy.json.runs.jsonl").exists()


def test_an_outage_that_lasts_keeps_the_finished_runs_and_says_how_to_go_on(tmp_path, measure):
    lasting = SECOND_BREAKS.replace("sleep 0.1; rm held", ":")
    with measure("-o", "energy.json", script=lasting) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == SENSOR
    assert "finished runs are kept (1)" in told
    assert "--resume energy.json" in told
    (tmp_path / "held").unlink()

    with measure("-o", "energy.json", script=lasting) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == USAGE
    assert "--resume energy.json" in told
    with measure("--resume", "energy.json", script="true") as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == FILE
    assert "command" in told

    with measure("--resume", "energy.json", script=lasting) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == REJECTED, told
    assert len(json.loads((tmp_path / "energy.json").read_text())["runs"]) == 3


def test_after_a_kill_resume_does_what_is_left(tmp_path, measure):
    script, kept = "echo run >> runs; sleep 0.3", tmp_path / "energy.json.runs.jsonl"
    with measure("-o", "energy.json", script=script) as process:
        deadline_s = time.monotonic() + 30
        while not kept.exists() or kept.read_bytes().count(b"\n") < 2:
            assert time.monotonic() < deadline_s, process.communicate()[1]
            assert process.poll() is None, process.communicate()[1]
        process.send_signal(signal.SIGKILL)
    (first,) = kept.read_bytes().splitlines()[1:]
    with kept.open("ab") as file:
        file.write(b'{"record":{"tas')  # what a kill leaves of a line

    with measure("--resume", "energy.json", script=script) as process:
        _, told = process.communicate(timeout=60)

    assert process.returncode == REJECTED, told
    runs = json.loads((tmp_path / "energy.json").read_text())["runs"]
    assert (len(runs), runs[0]) == (3, json.loads(first)["record"])
    assert runs[1]["started_ns"] > runs[0]["started_ns"]
    assert not kept.exists()
