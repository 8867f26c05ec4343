"""What lasts for seconds after work, told from rests."""

from __future__ import annotations

from math import hypot

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.estimates import coverage_factor, late_work
from joulesplit.calibrate.estimates._late_history import LateHistory
from joulesplit.calibrate.estimates._late_shape import LateShape
from joulesplit.calibrate.estimates._late_work import FADING_S, LASTING_S, reach_of, worth_of
from window_records import rested, window_record, windows_with_late_work

COOLING_W_PER_S = -0.5e-3
LONG_S = 32.0


def told_by(*rests):
    records = [window_record(net_j=0.6, work_s=0.5, rest=rest) for rest in rests]
    return late_work(records, "computing")


def stands_out(late, level):
    clear_at = coverage_factor(late.told.degrees_of_freedom, 1 - (1 - level) / late.shapes)
    return abs(late.told.share) > clear_at * late.told.u


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

    assert str(late.shape) == f"for some {lasts_s:g} s"
    assert late.told.share == pytest.approx(0.02, abs=4 * late.told.u)
    assert late.told.u < 0.002


@pytest.mark.parametrize("fades_s", [s for s in FADING_S if s <= 10])
def test_a_share_that_fades_is_found_with_its_time_constant_too(fades_s):
    late = told_by(
        *(
            rested(0.04, fades_s=fades_s, rest_s=LONG_S, slope_w_per_s=COOLING_W_PER_S, seed=seed)
            for seed in range(3)
        )
    )

    # As fading over 8 s, what fades over 10 s is a quarter smaller; three rests do not tell these.
    if fades_s < 8:
        assert str(late.shape) == f"fading over some {fades_s:g} s"
        assert late.told.share == pytest.approx(0.04, abs=4 * late.told.u)
    assert late.told.share > 0.025
    assert stands_out(late, 0.99)
    assert late.told.u < 0.003


def test_a_time_between_two_of_those_looked_for_is_still_found_for_the_most_part():
    assert told_by(rested(0.02, lasts_s=6.5)).told.share > 0.01


def test_what_fades_as_slowly_as_a_board_cools_is_not_looked_for_in_a_short_rest():
    assert told_by(rested(0.0)).shapes == len(LASTING_S) + sum(s <= 8.8 for s in FADING_S)


def test_the_uncertainty_is_that_of_the_scatter():
    """Of rests in which nothing lasts, in one of a hundred a share stands out at 99 %."""
    beyond = []
    for seed in range(400):
        late = told_by(rested(0.0, seed=seed, slope_w_per_s=COOLING_W_PER_S))
        beyond.append(stands_out(late, 0.99))

    assert np.mean(beyond) < 0.02


def test_what_stays_for_seconds_by_itself_is_no_share_that_is_known_well():
    """Of such noise 0.7 is there a bin later: as independent, 59 of 100 stand out at 95 %."""
    random, beyond = np.random.default_rng(7), []
    for seed in range(200):
        rest = rested(0.0, seed=seed)
        slow_w = np.zeros(len(rest.power_w))
        for place in range(1, len(slow_w)):
            slow_w[place] = 0.7 * slow_w[place - 1] + 5e-3 * random.standard_normal()
        power_w = tuple(float(w) for w in np.array(rest.power_w) + slow_w)
        beyond.append(stands_out(told_by(msgspec.structs.replace(rest, power_w=power_w)), 0.95))

    # 16 in a hundred do of so slow a noise, which 32 bins hardly tell.
    assert np.mean(beyond) < 0.2


def test_what_a_measurement_of_one_way_is_worth_is_the_mean_over_it_and_nothing():
    """Of shares drawn as it takes them to be, none in half and else some 3 %, 0.1 below."""
    random = np.random.default_rng(1)
    shares = np.abs(0.03 * random.standard_normal(2000))
    shares *= np.where(random.random(2000) < 0.1, -1, 1) * (random.random(2000) > 0.5)
    measured = shares + 0.004 * random.standard_normal(2000)
    worth = np.array([worth_of([(float(m), 0.004)], 1e9) for m in measured])

    for clear in (abs(measured) < 0.008, abs(measured) >= 0.008):
        # The mean square of what there was is the mean square of what it was taken for.
        ratio = np.sqrt(np.mean(shares[clear] ** 2) / np.mean(worth[clear] ** 2))
        assert ratio == pytest.approx(1.0, abs=0.15)
    assert worth_of([(0.05, 0.002)], 1e9) == pytest.approx(hypot(0.05, 0.002), rel=0.02)


@pytest.mark.parametrize(
    ("share", "lasting"),
    [(0.015, {"fades_s": 6.0}), (0.02, {"fades_s": 8.0}), (0.01, {"lasts_s": 2.5})],
)
def test_what_comes_late_is_within_what_it_is_worth_however_it_ends(share, lasting):
    """Looked for as something that ends alone, what fades slowly was held in 0 to 3 of 100."""
    rests = (rested(share, **lasting, rest_s=LONG_S, noise_w=3e-3, seed=n) for n in range(100))
    # Beside what else is in the interval of E_d, 0.5 % either way.
    held = [share < 1.96 * hypot(0.0025, told_by(rest).worth) for rest in rests]

    assert np.mean(held) >= 0.87


