from __future__ import annotations

from dataclasses import replace

import pytest

from joulesplit.calibrate.checks import judge_runs
from joulesplit.calibrate.checks._conditions import THROTTLED_DURING
from joulesplit.calibrate.estimates import run_figures
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.drivers.readings import SensorDescription
from window_records import window_record

SENSOR = SensorDescription(
    kind="ina219",
    name="INA219",
    rail="5 V supply",
    includes="everything behind the shunt",
    simulated=False,
    modelled=False,
    cycle_s=0.009,
    observed_fraction=0.94,
    voltage_resolution_v=0.004,
    current_resolution_a=0.0001,
    full_scale_a=3.2,
    accuracy=(),
)
SAMPLING = SamplerStatistics(readings=10_000, lost=0, clipped=0, cpu_fraction=0.02)
NETS_J = (1.0, 1.004, 0.998, 1.001)


def runs(*nets_j, work_s=2.0, **fields):
    return [
        window_record("phase", net_j=net_j, work_s=work_s, number=number, **fields)
        for number, net_j in enumerate(nets_j)
    ]


def judged(records, *, sampling=SAMPLING, sensor=SENSOR, extra=()):
    """Return the verdict and the checks that did not pass, by name."""
    quality = judge_runs(records, run_figures(records, ()), sampling, sensor, extra)
    troubled = {check.name: check for check in quality.checks if check.outcome != "pass"}
    return quality.verdict, troubled


def test_runs_that_went_well_are_valid():
    assert judged(runs(*NETS_J)) == ("valid", {})


@pytest.mark.parametrize(
    ("records", "name", "value", "verdict"),
    [
        (runs(1.0), "repeated-runs", 1, "suspect"),
        (runs(*NETS_J, work_s=0.0899), "run-length", 0.0899 / 0.009, "suspect"),
        (runs(*NETS_J, idle_step_w=-0.06), "idle-sides", 0.06 / 2 * 2.0 / 1.00075, "suspect"),
        (runs(-0.01, -0.02, -0.01), "net-above-zero", 1, "rejected"),
        (runs(0.0, 0.0), "net-above-zero", 1, "rejected"),
        (runs(*NETS_J, resets=1), "chip-resets", 4, "rejected"),
        (runs(*NETS_J, clock_steps=1), "clock-steps", 4, "rejected"),
    ],
)
def test_each_trouble_of_the_runs_is_told_by_its_own_check(records, name, value, verdict):
    found, troubled = judged(records)

    assert (found, list(troubled)) == (verdict, [name])
    assert troubled[name].value == pytest.approx(value)
    assert troubled[name].advice


def test_a_net_energy_that_scatters_too_widely_is_suspect():
    verdict, troubled = judged(runs(1.0, 1.1))

    # Half of the difference is the standard uncertainty of the mean; t is 12.706.
    assert (verdict, list(troubled)) == ("suspect", ["net-interval"])
    assert troubled["net-interval"].value == pytest.approx(12.7062 * 0.05 / 1.05, rel=1e-4)


def test_an_idle_power_that_drifts_over_the_runs_is_suspect():
    records = [
        window_record("phase", net_j=net_j, work_s=2.0, number=number, idle_w=2.0 + 0.02 * number)
        for number, net_j in enumerate(NETS_J)
    ]

    verdict, troubled = judged(records)

    assert (verdict, list(troubled)) == ("suspect", ["idle-drift"])
    assert troubled["idle-drift"].value == pytest.approx(0.06 / 2.03)


@pytest.mark.parametrize(
    ("counts", "name", "verdict"),
    [
        ({"lost": 200}, "lost-conversions", "suspect"),
        ({"clipped": 1}, "clipped-readings", "rejected"),
        ({"doubtful": 10}, "doubtful-words", "suspect"),
        ({"late": 200}, "late-reader", "suspect"),
        ({"stuck": 1}, "stuck-readings", "rejected"),
        ({"peak_a": 2.9}, "headroom", "suspect"),  # of a range that ends at 3.2 A
    ],
)
def test_readings_that_are_not_whole_are_told(counts, name, verdict):
    found, troubled = judged(runs(*NETS_J), sampling=replace(SAMPLING, **counts))

    assert (found, list(troubled)) == (verdict, [name])


def test_a_simulated_board_is_always_rejected_for_its_power_does_not_follow_the_command():
    verdict, troubled = judged(runs(*NETS_J), sensor=replace(SENSOR, simulated=True))

    assert (verdict, list(troubled)) == ("rejected", ["power-follows"])


def test_what_became_of_the_machine_counts_too():
    verdict, troubled = judged(runs(*NETS_J), extra=(THROTTLED_DURING.judge(4.0),))

    assert (verdict, list(troubled)) == ("rejected", ["throttled-during"])


@pytest.mark.parametrize("idle_power_w", [0.0, -0.0])
def test_a_sensor_that_shows_exactly_nothing_is_judged_and_no_error(idle_power_w):
    records = runs(0.0, 0.0, 0.0, idle_power_w=idle_power_w)
    verdict, troubled = judged(records)
    assert verdict == "rejected"
    assert "net-above-zero" in troubled
    assert "idle-drift" not in troubled


def test_an_idle_below_zero_that_drifts_is_told_as_one_above():
    drifting = [
        window_record("phase", net_j=net_j, work_s=2.0, number=number, idle_w=-2.0 - 0.2 * number)
        for number, net_j in enumerate(NETS_J)
    ]
    assert "idle-drift" in judged(drifting)[1]
