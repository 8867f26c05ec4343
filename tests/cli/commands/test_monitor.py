"""A real sampler process on the simulated chip, run as a user runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from joulesplit._simulation import LOG_SEGMENTS, draw_world, open_simulated_sensor
from joulesplit.calibrate.sampling import SamplerStatistics, Trace
from joulesplit.calibrate.sampling._trace import RECORD
from joulesplit.cli._watch import Watch
from joulesplit.drivers.readings import Reading
from joulesplit.drivers.simulated import LoadLog, SimulatedClock
from joulesplit.drivers.traces import read_trace
from joulesplit.drivers.traces._csv_file import CsvTraceWriter

COMMAND = (sys.executable, "-m", "joulesplit", "monitor")
STATISTICS = SamplerStatistics(readings=4, lost=0, clipped=0, cpu_fraction=None)


def monitor(*arguments):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def trace(start_s, steps_s, powers_w):
    records = np.zeros(len(steps_s), dtype=RECORD)
    records["t_ns"] = np.rint((start_s + np.cumsum(steps_s)) * 1e9)
    records["voltage_v"] = 5.0
    records["current_a"] = np.array(powers_w) / 5.0
    return Trace(start_ns=round(start_s * 1e9), records=records)


def test_energy_and_mean_weigh_every_reading_by_its_time(description):
    watch = Watch(description)
    watch.add(trace(0, [1.0, 3.0], [2.0, 4.0]), STATISTICS)
    glance = watch.add(trace(4, [2.0, 2.0], [1.0, 5.0]), STATISTICS)
    assert glance.power_w == pytest.approx(3.0)
    assert glance.energy_j == pytest.approx(14 + 12)
    assert glance.elapsed_s == pytest.approx(8.0)
    assert glance.rate_hz == pytest.approx(0.5)
    summary = watch.summary(STATISTICS)
    assert summary.power_w.value == pytest.approx(26 / 8)
    assert (summary.minimum_w, summary.maximum_w) == (pytest.approx(3.0), pytest.approx(3.5))
    # Block means 3.5 and 3.0: standard deviation of the mean 0.25; the shunt gives 1 %.
    assert summary.power_w.u_stat == pytest.approx(0.25)
    assert summary.power_w.u_sys == pytest.approx(0.01 * 26 / 8)


def test_the_summary_counts_the_processor_time_of_everything_of_ours(description):
    watch = Watch(description)
    found = watch.summary(replace(STATISTICS, cpu_fraction=0.006), 0.002)

    assert found.own_cpu_fraction == pytest.approx(0.008)
    assert watch.summary(STATISTICS).own_cpu_fraction is None


def test_one_stretch_gives_no_uncertainty_and_none_gives_nothing(description):
    watch = Watch(description)
    assert watch.add(trace(0, [], []), STATISTICS) is None
    assert watch.summary(STATISTICS).duration_s == 0
    watch.add(trace(0, [1.0], [2.0]), STATISTICS)
    assert watch.summary(STATISTICS).power_w is None


@pytest.fixture
def recorded(tmp_path, description):
    """Return a maker of recordings of a sensor at 100 readings per second, 2 W at 5 V."""

    def make(seconds, *, current_a=0.4, **changes):
        path = tmp_path / "recorded.csv"
        with CsvTraceWriter(path, replace(description, **changes)) as writer:
            for index in range(round(seconds * 100)):
                writer.write(
                    Reading(t_ns=index * 10_000_000, raw=(4000, 10000 + index % 2), voltage_v=5.0,
                            current_a=current_a)
                )  # fmt: skip
        return path

    return make


def test_a_simulated_watch_is_recorded_and_its_replay_still_says_simulated(tmp_path):
    recording = tmp_path / "trace.csv"
    first = monitor("--sensor", "simulated", "--seconds", 0.6, "--record", recording, "--json")
    if first.returncode == 4 and "reduce the load" in first.stderr:
        pytest.skip("this machine is too busy to sample in real time")
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    assert document["origin"] == "simulated"
    assert document["simulated"] is True
    description, readings = read_trace(recording)
    assert description.simulated
    assert len(readings) == document["summary"]["statistics"]["readings"]
    again = monitor("--sensor", "replay", "--trace", recording, "--seconds", 0.3)
    assert again.returncode == 0, again.stderr
    assert "SIMULATED" in again.stdout
    assert "MEASURED" not in again.stdout


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_recording_replays_to_identical_readings(tmp_path, recorded, needs_pyarrow, ending):
    if ending == "parquet":
        needs_pyarrow()
    source, copy = recorded(1.0), tmp_path / f"copy.{ending}"
    outcome = monitor("--sensor", "replay", "--trace", source, "--record", copy, "--json")
    assert outcome.returncode == 0, outcome.stderr
    # The first reading only says when the first stretch begins.
    originals, copies = read_trace(source)[1][1:], read_trace(copy)[1]
    shift_ns = copies[0].t_ns - originals[0].t_ns
    assert copies == [one._replace(t_ns=one.t_ns + shift_ns) for one in originals]


def test_json_is_one_object_with_what_the_readings_add_up_to(recorded):
    outcome = monitor("--sensor", "replay", "--trace", recorded(60), "--seconds", 0.5, "--json")
    assert outcome.returncode == 0, outcome.stderr
    (line,) = outcome.stdout.splitlines()
    summary = json.loads(line)["summary"]
    assert summary["power_w"]["value"] == pytest.approx(2.0)
    assert summary["energy_j"] == pytest.approx(2.0 * summary["duration_s"])
    assert summary["duration_s"] >= 0.5
    assert outcome.stderr == ""


def test_a_replay_that_ends_ends_the_watch_with_its_summary(recorded):
    outcome = monitor("--sensor", "replay", "--trace", recorded(0.8), "--json")
    assert outcome.returncode == 0, outcome.stderr
    assert json.loads(outcome.stdout)["summary"]["duration_s"] > 0.2


def test_a_replay_of_a_real_sensor_is_marked_as_one_and_never_as_measured(recorded):
    path = recorded(1.0, kind="ina219", name="INA219", simulated=False)
    outcome = monitor("--sensor", "replay", "--trace", path, "--seconds", 0.5)
    assert outcome.returncode == 0, outcome.stderr
    assert "REPLAYED" in outcome.stdout
    assert "MEASURED" not in outcome.stdout


def test_in_a_pipe_there_are_plain_lines_each_marked_then_a_summary(recorded):
    outcome = monitor("--sensor", "replay", "--trace", recorded(60), "--seconds", 1.2)
    lines = outcome.stdout.splitlines()
    assert all(line.startswith("SIMULATED ") and "2.000 W" in line for line in lines[:2])
    assert "mean power" in outcome.stdout
    assert "\x1b" not in outcome.stdout


def test_an_interrupt_ends_the_watch_with_its_summary(recorded):
    process = subprocess.Popen(
        [*COMMAND, "--sensor", "replay", "--trace", str(recorded(60))], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        process.stdout.readline()  # it is watching now
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "mean power" in out


@pytest.fixture
def reversed_leads(tmp_path):
    """A recording of a second of a simulated chip whose VIN+ and VIN− are swapped."""
    setup = draw_world(1, origin_ns=10**9)
    setup = replace(setup, chip=replace(setup.chip, shunt_ohm=-setup.chip.shunt_ohm))
    buffer = bytearray(LoadLog.bytes_needed(LOG_SEGMENTS))
    path = tmp_path / "reversed.csv"
    with (
        open_simulated_sensor(setup, buffer, SimulatedClock(start_ns=10**9)) as sensor,
        CsvTraceWriter(path, sensor.description) as writer,
    ):
        for _ in range(111):
            writer.write(sensor.read())
    return path


def test_power_below_zero_is_told_as_swapped_leads_in_lines_summary_and_json(reversed_leads):
    hint = "VIN+ and VIN− are swapped"
    plain = monitor("--sensor", "replay", "--trace", reversed_leads)
    summary = [line for line in plain.stdout.splitlines() if line.lstrip().startswith("wiring")]
    assert plain.returncode == 0, plain.stderr
    assert hint in plain.stdout.splitlines()[0]
    assert "reads −2.6" in summary[0]

    outcome = monitor("--sensor", "replay", "--trace", reversed_leads, "--json")
    assert hint in json.loads(outcome.stdout)["wiring_hint"]


def test_the_name_in_a_recording_is_no_command_to_the_terminal(recorded):
    path = recorded(1.0, name="\x1b[31mred\x07", current_a=-0.4)
    outcome = monitor("--sensor", "replay", "--trace", path)
    assert outcome.returncode == 0, outcome.stderr
    assert "red" in outcome.stdout.splitlines()[0]
    assert not set(outcome.stdout + outcome.stderr) & set("\x1b\x07")


def test_the_right_way_round_there_is_no_hint(recorded):
    outcome = monitor("--sensor", "replay", "--trace", recorded(1), "--json")
    assert json.loads(outcome.stdout)["wiring_hint"] is None


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_time_that_is_none_is_a_usage_error(joulesplit, seconds):
    assert joulesplit("monitor", "--sensor", "simulated", "--seconds", seconds).code == 2


def test_a_recording_that_cannot_be_made_is_a_file_error(tmp_path, recorded):
    nowhere = tmp_path / "none" / "trace.csv"
    outcome = monitor("--sensor", "replay", "--trace", recorded(60), "--record", nowhere)
    assert outcome.returncode == 3
    assert "cannot write" in outcome.stderr


def test_a_parquet_recording_without_pyarrow_is_refused_before_anything_is_watched(
    tmp_path, recorded
):
    """As on a machine where it is not installed: the name leads to a module that cannot be had."""
    (tmp_path / "pyarrow.py").write_text("raise ImportError")
    outcome = subprocess.run(
        [*COMMAND, "--sensor", "replay", "--trace", recorded(60), "--record", "x.parquet"],
        capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert outcome.returncode == 2
    assert f"{sys.executable} -m pip install pyarrow" in outcome.stderr
    assert outcome.stdout == ""


def test_a_missing_bus_is_a_sensor_error():
    outcome = monitor("--sensor", "ina219", "--bus", 250, "--shunt-ohm", 0.1, "--seconds", 1)
    assert outcome.returncode == 4


def test_the_next_step_measures_with_the_very_same_words(recorded, tmp_path):
    """A file that is called like the command stays what it is."""
    (tmp_path / "monitor").symlink_to(recorded(1.0))
    words = ["--sensor", "replay", "--trace", "monitor"]
    seen = subprocess.run(
        [*COMMAND, *words, "--seconds", "0.5"], capture_output=True, text=True, timeout=60,
        check=False, cwd=tmp_path,
    )  # fmt: skip
    assert seen.returncode == 0, seen.stderr
    assert f"joulesplit measure {' '.join(words)} -- sleep 5" in seen.stdout
