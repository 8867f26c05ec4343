"""The Python of README and sensing page, each piece run as a script of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PIECES = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in (ROOT / "README.md", ROOT / "docs" / "sensing.md")
    for number, code in enumerate(FENCED.findall(page.read_text()), start=1)
]

INSTEAD = {
    'EnergyMeter("ina219", shunt_ohm=0.1)': 'EnergyMeter(__import__("bench").simulated)',
    "from joulesplit.drivers import MonotonicClock, SmbusI2cBus": (
        "from bench import MonotonicClock, SmbusI2cBus"
    ),
}
"""All that a machine without the sensor needs changed."""

BENCH = """
from joulesplit.drivers._clock import MonotonicClock
from joulesplit.drivers.simulated._bus import SimulatedI2cBus
from joulesplit.drivers.simulated._chip import ChipParameters, SimulatedIna219
from joulesplit.drivers.simulated._load import BenchSource
from joulesplit.cli._choices import SensorChoice
from joulesplit.cli._wiring import sensor_factory

simulated = sensor_factory(SensorChoice(kind="simulated"))


def SmbusI2cBus(number):
    load, clock = BenchSource(current_a=0.5, voltage_v=5.0), MonotonicClock()
    parameters = ChipParameters(shunt_ohm=0.1, noise_v_rms=20e-6)
    chip = SimulatedIna219(load, clock, parameters=parameters)
    return SimulatedI2cBus(number, {0x40: chip}, clock)
"""


@pytest.fixture
def run(tmp_path):
    """Return a runner of a piece of code, as a file, where a sensor and a profile are."""
    (tmp_path / "bench.py").write_text(BENCH)
    models = ROOT / "data" / "models"
    shutil.copy(models / "mobilenet_v2_1.0_224_float32.tflite", tmp_path / "model.tflite")
    shutil.copy(ROOT / "data" / "profiles" / "paper.json", tmp_path / "profile.json")

    def run_piece(code):
        for wired, simulated in INSTEAD.items():
            code = code.replace(wired, simulated)
        (tmp_path / "piece.py").write_text(code)
        outcome = subprocess.run(
            [sys.executable, "piece.py"], cwd=tmp_path, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout

    return run_piece


def containing(text):
    (code,) = [piece.values[0] for piece in PIECES if text in piece.values[0]]
    return code


@pytest.mark.parametrize("code", PIECES)
def test_every_piece_runs_as_it_stands(run, code):
    assert bool(run(code)) == ("print(" in code)


@pytest.mark.parametrize("code", [piece for piece in PIECES if "EnergyMeter(" in piece.values[0]])
def test_a_meters_piece_prints_an_energy_that_is_marked_simulated(run, code):
    out = run(code)
    assert re.search(r"^SIMULATED · [\d.]+ ± [\d.]+ m?J \(95 %, ν [=>] \d+\), ", out, re.MULTILINE)


def test_the_drivers_piece_prints_what_flows(run):
    rows = [line.split()[:3] for line in run(containing("Ina219(")).splitlines()]
    assert len(rows) == 10
    for _, voltage_v, current_a in rows:
        assert float(voltage_v) == pytest.approx(5.0, abs=0.004)
        assert float(current_a) == pytest.approx(0.5, abs=0.001)


def test_the_deciding_piece_keeps_its_limit(run):
    assert re.match(r"l = \d+ of 20, after ", run(containing("max_upload_bits")))
