"""Sources asked at even intervals, over the files and texts the kernel and firmware give."""

from __future__ import annotations

import math

import pytest

from joulesplit.drivers import PmicSensor, RaplSensor
from joulesplit.drivers._pmic import parse_rails, run_command
from joulesplit.drivers.errors import SensorConfigurationError, SensorError, SensorUnavailableError
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import SimulatedClock

MS = 1_000_000

PMIC_TEXT = """\
 3V7_WL_SW_A current(0)=0.08099532A
   3V3_SYS_A current(1)=0.07124660A
  VDD_CORE_A current(7)=1.50000000A
  HDMI_A current(22)=0.01171296A
 3V7_WL_SW_V volt(8)=3.70000000V
   3V3_SYS_V volt(9)=3.30000000V
  VDD_CORE_V volt(15)=0.75000000V
      HDMI_V volt(23)=5.00000000V
     EXT5V_V volt(24)=5.00000000V
      BATT_V volt(25)=0.00683760V
"""
PMIC_W = 0.08099532 * 3.7 + 0.0712466 * 3.3 + 1.5 * 0.75 + 0.01171296 * 5.0


def write_files(directory, **contents):
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (directory / name).write_text(f"{content}\n")


@pytest.mark.parametrize("interval_s", [0.0, -1.0, math.nan])
def test_an_impossible_interval_is_refused(interval_s):
    with pytest.raises(SensorConfigurationError, match="above 0"):
        PmicSensor(clock=SimulatedClock(), interval_s=interval_s)


def test_pmic_sums_the_rails_that_have_both_quantities():
    commands = []

    def run(command):
        commands.append(tuple(command))
        return PMIC_TEXT

    with PmicSensor(clock=SimulatedClock(), run=run) as sensor:
        reading = sensor.read()
    assert set(commands) == {("vcgencmd", "pmic_read_adc")}
    assert reading.power_w == pytest.approx(1.1451 * PMIC_W + 0.5879)
    assert reading.voltage_v == 5.0
    assert sensor.description.modelled
    assert parse_rails(PMIC_TEXT)[1]["BATT"] == 0.0068376


def test_pmic_is_corrected_for_what_is_known_and_the_truth_lies_in_its_interval():
    """The board that was fitted: 2.67 W over its rails, 3.645 W at its plug (a USB meter)."""
    text = PMIC_TEXT.replace("1.50000000A", f"{1.5 + (2.67 - PMIC_W) / 0.75:.8f}A")
    with PmicSensor(clock=SimulatedClock(), run=lambda _: text) as sensor:
        power_w = sensor.read().power_w
        terms = {term.kind: term.half_width for term in sensor.description.accuracy}
    assert power_w == pytest.approx(3.645, abs=1e-3)
    # A board without any load on 5 V, and one with twice that, are both inside.
    assert power_w - terms["offset"] <= 1.1451 * 2.67 + 1e-6
    assert power_w + terms["offset"] >= 1.1451 * 2.67 + 2 * 0.5879 - 1e-6


@pytest.mark.parametrize("left_out", ["VDD_CORE_A", "VDD_CORE_V", "HDMI_V"])
def test_a_rail_missing_from_one_answer_is_asked_for_again(left_out):
    answers, lacking = [], "\n".join(x for x in PMIC_TEXT.splitlines() if left_out not in x)

    def run(command):
        answers.append(command)
        return lacking if len(answers) == 3 else PMIC_TEXT

    with PmicSensor(clock=SimulatedClock(), run=run) as sensor:
        readings = [sensor.read() for _ in range(3)]
    assert [reading.power_w for reading in readings] == pytest.approx(3 * [readings[0].power_w])
    assert [bool(reading.flags & ReadingFlag.RETRIED) for reading in readings] == [0, 1, 0]
    said = iter([PMIC_TEXT])
    with (
        PmicSensor(clock=SimulatedClock(), run=lambda _: next(said, lacking)) as sensor,
        pytest.raises(SensorUnavailableError, match=left_out[:-2]),
    ):
        sensor.read()


@pytest.mark.parametrize("text", ["", "error=1 error_msg='Command not registered'"])
def test_pmic_on_another_board_is_unavailable(text):
    sensor = PmicSensor(clock=SimulatedClock(), run=lambda _: text)
    with pytest.raises(SensorUnavailableError, match="--sensor ina219"):
        sensor.__enter__()


def test_a_missing_or_failing_command_is_unavailable():
    for command in (["joulesplit-no-such-command"], ["false"]):
        with pytest.raises(SensorUnavailableError, match="Raspberry Pi 5"):
            run_command(command)
    assert run_command(["echo", "volt"]) == "volt\n"


@pytest.fixture
def powercap_root(tmp_path):
    write_files(
        tmp_path / "intel-rapl:0", name="package-0", energy_uj=900, max_energy_range_uj=999_999
    )
    write_files(
        tmp_path / "intel-rapl:1", name="package-1", energy_uj=0, max_energy_range_uj=999_999
    )
    write_files(tmp_path / "intel-rapl:0:0", name="core", energy_uj=5, max_energy_range_uj=9)
    write_files(tmp_path / "intel-rapl:2", name="psys", energy_uj=5, max_energy_range_uj=9)
    return tmp_path


def test_rapl_is_the_mean_power_of_all_packages_across_a_wrap(powercap_root):
    clock = SimulatedClock()
    with RaplSensor(clock=clock, root=powercap_root, interval_s=0.1) as sensor:
        write_files(powercap_root / "intel-rapl:0", energy_uj=400_900)
        assert sensor.read().power_w == pytest.approx(4.0)
        write_files(powercap_root / "intel-rapl:0", energy_uj=899)
        write_files(powercap_root / "intel-rapl:1", energy_uj=100_000)
        wrapped = sensor.read()
        clock.advance_ns(900 * MS)
        write_files(powercap_root / "intel-rapl:1", energy_uj=200_000)
        late = sensor.read()
        assert sensor.description.settings["domains"] == "package-0, package-1"
    assert wrapped.raw == (599_999, 100_000)
    assert wrapped.power_w == pytest.approx(6.99999)
    assert late.power_w == pytest.approx(0.1 / 0.9)
    assert late.flags == ReadingFlag.NONE


def test_rapl_without_counters_or_permission_is_unavailable(tmp_path, powercap_root):
    with pytest.raises(SensorUnavailableError, match="x86"):
        RaplSensor(clock=SimulatedClock(), root=tmp_path / "none").__enter__()
    counter = powercap_root / "intel-rapl:0" / "energy_uj"
    counter.unlink()
    counter.mkdir()
    with pytest.raises(SensorUnavailableError, match="chmod"):
        RaplSensor(clock=SimulatedClock(), root=powercap_root).__enter__()


def test_a_polled_sensor_reads_only_while_open(powercap_root):
    sensor = RaplSensor(clock=SimulatedClock(), root=powercap_root)
    with pytest.raises(SensorError, match="with block"):
        sensor.read()
    with sensor:
        sensor.read()
    sensor.close()
    with pytest.raises(SensorError, match="with block"):
        sensor.read()
