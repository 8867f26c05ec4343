from __future__ import annotations

from math import hypot, inf, isinf

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.estimates import (
    Estimate,
    coverage_factor,
    quantity,
)
from joulesplit.calibrate.estimates._uncertainty import reciprocal
from joulesplit.calibrate.profile import BudgetTerm, diff_profiles, figures_of
from joulesplit.calibrate.profile._figures import Figure, statistics_of
from joulesplit.drivers.readings import AccuracyTerm
from joulesplit.metrology import SystematicBudget, budget_of


def by_name(found):
    return {figure.name: figure for figure in found.figures}


def changed(profile, part, **fields):
    return msgspec.structs.replace(
        profile, **{part: msgspec.structs.replace(getattr(profile, part), **fields)}
    )


@pytest.mark.parametrize("dof", [3, 12, 60, 200])
@pytest.mark.parametrize("scale", [0.0, 0.0005, 0.005])
@pytest.mark.parametrize("per_joule", [False, True])
def test_the_degrees_of_freedom_behind_an_interval_are_found_again(make_measured, dof, scale,
                                                                    per_joule):  # fmt: skip
    budget = SystematicBudget(terms=(), scale_u_rel=scale, offset_u_w=0.0)
    estimate = Estimate(value=0.02, u_stat=4e-5, degrees_of_freedom=dof, n=500)
    stated = quantity(estimate, "J", budget)
    # Profiles of before did not state them.
    stated = msgspec.structs.replace(stated, degrees_of_freedom=None)
    if per_joule:
        stated = reciprocal(1e7, stated, "FLOP/J")
    sensor = msgspec.structs.replace(make_measured().sensor, scale_u_rel=scale)

    found = statistics_of(Figure(name="", quantity=stated), sensor)

    # Where the scale rules, the interval hardly depends on ν: then a few percent are enough.
    assert found.degrees_of_freedom == pytest.approx(dof, rel=0.05)
    assert found.u_stat / stated.value == pytest.approx(2e-3)
    assert found.u_scale / stated.value == pytest.approx(scale)
    assert found.u_rest == pytest.approx(0.0, abs=1e-9 * stated.value)


@pytest.mark.parametrize("per_joule", [False, True])
def test_the_degrees_of_freedom_of_an_interval_of_bounds_are_those_stated(make_measured, per_joule):
    """Its coverage factor is below the normal one and tells nothing of them."""
    bound = AccuracyTerm(
        name="shunt", kind="scale", half_width=0.01, distribution="rectangular", source="test"
    )
    estimate = Estimate(value=0.02, u_stat=4e-5, degrees_of_freedom=9.5, n=500)
    stated = quantity(estimate, "J", budget_of((bound,)))
    if per_joule:
        stated = reciprocal(1e7, stated, "FLOP/J")

    found = statistics_of(Figure(name="", quantity=stated), make_measured().sensor)

    assert found.degrees_of_freedom == 9.5
    assert (stated.ci95[1] - stated.ci95[0]) / 2 < 1.8 * hypot(stated.u_stat, stated.u_sys)


def test_a_profile_does_not_differ_from_itself(make_measured):
    found = diff_profiles(make_measured(), make_measured())

    assert found.differing == 0
    assert {figure.difference for figure in found.figures} == {0.0}
    assert found.circumstances == {}
    assert found.same_sensor
    assert len(found.figures) == len(list(figures_of(make_measured())))


def test_the_common_scale_leaves_only_its_share_of_the_difference(make_measured):
    """By hand: u² = 2·(0.002·x)² + (0.005·d)² for one sensor, + 2·(0.005·x)² for two."""
    first, second = make_measured(), make_measured(block_j=(0.0202, 0.03))
    same, different = (
        by_name(diff_profiles(first, second, same_sensor=sensor))["e_1 net"]
        for sensor in (True, False)
    )
    difference = 0.0002
    u_stat = 0.002 * hypot(0.02, 0.0202)

    def half(figure):
        return (figure.ci95[1] - figure.ci95[0]) / 2

    assert same.difference == pytest.approx(difference)
    assert half(same) == pytest.approx(
        coverage_factor(40) * hypot(u_stat, 0.005 * difference), rel=0.01
    )
    assert half(different) == pytest.approx(
        1.97 * hypot(u_stat, 0.005 * 0.02, 0.005 * 0.0202), rel=0.01
    )
    assert (same.verdict, different.verdict) == ("differs", "does not differ")


@pytest.mark.parametrize("same_sensor", [True, False])
def test_what_is_called_different_by_chance_is_one_in_twenty(make_measured, same_sensor):
    """Two measurements of one truth, by one sensor with one scale error, or by two sensors."""
    random = np.random.default_rng(7)
    trials, false_alarms = 800, {"e_1 net": 0, "E_d net": 0, "E_c net": 0}
    for _ in range(trials):
        scales = 1 + 0.005 * random.standard_normal(2)
        profiles = [
            _drawn(make_measured, random, scales[0] if same_sensor else scale) for scale in scales
        ]
        found = by_name(diff_profiles(*profiles, same_sensor=same_sensor))
        for name in false_alarms:
            false_alarms[name] += found[name].verdict == "differs"
    # 0.05 ± 3 standard deviations of a binomial of 800
    assert all(0.027 <= count / trials <= 0.073 for count in false_alarms.values()), false_alarms


