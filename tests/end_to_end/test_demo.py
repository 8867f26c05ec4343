"""The demo as a user runs it: a real process, real time, another folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from joulesplit.calibrate.workloads import BoardCosts

pytestmark = pytest.mark.live

PROGRAM = os.environ.get("JOULESPLIT_PROGRAM")
"""In ``.ci/run`` that of a wheel in a clean environment: what runs here is the demo from it."""

DEMO = [*([PROGRAM] if PROGRAM else [sys.executable, "-m", "joulesplit"]), "demo"]
PATIENCE_S = 240


def environment(folder: Path) -> dict[str, str]:
    """Return an environment whose temporary files go into ``folder``."""
    return {**os.environ, "TMPDIR": str(folder), "NO_COLOR": "1"}


def processes_of(session: int) -> list[psutil.Process]:
    """Return the living processes that a session's leader started, by their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("JOULESPLIT_TEST_SESSION") == str(session):
                found.append(process)
        except psutil.Error:
            continue
    return [p for p in found if p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.alone("a sampler reads in real time: with every core busy it loses conversions")
def test_the_demo_measures_decides_and_runs_the_split(tmp_path):
    """Bounds are for a fault, not for chance: an interval misses once in twenty."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    result = subprocess.run(
        [*DEMO, "--seed", "11", "--json", "--keep", str(tmp_path / "kept")],
        cwd=tmp_path,
        env=environment(temporary),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert "link: takes " in result.stderr.partition("measuring")[0]
    document = json.loads(result.stdout)
    profile = document["profile"]
    assert document["simulated"] is profile["simulated"] is True
    assert profile["source"] == "simulated"
    assert [block["index"] for block in profile["compute"]["blocks"]] == list(range(1, 21))
    truth = profile["truth"]
    for account in ("net", "gross"):
        # On a host slower than the simulated board there is no truth of E_d gross.
        if account in truth["e_d_flop_per_j"]:
            figure = profile["compute"]["e_d_flop_per_j"][account]
            assert_near(figure, truth["e_d_flop_per_j"][account])
        uplink = profile["link"]["uplink"]
        assert_near(uplink["e_c_bit_per_j"][account], truth["e_c_bit_per_j"][account])
    decision = document["decision"]
    assert [c["where"] for c in (decision["candidates"][0], decision["candidates"][-1])] == [
        "server",
        "device",
    ]
    assert document["validation"][0]["outputs"]["same_top"] is True
    # The cheapest of all forms of the input, priced by what making it was measured to cost here.
    (made,) = profile["compute"]["encodings"]
    costs = BoardCosts()
    making_s = profile["compute"]["model"]["input_bits"] / costs.encode_rate_bit_per_s
    assert_near(made["energy_j"]["net"], costs.encode_power_w * making_s)
    best = decision["best"]
    assert (best["block"], best["sent_as"], best["made_by"]) == (0, "uint8", "measured")
    assert document["validation"][0]["encoding"] == "uint8"
    assert list(temporary.iterdir()) == []
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert kept == ["demo-profile.json", "demo-profile.windows.jsonl"]


def assert_near(quantity: dict, true: float) -> None:
    low, high = quantity["ci95"]
    assert abs(quantity["value"] - true) <= 2 * (high - low)


def server_of(session: int) -> psutil.Process:
    """Return the edge server among a session's processes."""
    (server,) = (p for p in processes_of(session) if "serve" in p.cmdline())
    return server


SHORTER = """
from msgspec.structs import replace
import joulesplit.calibrate.campaign as campaign
campaign.QUICK = replace(campaign.QUICK, work_s=(0.06, 0.12), upload_s=0.2, layouts=1)
from joulesplit.__main__ import main
main()
"""
"""The demo with shorter windows, where it is not asked what they say."""


@pytest.mark.alone("a whole demo, whose sampler others hold up, until its choice is run")
def test_what_was_measured_is_printed_and_kept_when_running_the_choice_fails(tmp_path):
    """The server dies while the split is run: every window before that is worth keeping."""
    session = os.getpid() + 1
    marked = {**environment(tmp_path), "JOULESPLIT_TEST_SESSION": str(session)}
    with subprocess.Popen(
        [sys.executable, "-c", SHORTER, *DEMO[-1:], "--seed", "11", "--json"],
        env=marked,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        try:
            for line in demo.stderr:
                if line.startswith("running split "):
                    server_of(session).kill()
                    break
            printed, told = demo.communicate(timeout=PATIENCE_S)
        finally:
            # Or else its end would be waited for, with nobody reading what it says.
            demo.kill()

    document = json.loads(printed)
    assert demo.returncode == 5
    assert document["failure"] in told
    assert len(document["profile"]["compute"]["blocks"]) == 20
    best = document["decision"]["best"]
    assert (best["where"], best["sent_as"]) == ("server", "uint8")
    (kept,) = tmp_path.iterdir()
    names = sorted(path.name for path in kept.iterdir())
    assert names == ["demo-profile.json", "demo-profile.windows.jsonl"]


def test_ctrl_c_leaves_no_process_and_no_temporary_file(tmp_path):
    marked = {**environment(tmp_path), "JOULESPLIT_TEST_SESSION": str(os.getpid())}
    with subprocess.Popen(
        DEMO, env=marked, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as demo:
        for line in demo.stderr:
            if line.startswith("measuring: "):
                break
        assert len(processes_of(os.getpid())) >= 3, "demo, sampler and server were to be running"
        # As a terminal does: to the whole foreground group.
        os.killpg(demo.pid, signal.SIGINT)
        rest = demo.stderr.read()

    assert demo.returncode == 130
    assert "Traceback" not in rest
    for _ in range(500):
        if not processes_of(os.getpid()):
            break
        time.sleep(0.01)
    assert processes_of(os.getpid()) == []
    assert list(tmp_path.iterdir()) == []
