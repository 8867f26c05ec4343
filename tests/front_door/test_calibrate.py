"""``joulesplit.calibrate``: a package that can be called; and what a call of it does."""

from __future__ import annotations

import inspect
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

import joulesplit as js
from joulesplit._calibrating import _journal, calibrate
from joulesplit._sensors import device_of
from joulesplit.calibrate.campaign import QUICK
from joulesplit.calibrate.errors import JournalError, PlanError
from joulesplit.cli._choices import SensorChoice
from joulesplit.cli._device import device_of as device_of_command
from joulesplit.cli._resources import paper_network
from joulesplit.cli._server_process import loopback_server
from joulesplit.drivers.errors import SensorRequestError
from joulesplit.edge.errors import ServerUnreachableError

SMALL = msgspec.structs.replace(
    QUICK, name="small", blocks=(33, 64), work_s=(0.1, 0.2), upload_s=0.2, rests=0
)
NOWHERE = "http://127.0.0.1:9"

FIRST = {
    "the front door": "import joulesplit as js; js.calibrate",
    "the room": "import joulesplit.calibrate",
    "a name of the room": "from joulesplit.calibrate import WindowMeter",
    "its errors": "import joulesplit.calibrate.errors as e; e.WindowError",
    "a room inside it": "from joulesplit.calibrate.profile import Quantity",
    "another room": "import joulesplit.drivers",
    "the function": "from joulesplit import calibrate; calibrate.__call__",
}
THEN = """
import inspect
import joulesplit as js, joulesplit.calibrate, joulesplit.calibrate.errors as errors
from joulesplit.calibrate import WindowMeter
from joulesplit import calibrate
import sys
assert js.calibrate is joulesplit.calibrate is calibrate is sys.modules["joulesplit.calibrate"]
assert js.calibrate.errors is errors and errors.WindowError
assert js.calibrate.WindowMeter is WindowMeter
assert inspect.ismodule(calibrate) and "sensor" in inspect.signature(calibrate).parameters
try:
    calibrate("model.tflite", sensor="ina219", edge="http://127.0.0.1:9")
except js.SensorError as error:
    print(error)
"""


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_room_and_function_are_one_whatever_is_imported_first(tmp_path, first):
    outcome = subprocess.run(
        [sys.executable, "-c", first + THEN], cwd=tmp_path, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    assert "needs shunt_ohm" in outcome.stdout


def test_its_signature_is_the_functions():
    assert inspect.signature(js.calibrate) == inspect.signature(calibrate)


def test_what_cannot_be_measured_is_refused_before_anything_is_written(tmp_path):
    journal = tmp_path / "j.windows.jsonl"
    model = paper_network()
    with pytest.raises(PlanError, match="no plan 'swift'"):
        js.calibrate(model, sensor="rapl", edge=NOWHERE, plan="swift", journal=journal)
    with pytest.raises(SensorRequestError, match="made already"):
        js.calibrate(model, sensor=js.sensor_request("rapl"), bus=1, edge=NOWHERE, journal=journal)
    for sensor, options in (("simulated:x", {}), ("simulated", {"shunt_ohm": 0.1})):
        with pytest.raises(SensorRequestError, match="is no simulated board"):
            js.calibrate(model, sensor=sensor, edge=NOWHERE, journal=journal, **options)
    with pytest.raises(ServerUnreachableError, match=r"127\.0\.0\.1:9"):
        js.calibrate(model, sensor="rapl", edge=NOWHERE, journal=journal)
    assert not journal.exists()


def test_a_temporary_journal_goes_with_a_profile_and_stays_without(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with _journal(None, resume=False) as file:
        file.path.write_text("windows")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ZeroDivisionError), _journal(None, resume=False):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ZeroDivisionError) as caught:
        fail_with_windows()
    (directory,) = tmp_path.iterdir()
    (kept,) = directory.iterdir()
    assert caught.value.__notes__ == [f"every window measured until then is kept in {kept}"]
    assert kept.read_text() == "windows"


def fail_with_windows():
    with _journal(None, resume=False) as file:
        file.path.write_text("windows")
        file.opened = True
        raise ZeroDivisionError


@pytest.mark.parametrize(("sensor", "seed"), [("simulated:7", 7), ("simulated", 1)])
def test_the_simulated_board_of_a_program_is_that_of_the_commands(sensor, seed):
    ours, commands = device_of(sensor), device_of_command(SensorChoice(kind="simulated", seed=seed))
    worlds = [replace(world.setup, origin_ns=0) for world in (ours, commands)]
    assert worlds[0] == worlds[1]
    assert ours.link_rate_bit_per_s == commands.link_rate_bit_per_s
    with ours.sensor_factory() as opened:
        assert opened.description.simulated


@pytest.mark.live
@pytest.mark.alone("a sampler reads in real time: with every core busy it loses conversions")
def test_a_program_calibrates_a_device_and_decides(tmp_path):
    """Everything but the silicon and the board is real: sampler, runtime, server, uploads."""
    model, journal = paper_network(), tmp_path / "pi.windows.jsonl"
    seen = []
    with loopback_server(model) as url:
        board = "simulated:5"
        profile = js.calibrate(
            model, sensor=board, edge=url, plan=SMALL, journal=journal, progress=seen.append
        )
        with pytest.raises(JournalError, match="exists already"):
            js.calibrate(model, sensor=board, edge=url, plan=SMALL, journal=journal)
    assert isinstance(profile, js.DeviceProfile)
    assert profile.simulated
    assert seen[0].done == 0
    assert seen[-1].done == seen[-1].total == profile.campaign.windows
    figure = profile.compute.e_d_flop_per_j.net
    # Three half-widths of 95 %, beyond which chance goes in less than one run of a million.
    reach = 1.5 * (figure.ci95[1] - figure.ci95[0])
    assert figure.value == pytest.approx(profile.truth.e_d_flop_per_j["net"], abs=reach)
    js.save_profile(tmp_path / "profile.json", profile)
    decision = js.decide(model, tmp_path / "profile.json")
    assert js.load_profile(tmp_path / "profile.json") == profile
    assert str(decision).startswith("SIMULATED · l = ")
    assert Path(journal).exists()
