from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import (
    SensorError,
    SensorUnavailableError,
    TraceEndedError,
    TraceFormatError,
)
from drivers.pmic import PmicSensor
from drivers.readings import Reading, ReadingFlag
from drivers.replay import ReplaySensor
from drivers.simulated.clock import SimulatedClock
from drivers.trace_csv import TraceWriter, read_trace

FINITE = st.floats(allow_nan=False, allow_infinity=False)
READINGS = st.builds(
    Reading,
    t_ns=st.integers(0, 2**62),
    raw=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)),
    voltage_v=FINITE,
    current_a=FINITE,
    flags=st.integers(0, 127).map(ReadingFlag),
)


@pytest.fixture
def recorded(make_bench, tmp_path):
    """A trace of ten readings with a gap, its readings and the recording sensor's description."""
    bench = make_bench(noise_v_rms=100e-6)
    path = tmp_path / "trace.csv"
    with (
        bench.sensor(simulated=True) as sensor,
        TraceWriter(path, sensor.description) as writer,
    ):
        readings = []
        for number in range(10):
            if number == 5:
                bench.clock.advance_ns(30_000_000)
            readings.append(sensor.read())
            writer.write(readings[-1])
        description = sensor.description
    return path, readings, description


@given(readings=st.lists(READINGS, max_size=20))
def test_a_trace_reads_back_as_written(recorded_description, tmp_path_factory, readings):
    path = tmp_path_factory.mktemp("traces") / "trace.csv"
    with TraceWriter(path, recorded_description) as writer:
        for reading in readings:
            writer.write(reading)
    assert read_trace(path) == (recorded_description, readings)


@pytest.fixture(scope="module")
def recorded_description():
    return PmicSensor(clock=SimulatedClock()).description


def test_the_file_says_its_units_and_its_sensor(recorded):
    path, readings, _ = recorded
    lines = path.read_text().splitlines()
    assert lines[0] == "# joulesplit_trace: 1"
    assert '# kind: "simulated"' in lines
    assert "# simulated: true" in lines
    rows = [line for line in lines if not line.startswith("#")]
    assert rows[0] == "t_ns,voltage_v,current_a,raw0,raw1,flags"
    assert len(rows) == 1 + len(readings)


def test_replay_keeps_everything_but_the_time(recorded):
    path, readings, description = recorded
    clock = SimulatedClock(start_ns=7_000_000_000)
    with ReplaySensor(path, clock=clock) as sensor:
        replayed = [sensor.read() for _ in readings]
        assert clock.now_ns() == replayed[-1].t_ns
        with pytest.raises(TraceEndedError, match="after 10 readings"):
            sensor.read()
    assert replayed[0].t_ns == 7_000_000_000 + round(description.cycle_s * 1e9)
    for (a, b), (c, d) in zip(
        itertools.pairwise(readings), itertools.pairwise(replayed), strict=True
    ):
        assert b.t_ns - a.t_ns == d.t_ns - c.t_ns
    for original, copy in zip(readings, replayed, strict=True):
        assert (copy.raw, copy.voltage_v, copy.current_a, copy.flags) == (
            original.raw,
            original.voltage_v,
            original.current_a,
            original.flags,
        )
    assert replayed[5].flags & ReadingFlag.GAP_BEFORE


def test_replay_of_a_simulation_stays_marked_as_simulated(recorded):
    path, _, description = recorded
    replay = ReplaySensor(path, clock=SimulatedClock()).description
    assert replay.simulated
    assert replay.kind == "replay"
    assert replay.settings["recorded_kind"] == "simulated"
    assert replay.accuracy == description.accuracy
    assert replay.cycle_s == description.cycle_s


def test_replay_starts_again_when_opened_again(recorded):
    path, readings, _ = recorded
    sensor = ReplaySensor(path, clock=SimulatedClock())
    with pytest.raises(SensorError, match="with block"):
        sensor.read()
    for _ in range(2):
        with sensor:
            assert sensor.read().raw == readings[0].raw
    sensor.close()


@pytest.mark.parametrize(
    ("find", "replace", "message"),
    [
        ("# joulesplit_trace: 1", "# joulesplit_trace: 99", "joulesplit_trace: 1"),
        ('# kind: "simulated"', "# kind: simulated", "header kind is not JSON"),
        ("# cycle_s", "# cycle", "description is incomplete"),
        ("# accuracy", "# accurate", "description is incomplete"),
        ("t_ns,voltage_v", "t,voltage", "columns are not"),
        (",0\n", ",zero\n", "line 16"),
        (",0\n", "\n", "5 cells for 6 columns"),
    ],
)
def test_a_damaged_trace_is_refused_with_the_place(recorded, find, replace, message):
    path, _, _ = recorded
    text = path.read_text()
    assert find in text
    path.write_text(text.replace(find, replace, 1))
    with pytest.raises(TraceFormatError, match=message):
        ReplaySensor(path, clock=SimulatedClock())


def test_an_empty_or_missing_trace_is_an_error_that_names_it(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(TraceFormatError, match=r"empty\.csv.*column names"):
        ReplaySensor(tmp_path / "empty.csv", clock=SimulatedClock())
    with pytest.raises(SensorUnavailableError, match=r"missing\.csv.*--record"):
        ReplaySensor(tmp_path / "missing.csv", clock=SimulatedClock())


def test_a_writer_refuses_readings_of_another_shape(recorded, tmp_path):
    _, readings, description = recorded
    with (
        TraceWriter(tmp_path / "t.csv", description, raw_words=0) as writer,
        pytest.raises(ValueError, match="holds 0 raw words, got 2"),
    ):
        writer.write(readings[0])
