from __future__ import annotations

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.estimates import coverage_factor
from joulesplit.calibrate.estimates._baseline import (
    idle_departures_w,
    idle_estimate,
    observations_at_common_idle,
)
from joulesplit.calibrate.windows import WindowRecord
from window_records import window_record


def window(number: int, idle_w: float, kind: str = "compute") -> WindowRecord:
    return window_record(
        kind, block=1, repetitions=5, net_j=0.6, work_s=0.5, idle_w=idle_w, number=number,
        idle_s=0.3,
    )  # fmt: skip


def test_gross_energies_of_a_warming_board_are_brought_to_its_mean_idle_power():
    warming = [window(n, 2.6 + 0.1 * (1 - np.exp(-n / 30))) for n in range(90)]
    mean_w = np.mean([record.idle_power_w for record in warming])

    found = observations_at_common_idle(warming, "compute")

    # The raw ones spread by 0.05 J.
    gross = [observation.gross_j for observation in found]
    assert gross == pytest.approx([0.6 + mean_w * 0.5] * 90, abs=5e-4)
    assert {observation.net_j for observation in found} == {0.6}


def test_noise_of_single_idle_powers_is_not_carried_into_the_energies():
    random = np.random.default_rng(3)
    noisy = [window(n, 2.6 + 0.01 * random.standard_normal()) for n in range(90)]

    departures = idle_departures_w(noisy)

    # Seven coefficients of 90 windows keep √(7/90) of the noise.
    assert np.std(departures) < 0.01 * np.sqrt(7 / 90) * 1.5
    assert departures.mean() == pytest.approx(0.0, abs=1e-12)


def test_the_course_is_taken_from_all_windows_and_few_windows_have_none():
    mixed = [window(n, 2.6 + 0.001 * n, "upload" if n % 5 == 0 else "compute") for n in range(40)]

    uploads = observations_at_common_idle(mixed, "upload")

    assert len(uploads) == 8
    assert np.ptp([observation.gross_j for observation in uploads]) < 1e-9
    few = [msgspec.structs.replace(record) for record in mixed[:10]]
    assert not idle_departures_w(few).any()
    assert observations_at_common_idle([], "upload") == []


def test_the_idle_power_of_a_warming_board_is_as_certain_as_its_scatter_lets_it_be():
    """Warming is part of the mean over the campaign; taken for scatter it would cover 99 %."""
    random = np.random.default_rng(5)
    course = 2.6 + 0.05 * (1 - np.exp(-np.arange(90) / 30))
    inside = 0
    for _ in range(800):
        noise = 0.005 * random.standard_normal(90)
        found = idle_estimate([window(n, course[n] + noise[n]) for n in range(90)])
        half = coverage_factor(found.degrees_of_freedom) * found.u_stat
        inside += abs(found.value - course.mean()) <= half

    # Three standard errors of chance are 2.3 %.
    assert 0.925 <= inside / 800 <= 0.975
