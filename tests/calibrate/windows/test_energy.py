from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.calibrate.errors import WindowError
from joulesplit.calibrate.windows._energy import window_energy
from joulesplit.calibrate.windows._times import WindowTimes

MS = 1_000_000


def times(work_start_ms: float, work_end_ms: float, end_ms: float = 360) -> WindowTimes:
    return WindowTimes(
        idle_start_ns=0,
        work_start_ns=round(work_start_ms * MS),
        work_end_ns=round(work_end_ms * MS),
        settled_ns=round(work_end_ms * MS),
        idle_end_ns=round(end_ms * MS),
    )


@given(start_ms=st.floats(72, 100), length_ms=st.floats(40, 150), extra_w=st.floats(0.1, 5))
def test_net_energy_does_not_depend_on_where_the_edges_fall_in_a_cycle(
    start_ms, length_ms, extra_w
):
    powers = [
        2.0 + extra_w * max(0.0, min(end, start_ms + length_ms) - max(end - 9, start_ms)) / 9
        for end in range(9, 369, 9)
    ]
    trace = _trace(powers)

    energy = window_energy(trace, times(start_ms, start_ms + length_ms))

    assert energy.net_j == pytest.approx(extra_w * length_ms * 1e-3, rel=1e-6)
    assert energy.gross_j == pytest.approx((2.0 + extra_w) * length_ms * 1e-3, rel=1e-6)


def test_a_linear_drift_of_the_idle_power_is_removed_exactly():
    powers = [2.0 + 0.01 * k + (1.0 if 10 <= k < 30 else 0.0) for k in range(40)]
    trace = _trace(powers)

    energy = window_energy(trace, times(90, 270))

    assert energy.net_j == pytest.approx(1.0 * 0.180)
    assert energy.idle_step_w == pytest.approx(0.01 * 30)


def test_settling_after_the_work_belongs_to_the_work():
    powers = [2.0] * 10 + [3.0] * 10 + [2.5] * 5 + [2.0] * 15
    trace = _trace(powers)
    settled = WindowTimes(
        idle_start_ns=0,
        work_start_ns=90 * MS,
        work_end_ns=180 * MS,
        settled_ns=225 * MS,
        idle_end_ns=360 * MS,
    )

    assert window_energy(trace, settled).net_j == pytest.approx(0.09 + 0.5 * 0.045)


def test_a_conversion_that_was_not_read_is_counted_as_lost_time(make_trace):
    trace = make_trace([2.0] * 10 + [3.0] * 20 + [2.0] * 10)
    records = trace.records[[k for k in range(40) if k != 15]]
    gapped = type(trace)(start_ns=0, records=records)

    energy = window_energy(gapped, times(90, 270))

    assert energy.lost_s == pytest.approx(0.009)
    assert energy.net_j == pytest.approx(0.18)


def test_too_little_idle_is_an_error_that_names_the_side(make_trace):
    with pytest.raises(WindowError, match="only 2 readings in the idle before"):
        window_energy(make_trace([2.0] * 40), times(20, 200))
    with pytest.raises(WindowError, match="in the idle after"):
        window_energy(make_trace([2.0] * 40), times(90, 340))


def test_readings_that_end_before_the_work_are_an_error(make_trace):
    window = WindowTimes(
        idle_start_ns=0,
        work_start_ns=90 * MS,
        work_end_ns=100 * MS,
        settled_ns=100 * MS,
        idle_end_ns=360 * MS,
    )
    with pytest.raises(WindowError):
        window_energy(make_trace([2.0] * 10), window)


def _trace(powers):
    import numpy as np

    from joulesplit.calibrate.sampling import Trace
    from joulesplit.calibrate.sampling._trace import RECORD

    records = np.zeros(len(powers), dtype=RECORD)
    records["t_ns"] = 9 * MS * np.arange(1, len(powers) + 1)
    records["voltage_v"] = 5.0
    records["current_a"] = np.array(powers) / 5.0
    return Trace(start_ns=0, records=records)


def test_the_tail_is_what_is_left_above_idle_while_settling():
    powers = [2.0] * 10 + [3.0] * 10 + [2.5] * 5 + [2.0] * 15
    window = WindowTimes(
        idle_start_ns=0,
        work_start_ns=90 * MS,
        work_end_ns=180 * MS,
        settled_ns=225 * MS,
        idle_end_ns=360 * MS,
    )

    assert window_energy(_trace(powers), window).tail_j == pytest.approx(0.5 * 0.045)


def test_a_tail_no_longer_than_a_reading_is_unknown_and_not_zero():
    assert window_energy(_trace([2.0] * 40), times(90, 270)).tail_j is None


def test_bursts_within_readings_cost_what_they_do_behind_a_resistance():
    """Mean V times mean I has R·var(I) too much; the scatter of the voltage tells it."""
    source_ohm, high_a, low_a, idle_a = 0.35, 0.9, 0.3, 0.2
    chance = np.random.default_rng(20261130)

    def energy():
        trace = _trace([0.0] * 120)
        trace.records["current_a"] = idle_a
        trace.records["voltage_v"] = 5.0 - source_ohm * idle_a
        work = slice(10, 110)
        trace.records["current_a"][work] = (high_a + low_a) / 2
        # Each voltage is taken in one moment of its reading: in a burst as often as not.
        burst_a = chance.choice([high_a, low_a], 100)
        trace.records["voltage_v"][work] = 5.0 - source_ohm * burst_a
        return window_energy(trace, times(90, 990, 1080))

    energies = [energy() for _ in range(300)]

    true_w = sum(i * (5.0 - source_ohm * i) for i in (high_a, low_a)) / 2
    idle_w = idle_a * (5.0 - source_ohm * idle_a)
    for found, truth in (
        ([e.hidden_w for e in energies], source_ohm * ((high_a - low_a) / 2) ** 2),
        ([e.net_j for e in energies], (true_w - idle_w) * 0.9),
    ):
        assert np.mean(found) == pytest.approx(truth, abs=4 * np.std(found) / np.sqrt(len(found)))
        assert np.mean(found) == pytest.approx(truth, rel=0.05)


def test_a_supply_that_sags_under_constant_power_hides_nothing():
    """Its voltage scatters over the window as bursts would make it, but slowly."""
    trace = _trace([0.0] * 180)
    elapsed_s = 0.009 * np.arange(160)
    power_w = np.array([1.0] * 10 + [3.0] * 160 + [1.0] * 10)
    voltage_v = np.full(180, 5.0)
    voltage_v[10:170] = 4.9 - 0.15 * (1 - np.exp(-elapsed_s / 0.3))
    trace.records["voltage_v"], trace.records["current_a"] = voltage_v, power_w / voltage_v

    hidden_w = window_energy(trace, times(90, 1530, 1620)).hidden_w

    assert abs(hidden_w) < 1e-4 * 2.0


def test_slow_changes_of_the_power_are_in_the_readings_already():
    """Voltage and current of one reading belong together where they last for longer."""
    trace = _trace([0.0] * 40)
    current_a = [0.2] * 10 + [0.9] * 10 + [0.3] * 10 + [0.2] * 10
    trace.records["current_a"] = current_a
    trace.records["voltage_v"] = [5.0 - 0.35 * a for a in current_a]

    assert window_energy(trace, times(90, 270)).hidden_w == pytest.approx(0.0, abs=1e-9)