def _drawn(make_measured, random, scale):
    """Draw a campaign: energies with scatter whose size is itself estimated from 8 windows."""
    dof = 8
    u_rel = 0.002 * float(np.sqrt(random.chisquare(dof) / dof))

    def around(value):
        return float(scale * value * (1 + 0.002 * random.standard_normal()))

    air = around(1.0)
    return make_measured(
        block_j=(around(0.02), around(0.03)),
        air_w=0.5 * air,
        bit_j=1.5e-8 * air,
        u_rel=u_rel,
        dof=dof,
        scale_u=0.005,
    )


@pytest.mark.parametrize(
    ("part", "fields", "reason"),
    [
        ("sensor", {"settings": {"shunt_ohm": 0.05}}, "sensor.settings.shunt_ohm"),
        ("sensor", {"name": "INA219 at 0x41 on bus 1"}, "sensor.name"),
        ("device", {"hostname": "attic-pi"}, "the device"),
        ("device", {"board": "Raspberry Pi 5"}, "the device"),
    ],
)
def test_the_scale_of_two_sensors_does_not_cancel_and_the_reason_is_said(
    make_measured, part, fields, reason
):
    found = diff_profiles(make_measured(), changed(make_measured(), part, **fields))

    assert not found.same_sensor
    assert found.sensor_reason.startswith(f"{reason} differs")


def test_what_a_sensor_measures_of_itself_makes_it_no_other_sensor(make_measured):
    settings = {"shunt_ohm": 0.1, "transaction_s": 1.3e-4}
    found = diff_profiles(make_measured(), changed(make_measured(), "sensor", settings=settings))

    assert found.same_sensor
    assert found.circumstances == {}


def test_environment_and_settings_that_differ_are_listed_by_path(make_measured):
    other = changed(make_measured(), "device", governor="ondemand", soc="BCM2711")
    found = diff_profiles(make_measured(), other)

    assert found.circumstances == {
        "device.governor": ("performance", "ondemand"),
        "device.soc": (None, "BCM2711"),
    }


def test_figures_that_mean_something_else_are_not_compared(make_measured):
    other = changed(make_measured(rate_bit_per_s=5e6), "compute", flop_convention="other")
    model = msgspec.structs.replace(other.compute.model, sha256="cd" * 32)
    found = diff_profiles(make_measured(), changed(other, "compute", model=model))

    assert not {name for name in by_name(found) if name.startswith(("E_d", "E_c", "e_1", "t_1"))}
    assert {"P_0 idle", "E_0 net", "e_bit net"} <= by_name(found).keys()
    assert len(found.not_compared) == 3


def test_a_source_without_uncertainty_differs_by_no_verdict(make_measured):
    figure = msgspec.structs.replace(
        make_measured().idle.power_w, ci95=None, u_stat=None, u_sys=None, n=0
    )
    bare = changed(make_measured(), "idle", power_w=figure)

    assert by_name(diff_profiles(make_measured(), bare))["P_0 idle"].verdict == "no interval"


def test_a_figure_without_scatter_has_no_limit_of_degrees(make_measured):
    exact = msgspec.structs.replace(make_measured().idle.power_w, u_stat=0.0)

    assert isinf(statistics_of(Figure(name="", quantity=exact), None).degrees_of_freedom)
    assert coverage_factor(inf) == pytest.approx(1.959964)


BOUND = AccuracyTerm(
    name="shunt", kind="scale", half_width=0.01, distribution="rectangular", source="test"
)
TERM = BudgetTerm(
    name="shunt",
    kind="scale",
    standard_uncertainty=0.01 / 3**0.5,
    source="test",
    distribution="rectangular",
)


def bounded(make_measured, power_w, *, dof=8, u_stat=1e-9):
    """Return a profile whose idle power has a bound of one percent, and hardly any scatter."""
    estimate = Estimate(value=power_w, u_stat=u_stat, degrees_of_freedom=dof, n=10)
    profile = changed(make_measured(), "idle", power_w=quantity(estimate, "W", budget_of((BOUND,))))
    return changed(profile, "sensor", budget=(TERM,), scale_u_rel=TERM.standard_uncertainty)


def half_width(found):
    return (found.ci95[1] - found.ci95[0]) / 2


def test_the_difference_under_two_bounds_has_a_triangular_interval(make_measured):
    """Two rectangles of half-width a add to a triangle, of which 95 % is 2·a·(1 − √0.05)."""
    pair = bounded(make_measured, 2.0), bounded(make_measured, 2.0)

    found = by_name(diff_profiles(*pair, same_sensor=False))["P_0 idle"]

    bound_w = 0.01 * 2.0
    assert half_width(found) == pytest.approx(2 * bound_w * (1 - 0.05**0.5), rel=0.01)


def test_the_difference_under_one_bound_has_a_rectangular_interval(make_measured):
    """What one sensor's scale leaves is d·s, which is never above d times its bound."""
    pair = bounded(make_measured, 2.0), bounded(make_measured, 2.5)

    found = by_name(diff_profiles(*pair, same_sensor=True))["P_0 idle"]

    assert half_width(found) == pytest.approx(0.95 * 0.01 * 0.5, rel=1e-3)


def test_few_degrees_of_freedom_behind_a_difference_widen_it_by_student_s_t(make_measured):
    """The same scatter, known as badly twice: Welch and Satterthwaite give 2·ν."""
    pair = [bounded(make_measured, 2.0, dof=4, u_stat=0.1) for _ in range(2)]

    found = by_name(diff_profiles(*pair, same_sensor=True))["P_0 idle"]

    assert half_width(found) == pytest.approx(coverage_factor(8) * hypot(0.1, 0.1), rel=1e-3)
