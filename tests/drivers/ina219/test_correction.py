"""Zero and span: what they find of a simulated specimen whose errors are known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from joulesplit.drivers.errors import CorrectionRecordError, SensorConfigurationError
from joulesplit.drivers.ina2xx import (
    CorrectionStore,
    MeanShunt,
    SensorIdentity,
    SensorRecords,
    SpanPoint,
    average,
    check_points,
    check_zero,
    reference_current_a,
)
from joulesplit.drivers.ina2xx._correction import correction_of
from joulesplit.drivers.simulated._load import BenchSource

DAY = "2026-11-22T10:00:00+00:00"
IDENTITY = SensorIdentity(kind="ina219", bus=1, address=0x40, shunt_ohm=0.1)
# A specimen at the edge of its data sheet behind a shunt 0.9 % too large.
SPECIMEN = {
    "shunt_ohm": 0.1009,
    "gain_error": 0.003,
    "bus_gain_error": -0.004,
    "offset_v": 70e-6,
    "noise_v_rms": 60e-6,
    "bus_noise_v_rms": 3e-3,
}
EFFECTIVE_OHM = 0.1009 * 1.003
# Temperature, load and clock move on after a comparison.
REMAINING = {"shunt temperature", "shunt self-heating", "gain drift", "clock"}


def mean(**changes):
    fields = {
        "shunt_v": 0.06, "u_shunt_v": 1e-7, "bus_v": 5.0, "u_bus_v": 1e-4, "residual_v": 0.0,
        "readings": 256, "gain": 4, "created": DAY,
    }  # fmt: skip
    return MeanShunt(**{**fields, **changes})


def point(current_a, shunt_v, **changes):
    fields = {
        "mean": mean(shunt_v=shunt_v), "current_a": current_a, "u_current_rel": 0.001,
        "voltage_v": None, "u_voltage_rel": 0.0, "reference": "DMM 34465A, certificate 1",
    }  # fmt: skip
    return SpanPoint(**{**fields, **changes})


@pytest.fixture
def measured(make_bench):
    """Return a zero, two points and a maker of corrected sensors on the same specimen."""
    source = BenchSource(current_a=0.0, voltage_v=5.0)
    bench = make_bench(source, **SPECIMEN)

    def measure(current_a, voltage_v=5.0):
        source.current_a, source.voltage_v = current_a, voltage_v
        with bench.sensor() as sensor:
            sensor.read()
            return average(sensor, readings=400, created=DAY)

    zero = measure(0.0)
    points = tuple(
        point(a, 0.0, mean=measure(a), voltage_v=5.0, u_voltage_rel=0.0005) for a in (0.3, 1.2)
    )

    def corrected(correction, current_a, voltage_v=5.0):
        source.current_a, source.voltage_v = current_a, voltage_v
        with bench.sensor(correction=correction) as sensor:
            sensor.read()
            readings = [sensor.read() for _ in range(400)]
            return sensor.description, readings

    return zero, points, corrected


@pytest.mark.parametrize(
    ("with_zero", "points_used"), [(True, 1), (True, 2), (False, 2)], ids=["1+0", "2+0", "2"]
)
def test_a_corrected_sensor_agrees_with_the_reference(measured, with_zero, points_used):
    zero, points, corrected = measured
    correction = correction_of(
        zero if with_zero else None, points[-points_used:], unknown_offset_v=2e-4, bus_error=0.005
    )
    assert correction.shunt_ohm == pytest.approx(EFFECTIVE_OHM, rel=2e-4)
    assert correction.offset_v == pytest.approx(70e-6, abs=4e-6)
    assert correction.bus_factor == pytest.approx(1 / 0.996, rel=2e-4)
    _, readings = corrected(correction, 0.7, 5.1)
    assert np.mean([r.current_a for r in readings]) == pytest.approx(0.7, rel=3e-4)
    assert np.mean([r.voltage_v for r in readings]) == pytest.approx(5.1, rel=3e-4)


def test_raw_words_stay_as_read_and_without_correction_the_error_is_there(measured):
    zero, points, corrected = measured
    correction = correction_of(zero, points, unknown_offset_v=2e-4, bus_error=0.005)
    _, plain = corrected(None, 0.7)
    _, better = corrected(correction, 0.7)
    assert np.mean([r.raw[0] for r in plain]) == pytest.approx(
        np.mean([r.raw[0] for r in better]), abs=1.0
    )
    expected = (0.7 * EFFECTIVE_OHM + 70e-6) / 0.1
    assert np.mean([r.current_a for r in plain]) == pytest.approx(expected, rel=3e-4)


def test_the_description_shows_the_records_and_replaces_the_terms_they_measure(measured):
    zero, points, corrected = measured
    correction = correction_of(zero, points[-1:], unknown_offset_v=2e-4, bus_error=0.005)
    description, _ = corrected(correction, 0.7)
    terms = {term.name: term for term in description.accuracy}
    assert set(terms) == {"current span", "bus voltage span", "zero", *REMAINING, "offset drift"}
    # 0.1 % of the meter; the zero and the scatter add nearly nothing at 1.2 A.
    assert terms["current span"].standard_uncertainty == pytest.approx(0.001, rel=0.01)
    assert terms["zero"].half_width == pytest.approx(
        zero.u_total_v * description.settings["zero_u_v"] / zero.u_total_v * 5.0 / EFFECTIVE_OHM,
        rel=0.01,
    )
    assert "2026-11-22" in terms["zero"].source
    assert "34465A" in terms["current span"].source
    assert description.settings["effective_shunt_ohm"] == correction.shunt_ohm
    assert description.settings["zero_offset_v"] == correction.offset_v
    assert description.settings["shunt_ohm"] == 0.1


def test_a_zero_alone_replaces_the_offset_terms_only(make_bench):
    with make_bench().sensor(
        correction=correction_of(mean(shunt_v=2e-5), (), unknown_offset_v=0, bus_error=0.005)
    ) as s:
        names = {term.name for term in s.description.accuracy}
    shunt = {"shunt tolerance", "sense path", "current gain", "bus voltage gain"}
    assert names == {*shunt, *REMAINING, "zero", "offset drift"}


def test_a_correction_holds_at_its_own_gain_only(make_bench):
    correction = correction_of(
        mean(shunt_v=1e-4, gain=8), (), unknown_offset_v=0.0, bus_error=0.005
    )
    with make_bench(BenchSource(current_a=0.5, voltage_v=5.0)).sensor(correction=correction) as s:
        assert s.read().current_a == pytest.approx(0.5, abs=1e-4)
        assert s.description.settings["correction"] == "none holds at this gain, only at /8"
        assert "shunt offset" in {term.name for term in s.description.accuracy}


def test_uncertainties_of_one_and_two_points_follow_the_law_of_propagation():
    zero = mean(shunt_v=0.0, u_shunt_v=3e-6)
    low, high = point(0.3, 0.03), point(1.2, 0.12)
    low = replace(low, mean=replace(low.mean, u_shunt_v=2e-6))
    high = replace(high, mean=replace(high.mean, u_shunt_v=5e-6))
    one = correction_of(zero, (high,), unknown_offset_v=0.0, bus_error=0.005)
    assert one.u_shunt_rel == pytest.approx((0.001**2 + (3e-6**2 + 5e-6**2) / 0.12**2) ** 0.5)
    unknown = correction_of(None, (high,), unknown_offset_v=1e-4, bus_error=0.005)
    assert unknown.u_shunt_rel == pytest.approx((0.001**2 + (1e-8 / 3 + 5e-6**2) / 0.12**2) ** 0.5)
    stated = replace(low, u_current_a=0.0), replace(high, u_current_a=0.0)
    two = correction_of(None, stated, unknown_offset_v=1e-3, bus_error=0.005)
    assert two.u_shunt_rel == pytest.approx((0.001**2 + (2e-6**2 + 5e-6**2) / 0.09**2) ** 0.5)
    # By Monte Carlo: s0 = (s1 I2 - s2 I1)/(I2 - I1), a common scale of the meter cancels.
    random = np.random.default_rng(1)
    s1, s2 = random.normal(0.03, 2e-6, 200_000), random.normal(0.12, 5e-6, 200_000)
    scale = random.normal(1, 0.001, 200_000)
    s0 = (s1 * 1.2 * scale - s2 * 0.3 * scale) / (0.9 * scale)
    assert two.u_offset_v == pytest.approx(s0.std(), rel=0.01)
    # An offset of the meter, 2 mA, is one of the line: 0.1 ohm of it.
    offset_a = random.normal(0, 2e-3, 200_000)
    i1, i2 = 0.3 * scale + offset_a, 1.2 * scale + offset_a
    s0 = (s1 * i2 - s2 * i1) / (i2 - i1)
    known = tuple(replace(each, u_current_a=2e-3) for each in (low, high))
    two = correction_of(None, known, unknown_offset_v=1e-3, bus_error=0.005)
    assert two.u_offset_v == pytest.approx(s0.std(), rel=0.01)
    one = correction_of(zero, (known[1],), unknown_offset_v=0.0, bus_error=0.005)
    assert one.u_shunt_rel > 2e-3 / 1.2


def test_a_zero_is_preferred_to_the_intercept_of_a_meter_with_an_offset():
    """The meter shows 10 mA too much at 1 A and 2 A, inside its stated 1 %."""
    points = tuple(point(true_a + 0.01, 0.1 * true_a, u_current_rel=0.01) for true_a in (1.0, 2.0))
    zero = mean(shunt_v=40e-6, u_shunt_v=3e-7)
    assert correction_of(zero, points, unknown_offset_v=2e-4, bus_error=0.005).offset_v == 40e-6
    alone = correction_of(None, points, unknown_offset_v=2e-3, bus_error=0.005)
    assert alone.offset_v == pytest.approx(-1e-3, rel=0.02)  # 50 mW at 5 V
    assert abs(alone.offset_v) < 1.1 * alone.u_offset_v
    # A data sheet that knows more than that keeps its offset; the slope is the shunt all the same.
    bounded = correction_of(None, points, unknown_offset_v=2e-4, bus_error=0.005)
    assert bounded.offset_v is None
    assert bounded.shunt_ohm == pytest.approx(0.1)


def test_drift_between_the_halves_widens_the_uncertainty():
    steady = correction_of(mean(shunt_v=0.0), (), unknown_offset_v=0.0, bus_error=0.005)
    drifting = correction_of(
        mean(shunt_v=0.0, residual_v=3e-6), (), unknown_offset_v=0.0, bus_error=0.005
    )
    assert steady.u_offset_v == pytest.approx(1e-7)
    assert drifting.u_offset_v == pytest.approx((1e-14 + 3e-12) ** 0.5)
    assert drifting.residual_v == 3e-6


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: check_zero(mean(shunt_v=2e-3), IDENTITY), "20 mA.*still flows"),
        (lambda: check_zero(mean(shunt_v=370e-6, gain=8), IDENTITY), "3.7 mA.*still flows"),
        (lambda: check_zero(mean(shunt_v=0, readings=100), IDENTITY), "200 or more"),
        (
            lambda: check_points((point(1.0, -0.1031),), IDENTITY, 0.0),
            "VIN\\+ and VIN- are swapped",
        ),
        # 10 mA at 0 A: more than a meter of 0.1 % with no stated offset has, or a chip.
        (lambda: check_points((point(0.31, 0.03), point(1.21, 0.12)), IDENTITY, 0.0), "-10 mA off"),
        (
            lambda: check_points(
                (point(0.305, 0.03), point(1.205, 0.12)), IDENTITY, 4e-5, mean(shunt_v=4e-5)
            ),
            "-5.4 mA off.*the zero and",
        ),
        (lambda: check_points((point(0.6, 0.006),), IDENTITY, 0.0), "0.01 ohm instead of 0.1 ohm"),
        (lambda: check_points((point(0.6, 0.06, voltage_v=50.2),), IDENTITY, 0.0), "50.2 V where"),
        (lambda: check_points((point(0.0, 0.06),), IDENTITY, 0.0), "about the current"),
        (lambda: check_points((point(1.0, 0.1), point(0.9, 0.09)), IDENTITY, 0.0), "too close"),
        (lambda: check_points((point(1, 0.1),) * 3, IDENTITY, 0.0), "one or two points"),
        (lambda: reference_current_a(mean(), None, None, None), "one of the two"),
        (lambda: reference_current_a(mean(), 1.0, 5.0, None), "one of the two"),
    ],
)
def test_a_zero_or_a_point_that_cannot_be_is_refused(check, message):
    with pytest.raises(SensorConfigurationError, match=message):
        check()


def test_the_current_through_a_known_load_is_the_voltage_over_it():
    assert reference_current_a(mean(bus_v=5.0), None, 10.0, None) == pytest.approx(0.5)
    assert reference_current_a(mean(bus_v=5.0), None, 10.0, 5.1) == pytest.approx(0.51)


def test_an_average_refuses_too_few_readings_and_clipped_ones(make_bench):
    bench = make_bench(noise_v_rms=50e-6)
    with bench.sensor() as sensor:
        with pytest.raises(SensorConfigurationError, match="200"):
            average(sensor, readings=199, created=DAY)
        bench.chip.overload(0.2)
        sensor.read()
        with pytest.raises(Exception, match=r"full scale"):
            average(sensor, readings=200, created=DAY)


@pytest.mark.parametrize("phase", [part / 12 for part in range(12)])
def test_an_average_whose_last_reading_may_follow_a_reset_is_refused(make_eventful_bench, phase):
    """A zero has no current, so only the reading after the last one tells."""
    bench = make_eventful_bench(BenchSource(current_a=0.0, voltage_v=5.0), noise_v_rms=50e-6)
    with bench.sensor() as sensor:
        sensor.read()
        last_ns = bench.clock.now_ns() + 199 * 9_042_000
        bench.clock.at(last_ns + int(phase * 9_042_000), bench.chip.brown_out)
        with pytest.raises(SensorConfigurationError, match="reset itself"):
            average(sensor, readings=200, created=DAY)


def test_the_uncertainty_of_an_average_is_its_scatter(make_bench):
    bench = make_bench(noise_v_rms=400e-6)
    with bench.sensor() as sensor:
        sensor.read()
        means = [average(sensor, readings=200, created=DAY) for _ in range(60)]
    true_u = 100e-6 / 200**0.5  # 16 samples averaged per reading
    assert np.mean([m.u_shunt_v for m in means]) == pytest.approx(true_u, rel=0.1)
    assert np.std([m.shunt_v for m in means]) == pytest.approx(true_u, rel=0.35)


def test_the_residual_of_an_average_is_its_drift(make_bench):
    """10 mA more in the second half, over 0.1 ohm, are 1 mV."""
    source = BenchSource(current_a=0.6, voltage_v=5.0)
    bench = make_bench(source)
    with bench.sensor() as sensor:
        sensor.read()
        clock_now = bench.clock.now_ns

        class Drifting(BenchSource):
            def mean_current_a(self, t0_ns, t1_ns):
                return 0.6 if t1_ns < half_ns else 0.61

        half_ns = clock_now() + int(100.5 * 9_042_000)
        bench.chip._load = Drifting(current_a=0.6, voltage_v=5.0)
        found = average(sensor, readings=200, created=DAY)
    assert found.residual_v == pytest.approx(1e-3, rel=0.02)


@pytest.fixture
def records():
    zeros = (mean(shunt_v=1e-5), mean(shunt_v=2e-5, gain=8))
    return SensorRecords(identity=IDENTITY, zeros=zeros, points=(point(0.5, 0.05),))


def test_records_come_back_as_they_were_kept(tmp_path, records):
    store = CorrectionStore(tmp_path / "deep" / "down")
    assert store.load(IDENTITY) == SensorRecords(identity=IDENTITY)
    assert store.load_all() == ()
    path = store.save(records)
    assert path.name == "ina219-bus1-0x40-0.1ohm.json"
    assert store.load(IDENTITY) == store.load_key(IDENTITY.key) == records
    assert store.load_all() == (records,)
    assert json.loads(path.read_text())["zeros"][0]["created"] == DAY
    store.forget(IDENTITY.key)
    assert store.load_all() == ()


def test_another_shunt_address_or_bus_is_another_sensor(tmp_path, records):
    store = CorrectionStore(tmp_path)
    store.save(records)
    for change in ({"shunt_ohm": 0.01}, {"address": 0x41}, {"bus": 3}, {"kind": "pi-ina219"}):
        other = replace(IDENTITY, **change)
        assert store.load(other) == SensorRecords(identity=other)


def test_a_new_zero_replaces_the_one_at_its_gain(records):
    fresh = mean(shunt_v=5e-5, gain=8)
    assert records.with_zero(fresh).zero_at(8) == fresh
    assert records.with_zero(fresh).zero_at(4) == records.zero_at(4)


def test_damaged_and_missing_records_are_errors_with_a_next_step(tmp_path, records):
    store = CorrectionStore(tmp_path)
    with pytest.raises(CorrectionRecordError, match="sensor list"):
        store.load_key("nothing")
    with pytest.raises(CorrectionRecordError, match="sensor list"):
        store.forget("nothing")
    path = store.save(records)
    path.write_text(path.read_text().replace('"gain"', '"pain"'))
    with pytest.raises(CorrectionRecordError, match="sensor zero"):
        store.load(IDENTITY)
    (tmp_path / "file").write_text("")
    with pytest.raises(CorrectionRecordError, match="--store"):
        CorrectionStore(tmp_path / "file" / "below").save(records)
