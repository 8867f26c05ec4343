from __future__ import annotations

import itertools

import pytest

from joulesplit.drivers import ReplaySensor
from joulesplit.drivers.errors import (
    SensorError,
    SensorUnavailableError,
    TraceEndedError,
    TraceFormatError,
)
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import SimulatedClock
from joulesplit.drivers.traces import open_trace_writer


@pytest.fixture(params=["csv", "parquet"])
def recorded(request, make_bench, tmp_path, needs_pyarrow):
    """A trace of ten readings with a gap, its readings and the recording sensor's description."""
    if request.param == "parquet":
        needs_pyarrow()
    bench = make_bench(noise_v_rms=100e-6)
    path = tmp_path / f"trace.{request.param}"
    with bench.sensor(simulated=True) as sensor:
        writer = open_trace_writer(path, sensor.description)
        readings = []
        for number in range(10):
            if number == 5:
                bench.clock.advance_ns(30_000_000)
            readings.append(sensor.read())
            writer.write(readings[-1])
        writer.close()
        description = sensor.description
    return path, readings, description


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
    assert replay.replayed
    assert not description.replayed
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


def test_an_empty_or_missing_trace_is_an_error_that_names_it(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(TraceFormatError, match=r"empty\.csv.*column names"):
        ReplaySensor(tmp_path / "empty.csv", clock=SimulatedClock())
    with pytest.raises(SensorUnavailableError, match=r"missing\.csv.*--record"):
        ReplaySensor(tmp_path / "missing.csv", clock=SimulatedClock())
