from __future__ import annotations

from math import sqrt

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.estimates import edge_share, window_budget
from joulesplit.drivers.readings import SensorDescription
from window_records import window_record

SENSOR = SensorDescription(
    kind="test",
    name="test",
    rail="5 V",
    includes="all",
    simulated=False,
    modelled=False,
    cycle_s=9e-3,
    observed_fraction=0.94,
    voltage_resolution_v=4e-3,
    current_resolution_a=1e-4,
    full_scale_a=1.6,
    accuracy=(),
)

WINDOW = window_record(
    block=1, repetitions=5, net_j=0.54, work_s=0.36, idle_w=2.5, idle_s=0.3, readings=50
)


def terms(*records):
    return {t.name: t for t in window_budget(records, SENSOR)}


def test_the_edge_term_is_what_a_simulated_sensor_does_at_the_edges():
    """Work that begins and ends anywhere in a cycle whose last part is not observed."""
    random = np.random.default_rng(1)
    dead, cycle_s, work_s = 0.06, 9e-3, 0.36
    edges = random.uniform(0, 1, size=(20_000, 2))
    # Share of a cycle after an edge at u, as seen in the observed part, less the true share.
    seen = np.maximum(1 - dead - edges, 0) / (1 - dead) - (1 - edges)
    error = (seen[:, 0] - seen[:, 1]) * cycle_s / work_s

    assert edge_share(SENSOR, work_s) == pytest.approx(error.std(), rel=0.03)


def test_terms_are_those_of_the_shortest_window_relative_to_its_net_energy():
    longer = msgspec.structs.replace(WINDOW, work_s=1.0, gross_j=4.0, net_j=1.5)

    found = terms(longer, WINDOW)

    assert found["window edges"].standard_uncertainty == pytest.approx(0.06 * 9e-3 / sqrt(6) / 0.36)
    step_w = np.hypot(1e-4 * 5.0, 4e-3 * 0.8)
    assert found["resolution"].standard_uncertainty == pytest.approx(
        step_w / sqrt(12) / sqrt(40) / 1.5
    )
    assert found["dead time"].standard_uncertainty == pytest.approx(0.06 / sqrt(3) / sqrt(40))


def test_what_scatter_does_not_show_is_in_the_intervals():
    stepped = msgspec.structs.replace(WINDOW, idle_step_w=0.03)

    found = terms(stepped, stepped)

    assert [t.name for t in found.values() if t.treatment == "in-interval"] == [
        "settling",
        "late energy",
        "later work",
        "sampler overhead",
        "bursts",
        "slewed clock",
    ]
    assert found["settling"].standard_uncertainty == pytest.approx(0.03 / 2 / sqrt(3) / 1.5)


def test_without_compute_windows_there_are_no_terms():
    assert window_budget([], SENSOR) == ()


def watched(*late_j):
    return [msgspec.structs.replace(WINDOW, late_j=each_j) for each_j in late_j]


def mean_square_by_quadrature(measured, u):
    """Return the root mean square of a share: none in half, else some 3 %, 0.1 of it below."""

    def normal(x, sd):
        return np.exp(-((x / sd) ** 2) / 2) / sd

    shares, step = np.linspace(-0.3, 0.3, 60_001, retstep=True)
    side = 2 * np.where(shares > 0, 0.9, 0.1)
    late = 0.5 * side * normal(shares, 0.03) * normal(measured - shares, u) * step / sqrt(2 * np.pi)
    return sqrt(late @ shares**2 / (late.sum() + 0.5 * normal(measured, u)))


def test_what_came_late_is_a_term_as_large_as_what_was_watched_shows_it_to_be():
    scattering = terms(*watched(0.002, -0.002, 0.002, -0.002))["late energy"]
    clear = terms(*watched(0.012, 0.010, 0.012, 0.010))["late energy"]

    assert scattering.degrees_of_freedom == clear.degrees_of_freedom == 3
    # Student's t of three degrees of freedom over the normal quantile.
    u = (0.002 * sqrt(4 / 3) / sqrt(4)) / 0.54 * 3.182 / 1.960
    expected = mean_square_by_quadrature(0.0, u)
    assert scattering.standard_uncertainty == pytest.approx(expected, rel=1e-3)
    assert expected < 0.7 * u
    expected = mean_square_by_quadrature(0.011 / 0.54, u / 2)
    assert clear.standard_uncertainty == pytest.approx(expected, rel=1e-3)
    assert expected == pytest.approx(0.011 / 0.54, rel=0.02)


def test_a_step_either_way_is_a_term():
    for step_w in (0.03, -0.03):
        record = msgspec.structs.replace(WINDOW, idle_step_w=step_w)
        share = 0.03 / 2 / (0.54 / 0.36)
        assert terms(record)["settling"].standard_uncertainty == pytest.approx(share / sqrt(3))


def test_the_fastest_clock_of_the_windows_is_a_term():
    rates = (20e-6, -400e-6, None)
    windows = [msgspec.structs.replace(WINDOW, clock_rate=rate) for rate in rates]

    assert terms(*windows)["slewed clock"].standard_uncertainty == pytest.approx(400e-6 / sqrt(3))
