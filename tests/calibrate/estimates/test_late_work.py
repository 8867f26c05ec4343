"""What lasts for seconds after work, told from rests."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.estimates import LASTING_S, coverage_factor, late_work
from window_records import rested, window_record

COOLING_W_PER_S = -0.5e-3


def told_by(*rests):
    return late_work([window_record(net_j=0.6, work_s=0.5, rest=rest) for rest in rests])


def test_without_a_rest_nothing_is_told():
    assert told_by(None, None) is None


@pytest.mark.parametrize("lasts_s", LASTING_S)
def test_a_share_that_lasts_is_found_with_its_time_beside_a_board_that_cools_down(lasts_s):
    late = told_by(
        *(
            rested(0.02, lasts_s=lasts_s, slope_w_per_s=COOLING_W_PER_S, seed=seed)
            for seed in range(3)
        )
    )

    assert late.lasts_s == lasts_s
    assert late.share == pytest.approx(0.02, abs=4 * late.u)
    assert late.u < 0.002


def test_a_time_between_two_of_those_looked_for_is_still_found_for_the_most_part():
    assert told_by(rested(0.02, lasts_s=6.5)).share > 0.01


def test_the_uncertainty_is_that_of_the_scatter():
    """Of rests in which nothing lasts, in one of a hundred a share stands out at 99 %."""
    errors = []
    for seed in range(400):
        late = told_by(rested(0.0, seed=seed, slope_w_per_s=COOLING_W_PER_S))
        level = 1 - 0.01 / len(LASTING_S)
        errors.append(abs(late.share) > coverage_factor(late.degrees_of_freedom, level) * late.u)

    assert np.mean(errors) < 0.02


def test_what_stays_for_seconds_by_itself_is_no_share_that_is_known_well():
    """Of such noise 0.7 is there a bin later: as independent, 59 of 100 stand out at 95 %."""
    random, beyond = np.random.default_rng(7), []
    for seed in range(200):
        rest = rested(0.0, seed=seed)
        slow_w = np.zeros(len(rest.power_w))
        for place in range(1, len(slow_w)):
            slow_w[place] = 0.7 * slow_w[place - 1] + 5e-3 * random.standard_normal()
        power_w = tuple(float(w) for w in np.array(rest.power_w) + slow_w)
        late = told_by(msgspec.structs.replace(rest, power_w=power_w))
        level = 1 - 0.05 / len(LASTING_S)
        beyond.append(abs(late.share) > coverage_factor(late.degrees_of_freedom, level) * late.u)

    # 16 in a hundred do of so slow a noise, which 32 bins hardly tell.
    assert np.mean(beyond) < 0.2