def test_where_nothing_comes_late_the_term_is_a_fraction_of_a_percent():
    rests = (rested(0.0, rest_s=LONG_S, noise_w=3e-3, seed=n) for n in range(100))

    # It is how well the best known way is known, and not how well the worst is, which is 0.6 %.
    assert np.median([told_by(rest).worth for rest in rests]) < 0.003


@pytest.mark.parametrize(
    ("late", "work", "shares"),
    [
        ({"upload": (0.05, 8.0)}, "uploads", (0.05, 0.0)),
        ({"compute": (0.01, 8.0)}, "computing", (0.01, 0.0)),
        ({"compute": (0.02, 8.0), "upload": (0.05, 4.0)}, "computing", (0.02, 0.05)),
    ],
)
def test_idle_powers_of_windows_tell_what_fades_too_slowly_for_a_rest(late, work, shares):
    """A rest of 16 s tells 5 % over 8 s from a board that cools down to 3 % of the work's power."""
    history = LateHistory(windows_with_late_work(late))

    told = history.told(work, 8.0)

    assert told.share == pytest.approx(shares[0], abs=4 * told.u)
    assert told.u < 0.004
    other = "computing" if work == "uploads" else "uploads"
    left = history.told(other, 4.0)
    assert left.share == pytest.approx(shares[1], abs=5 * left.u)


def test_what_idle_powers_tell_is_known_no_better_than_slow_noise_lets_it():
    told = [
        LateHistory(windows_with_late_work({}, slow_w=0.01, windows=60, seed=seed)).told(
            "computing", 6.0
        )
        for seed in range(30)
    ]

    beyond = [abs(one.share) > coverage_factor(one.degrees_of_freedom) * one.u for one in told]
    # Of thirty tests at 95 % more than five fail in one of three hundred.
    assert sum(beyond) <= 5


def test_a_share_that_is_clear_is_reached_and_not_exceeded_twice():
    reach = reach_of([(0.1, 0.005)], 1e9, [1.0])

    # 1.96 standard uncertainties beyond it, less what is usual pulls it towards none.
    assert reach == pytest.approx(0.1 + 1.96 * 0.005, abs=0.004)
    assert 1.96 * worth_of([(0.1, 0.005)], 1e9) > 0.18


def test_what_net_energies_miss_is_reached_and_not_the_share():
    assert reach_of([(0.1, 0.005)], 1e9, [1.3]) == pytest.approx(
        1.3 * reach_of([(0.1, 0.005)], 1e9, [1.0]), rel=1e-6
    )


def test_shares_are_below_what_is_reached_as_often_as_it_says():
    """Of shares drawn as they are taken to be, where each is measured."""
    random = np.random.default_rng(2)
    shares = np.abs(0.03 * random.standard_normal(1000)) * (random.random(1000) > 0.5)
    measured = shares + 0.01 * random.standard_normal(1000)

    below = [
        share <= reach_of([(float(told), 0.01)], 1e9, [1.0])
        for share, told in zip(shares, measured, strict=True)
    ]

    # 25 of a thousand are not; 40 or more in one of four hundred tests.
    assert np.mean(below) > 0.96


@pytest.mark.parametrize("fades_s", [0.5, 1.0, 3.0])
def test_what_net_energies_miss_is_what_they_do_where_power_is_drawn(fades_s):
    """What fades at once is drawn within the work for the most part, and billed to it."""
    records = windows_with_late_work({"compute": (0.2, fades_s)}, noise_w=0.0)
    own = [record for record in records if record.task.kind == "compute"]
    # The work draws 1 W.
    missing = 1 - sum(record.net_j for record in own) / sum(record.work_s for record in own)

    shape = LateShape(seconds=fades_s, fades=True)

    assert LateHistory(records).missed("computing", shape) == pytest.approx(missing / 0.2, rel=0.02)


def test_net_energies_miss_more_than_what_comes_late_where_it_is_in_the_idle_taken_off():
    """Windows stand 0.9 s apart, so that what ends then is over before the next work."""
    history = LateHistory(windows_with_late_work({}))

    assert history.missed("computing", LateShape(seconds=0.9, fades=False)) > 1.2


def test_a_board_that_was_warm_before_the_first_window_draws_nothing_late():
    """It cools down by 40 mW over 90 s, which no work of the campaign explains."""
    records = windows_with_late_work({})
    first_s = records[0].started_ns * 1e-9

    def cooling_w(record):
        return 0.04 * np.exp(-(record.started_ns * 1e-9 - first_s) / 90.0)

    warm = [
        msgspec.structs.replace(one, idle_power_w=one.idle_power_w + float(cooling_w(one)))
        for one in records
    ]
    told = LateHistory(warm).told("computing", 13.0)

    assert abs(told.share) < 2 * told.u
    assert told.u < 0.01


def test_a_way_whose_measurements_disagree_is_no_less_likely_than_nothing_late():
    """Noise of both says the same of any share of theirs, none included."""
    fading, ending = (0.02, 0.006), (0.006, 0.001)

    assert worth_of([fading, ending], 1e9, [3.0, 1.0]) == pytest.approx(0.02, rel=0.1)
    assert worth_of([fading, ending], 1e9) < 0.01
