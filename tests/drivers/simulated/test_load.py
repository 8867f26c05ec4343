from __future__ import annotations

import itertools
import math
import multiprocessing
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joulesplit.drivers.errors import LoadLogFullError
from joulesplit.drivers.simulated import LoadLog, LoadModel, LoadParameters
from joulesplit.drivers.simulated._thermal import ThermalParameters

MS = 1_000_000
S = 1_000_000_000


def model(log=None, *, seed=3, **changes) -> LoadModel:
    parameters = LoadParameters(**{"idle_power_w": 2.0, **changes})
    return LoadModel(log or LoadLog.in_memory(256), parameters, seed)


def test_idle_and_drift_give_the_closed_form():
    load = model(drift_w_per_s=0.5)
    assert load.mean_power_w(2 * S, 4 * S) == pytest.approx(2.0 + 0.5 * 3.0)
    assert load.true_energy_j(0, 4 * S) == pytest.approx(2.0 * 4 + 0.5 * 4**2 / 2)


def test_segments_count_by_the_time_they_share_with_the_interval():
    log = LoadLog.in_memory(8)
    log.announce(10 * MS, 20 * MS, 3.0)
    log.announce(15 * MS, 40 * MS, 1.0)
    load = model(log)
    assert load.mean_power_w(0, 10 * MS) == pytest.approx(2.0)
    assert load.mean_power_w(10 * MS, 20 * MS) == pytest.approx(2.0 + 3.0 + 0.5)
    assert load.mean_power_w(30 * MS, 50 * MS) == pytest.approx(2.0 + 0.5)


def test_background_is_one_path_per_seed_whatever_intervals_are_asked():
    fine, coarse = (model(seed=5, background_sd_w=0.3) for _ in range(2))
    pieces = [fine.mean_power_w(k * 7 * MS, (k + 1) * 7 * MS) for k in range(1000)]
    assert statistics.fmean(pieces) == pytest.approx(coarse.mean_power_w(0, 7 * S), rel=1e-12)
    other = model(seed=6, background_sd_w=0.3)
    assert other.mean_power_w(0, 7 * S) != pytest.approx(coarse.true_energy_j(0, 7 * S) / 7)


def test_background_has_the_stated_spread_and_correlation():
    sd_w, tau_s = 0.3, 0.1
    load = model(background_sd_w=sd_w, background_tau_s=tau_s)
    points = [load.mean_power_w(k * 4 * MS, (k + 1) * 4 * MS) - 2.0 for k in range(50_000)]
    # 200 s hold about 1000 independent stretches: 4 standard errors are 9 % of the spread.
    assert statistics.pstdev(points) == pytest.approx(sd_w, rel=0.09)
    lag = 25
    correlation = statistics.correlation(points[:-lag], points[lag:])
    assert correlation == pytest.approx(math.exp(-lag * 0.004 / tau_s), abs=0.12)


def test_voltage_and_current_satisfy_the_circuit():
    load = model(supply_voltage_v=5.1, source_resistance_ohm=0.2)
    voltage_v = load.mean_voltage_v(0, S)
    current_a = load.mean_current_a(S, 2 * S)
    assert voltage_v * current_a == pytest.approx(2.0)
    assert voltage_v == pytest.approx(5.1 - 0.2 * current_a)


SEGMENTS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 60), st.floats(0.1, 5.0)), max_size=20
)


@given(SEGMENTS, st.lists(st.integers(1, 40), min_size=1, max_size=40))
def test_many_intervals_at_once_give_what_one_after_the_other_gives(segments, lengths):
    """To the last bit, across cells of the leakage too: recorded words of a seed depend on it."""
    edges_ns = [t_ms * MS + 7 for t_ms in itertools.accumulate(lengths, initial=100)]
    thermal = ThermalParameters(start_c=45.0, time_constant_s=0.5)
    found = []
    for _ in range(2):
        log = LoadLog.in_memory(32)
        for start, length, power_w in segments:
            log.announce(start * MS, (start + length) * MS, power_w)
        found.append(model(log, drift_w_per_s=0.3, background_sd_w=0.1, thermal=thermal))
    at_once, one_by_one = found
    currents_a, voltages_v = at_once.means_over(edges_ns, len(lengths) - 1)
    *samples, last = itertools.pairwise(edges_ns)
    assert currents_a == [one_by_one.mean_current_a(*ends) for ends in samples]
    assert voltages_v == [one_by_one.mean_voltage_v(*last)]
    assert at_once.horizon_ns == one_by_one.horizon_ns == edges_ns[-1]


@settings(max_examples=200)
@given(SEGMENTS, st.lists(st.integers(1, 40), min_size=1, max_size=40), st.randoms())
def test_no_announced_joule_is_lost_or_drawn_twice(segments, steps, random):
    """Segments arrive at any moment, early or late; the chip's windows follow each other."""
    log = LoadLog.in_memory(64)
    load = model(log, idle_power_w=0.0)
    waiting = list(segments)
    t_ms, drawn_j = 0, 0.0
    windows = [*steps, 2000]
    for index, step in enumerate(windows):
        arriving = len(waiting) if index == len(windows) - 1 else random.randint(0, len(waiting))
        for _ in range(arriving):
            start, length, power_w = waiting.pop()
            log.announce(start * MS, (start + length) * MS, power_w)
        drawn_j += load.mean_power_w(t_ms * MS, (t_ms + step) * MS) * step / 1e3
        t_ms += step
    announced_j = sum(length * power_w for _, length, power_w in segments) / 1e3
    assert drawn_j == pytest.approx(announced_j, rel=1e-9, abs=1e-12)
    assert load.true_energy_j(0, t_ms * MS) == pytest.approx(announced_j, rel=1e-9, abs=1e-12)


def test_a_late_segment_begins_at_the_horizon_and_leaves_the_past_alone():
    log = LoadLog.in_memory(4)
    load = model(log)
    load.mean_power_w(0, 100 * MS)
    log.announce(40 * MS, 70 * MS, 5.0)
    assert load.horizon_ns == 100 * MS
    assert load.true_energy_j(0, 100 * MS) == pytest.approx(0.2)
    assert load.mean_power_w(100 * MS, 130 * MS) == pytest.approx(7.0)
    assert load.mean_power_w(130 * MS, 140 * MS) == pytest.approx(2.0)


def test_log_holds_its_capacity_and_goes_round():
    log = LoadLog.in_memory(3)
    assert log.capacity == 3
    for turn in range(5):
        for number in range(3):
            log.announce(turn, turn + number, float(number))
        with pytest.raises(LoadLogFullError, match="3 load segments"):
            log.announce(0, 1, 1.0)
        assert log.take() == [(turn, turn, 0.0), (turn, turn + 1, 1.0), (turn, turn + 2, 2.0)]
        assert log.take() == []


def test_log_refuses_backward_segments_and_too_small_buffers():
    with pytest.raises(ValueError, match="before it starts"):
        LoadLog.in_memory(1).announce(5, 4, 1.0)
    with pytest.raises(ValueError, match="needs 64 bytes"):
        LoadLog(bytearray(40))


def test_reader_leaves_a_record_that_has_not_wholly_arrived():
    buffer = bytearray(LoadLog.bytes_needed(4))
    writer, reader = LoadLog(buffer), LoadLog(buffer)
    writer.announce(1, 2, 3.0)
    end_at = LoadLog.bytes_needed(0) + 8
    whole = bytes(buffer)
    buffer[end_at : end_at + 8] = bytes(8)
    assert reader.take() == []
    buffer[:] = whole
    assert reader.take() == [(1, 2, 3.0)]


WRITER = """
from joulesplit.drivers.errors import LoadLogFullError
from joulesplit.drivers.simulated._load_log import LoadLog
log = LoadLog(raw)
number = 0
while number < 5000:
    try:
        log.announce(number * 1000, number * 1000 + 500, number / 7)
    except LoadLogFullError:
        continue
    number += 1
"""


def test_two_processes_share_a_log():
    context = multiprocessing.get_context("spawn")
    raw = context.RawArray("b", LoadLog.bytes_needed(64))
    reader = LoadLog(raw)
    writer = context.Process(target=exec, args=(WRITER, {"raw": raw}))
    writer.start()
    taken = []
    while writer.is_alive():
        taken += reader.take()
    writer.join()
    taken += reader.take()
    assert writer.exitcode == 0
    assert taken == [(n * 1000, n * 1000 + 500, n / 7) for n in range(5000)]
