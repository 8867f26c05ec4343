"""How long a split takes by measured transfer times, and what a limit on it is held against."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import stdtrit
from scipy.stats import norm

import joulesplit.optimizer
from joulesplit.calibrate.estimates import upload_time
from joulesplit.calibrate.profile import TransferPercentiles, UploadTime
from joulesplit.calibrate.windows import WindowTransfers
from joulesplit.optimizer import Constraints, SplitPolicy, Usage
from joulesplit.optimizer._link_time import link_time
from joulesplit.optimizer.errors import (
    InvalidConstraintError,
    NoFeasibleSplitError,
    ProfileUnusableError,
)
from window_records import window_record

decide = partial(joulesplit.optimizer.decide, model_u_rel=0.0)

FLOP, BITS, INPUT = (100, 200, 400), (6400, 3200, 64), 9600
COMPUTE_S = (0.0, 0.1, 0.3, 0.6)


@pytest.fixture(scope="session")
def small(make_network):
    return make_network(FLOP, BITS, input_elements=300)


def timed(make_quantity, *, fixed_s=0.0, bit_s=1e-3, **fields):
    """Transfer times as a profile keeps them, exact unless told otherwise."""
    given = {
        "per_upload_s": make_quantity(fixed_s, unit="s"),
        "per_bit_s": make_quantity(bit_s, unit="s/bit"),
        "covariance": ((0.0, 0.0), (0.0, 0.0)),
        "methods": ("acknowledgement",),
    }
    return UploadTime(**{**given, **fields})


def with_time(profile, time):
    uplink = msgspec.structs.replace(profile.link.uplink, time=time)
    link = msgspec.structs.replace(profile.link, uplink=uplink)
    return msgspec.structs.replace(profile, link=link)


def sizes(*percentiles, transfers=10**9):
    return tuple(
        TransferPercentiles(payload_bits=bits, transfers=transfers, p50_s=a, p95_s=b, p99_s=c)
        for bits, a, b, c in percentiles
    )


def latencies(decision):
    return [candidate.latency_s for candidate in decision.candidates]


def test_an_upload_takes_its_fixed_time_besides_its_bits_and_a_limit_counts_it(
    small, world, make_quantity
):
    """At l = 2 0.3 s are computed, 3200 bit are 3.2 s, and an upload takes 0.25 s besides."""
    profile = with_time(world().profile(), timed(make_quantity, fixed_s=0.25))
    decision = decide(*small, profile)

    assert latencies(decision) == pytest.approx([9.85, 6.75, 3.75, 0.6])
    assert [c.upload_s for c in decision.candidates] == pytest.approx([9.85, 6.65, 3.45, 0.0])
    assert [c.compute_s for c in decision.candidates] == pytest.approx(COMPUTE_S)
    assert decision.best.block == 2
    # Bits over the rate alone are 3.5 s.
    limited = decide(*small, profile, constraints=Constraints(max_latency_s=3.7))
    assert limited.best.block == 3
    assert limited.candidates[2].violates == ("max_latency_s",)
    assert decide(*small, profile, constraints=Constraints(max_latency_s=3.8)).best.block == 2


def test_without_transfer_times_it_is_bits_over_the_rate_and_a_limit_says_what_is_missing(
    small, world
):
    decision = decide(*small, world().profile(), constraints=Constraints(max_latency_s=3.6))
    assert latencies(decision) == pytest.approx([9.6, 6.5, 3.5, 0.6])
    assert [c.latency_ci95_s for c in decision.candidates[:-1]] == [None] * 3
    assert decision.candidates[-1].latency_ci95_s == pytest.approx((0.6, 0.6))
    assert any("neither what an upload takes besides" in note for note in decision.notes)
    unlimited = decide(*small, world().profile())
    assert not any("limit of" in note for note in unlimited.notes)


def test_the_interval_is_that_of_fit_clocks_size_and_computing(small, world, make_quantity):
    per_bit = msgspec.structs.replace(
        make_quantity(1e-3, 2e-5, unit="s/bit"), degrees_of_freedom=8.0
    )
    time = timed(
        make_quantity, per_upload_s=make_quantity(0.25, 0.03, 0.01, unit="s"), per_bit_s=per_bit,
        covariance=((9e-4, -4e-7), (-4e-7, 4e-10)), misfit_rel=0.5, lack_of_fit_rel=0.02,
    )  # fmt: skip
    best = decide(*small, with_time(world().profile(), time)).candidates[2]

    scatter_s = math.sqrt(9e-4 - 2 * 3200 * 4e-7 + 3200**2 * 4e-10)
    rest_s = math.hypot(0.01, 0.02 * 3.45)
    u_s = math.hypot(scatter_s, rest_s)
    freedom = 8.0 * (u_s / scatter_s) ** 4
    assert best.latency_u_s == pytest.approx(u_s)
    half_s = stdtrit(freedom, 0.975) * u_s
    assert best.latency_ci95_s == pytest.approx((3.75 - half_s, 3.75 + half_s))
    # No percentiles: the mean's upper end.
    assert best.latency_limit_s == best.latency_ci95_s[1]


def test_a_limit_is_kept_by_as_many_inferences_as_it_says(small, world, make_quantity):
    """Percentiles at 3200 bit: 3.0, 4.2 and 6.0 s, of uploads of 3.2 s in the mean."""
    time = timed(make_quantity, percentiles=sizes((3200, 3.0, 4.2, 6.0)))
    profile = with_time(world().profile(), time)
    limits_s = {50: 3.3, 95: 4.5, 99: 6.3}
    best = decide(*small, profile).candidates[2]

    assert (best.latency_p50_s, best.latency_p95_s, best.latency_p99_s) == pytest.approx(
        tuple(limits_s.values())
    )
    for percent, limit_s in limits_s.items():
        for more_s, allowed in ((1e-3, True), (-1e-3, False)):
            limits = Constraints(max_latency_s=limit_s + more_s, latency_percentile=percent)
            decision = decide(*small, profile, constraints=limits)
            assert (not decision.candidates[2].violates) is allowed
            note = f"has to be kept by {percent} of 100 inferences"
            assert any(note in text for text in decision.notes)
    # All on the device sends nothing: what an upload takes is nothing to it.
    assert best.latency_limit_s > 1.0
    assert decide(*small, profile).candidates[3].latency_limit_s == pytest.approx(0.6)
    with pytest.raises(NoFeasibleSplitError, match=r"the fastest needs 4\.5 s"):
        decide(*small, profile, constraints=Constraints(max_latency_s=1.0, max_block=2))
    with pytest.raises(InvalidConstraintError, match="50, 95, 99"):
        decide(*small, profile, constraints=Constraints(latency_percentile=90))


def test_percentiles_between_sizes_go_with_the_logarithm_of_the_size(make_quantity):
    time = link_time(
        timed(make_quantity, percentiles=sizes((100, 0.1, 0.2, 0.3), (10_000, 10.0, 40.0, 50.0)))
    )
    assert [t.value_s for t in time.slow(1000)] == pytest.approx([1.0, 3.0, 4.0])
    assert [t.value_s for t in time.slow(10)] == pytest.approx([0.01, 0.02, 0.03])
    assert [t.value_s for t in time.slow(100_000)] == pytest.approx([100.0, 400.0, 500.0])


def test_a_percentile_of_few_transfers_is_known_as_badly_as_theirs_of_an_exponential_tail(
    make_quantity,
):
    scale_s, n = 0.1, 400
    tail = [1.0 + scale_s * math.log(1 / (1 - share)) for share in (0.5, 0.95, 0.99)]
    time = link_time(timed(make_quantity, percentiles=sizes((1000, *tail), transfers=n)))
    # Var of the p-quantile: p / ((1 - p) n) scale², as its density is (1 - p) / scale.
    expected_s = [scale_s * math.sqrt(p / ((1 - p) * n)) for p in (0.5, 0.95, 0.99)]
    assert [t.error.u for t in time.slow(1000)] == pytest.approx(expected_s)


def test_the_first_of_a_burst_is_late_and_so_are_slow_ones_where_firsts_are_many(
    small, world, make_quantity
):
    """An upload after a pause takes 0.2 s and 0.1 ms per bit longer, a connection 0.05 s."""
    time = timed(
        make_quantity, per_burst_s=make_quantity(0.2, unit="s"),
        per_burst_bit_s=make_quantity(1e-4, unit="s/bit"), percentiles=sizes((3200, 3.2, 4.0, 5.0)),
        per_burst_scatter_s=0.0,
    )  # fmt: skip
    profile = with_time(world(connection_j=0.01).profile(), time)

    def split(**usage):
        return decide(*small, profile, usage=Usage(**usage)).candidates[2]

    alone, stream = split(), split(uploads_per_burst=1000.0)
    late_s = 0.2 + 3200e-4
    assert alone.latency_s == pytest.approx(3.5 + late_s)
    assert alone.latency_p95_s == pytest.approx(4.3 + late_s)
    assert stream.latency_s == pytest.approx(3.5 + late_s / 1000)
    assert stream.latency_p95_s == pytest.approx(4.3)
    # One of thirty is a first: among the slowest 5 of 100 there are others, of 1 in 100 not.
    thirty = split(uploads_per_burst=30.0)
    assert thirty.latency_p95_s == pytest.approx(4.3)
    assert thirty.latency_p99_s == pytest.approx(5.3 + late_s)
    often = split(uploads_per_connection=10.0, uploads_per_burst=1000.0)
    assert often.latency_s == pytest.approx(stream.latency_s + 0.005)
    assert often.latency_p95_s == pytest.approx(4.35)


FIRSTS_S = {
    "up to the next beacon": np.linspace(0.0, 0.1, 1001),
    "a few are very late": np.repeat([0.0, 0.3], [92, 8]),
    "one in fifty is": np.repeat([0.0, 0.2], [98, 2]),
}
"""What the first upload after a pause may take longer."""


@pytest.mark.parametrize("longer_s", FIRSTS_S.values(), ids=FIRSTS_S)
def test_how_firsts_scatter_is_in_the_limit_whatever_their_distribution(
    small, world, make_quantity, longer_s
):
    time = timed(
        make_quantity, per_burst_s=make_quantity(float(longer_s.mean()), unit="s"),
        per_burst_scatter_s=float(longer_s.std()), percentiles=sizes((3200, 3.2, 3.2, 3.2)),
    )  # fmt: skip
    profile = with_time(world().profile(), time)

    for percent in (95, 99):
        limits = Constraints(max_latency_s=10.0, latency_percentile=percent)
        split = decide(*small, profile, constraints=limits).candidates[2]
        slow_s = 3.5 + float(np.quantile(longer_s, percent / 100))
        assert split.latency_limit_s >= slow_s - 1e-9
        stated_s = split.latency_p95_s if percent == 95 else split.latency_p99_s
        assert stated_s == pytest.approx(
            3.5 + longer_s.mean() + norm.ppf(percent / 100) * longer_s.std()
        )


def test_without_the_scatter_of_firsts_or_of_few_transfers_there_are_no_percentiles(make_quantity):
    exact = sizes((3200, 3.2, 3.2, 3.2))
    unknown = timed(make_quantity, per_burst_s=make_quantity(0.1, unit="s"), percentiles=exact)
    few = timed(make_quantity, percentiles=sizes((3200, 3.2, 3.2, 3.2), transfers=19))

    assert len(link_time(timed(make_quantity, percentiles=exact)).slow(3200)) == 3
    assert link_time(unknown).slow(3200) == link_time(few).slow(3200) == ()


def test_at_another_rate_what_an_upload_takes_besides_its_bits_stays(small, world, make_quantity):
    covered = world(covariance=((0.0,) * 3,) * 3)
    time = timed(make_quantity, fixed_s=0.25, percentiles=sizes((3200, 3.45, 6.9, 6.9)))
    profile = with_time(covered.profile(), time)
    other = decide(*small, profile, usage=Usage(rate_bit_per_s=500.0)).candidates[2]
    assert other.latency_s == pytest.approx(0.3 + 0.25 + 6.4)
    assert other.latency_p95_s == pytest.approx(0.3 + 2 * (0.25 + 6.4))


def test_a_fixed_time_below_zero_is_none_and_the_bits_take_longer_as_their_covariance_says(
    make_quantity,
):
    time = timed(
        make_quantity, per_upload_s=make_quantity(-0.02, 0.02, unit="s"),
        covariance=((4e-4, -1e-7), (-1e-7, 1e-10)),
    )  # fmt: skip
    assert link_time(time).usual(1000).value_s == pytest.approx(1000 * (1e-3 - 1e-7 / 4e-4 * 0.02))
    # Exactly known sizes on a bend: the line stays theirs.
    bent = timed(make_quantity, fixed_s=-2e-4)
    assert link_time(bent).usual(1000).value_s == pytest.approx(1.0 - 2e-4)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"fixed_s": math.nan},
        {"bit_s": 0.0},
        {"bit_s": math.nan},
        {"covariance": ((1.0, 2.0), (2.0, 1.0))},
        {"covariance": ((1.0,),)},
        {"percentiles": sizes((3200, math.inf, 1.0, 1.0))},
    ],
)
def test_times_that_cannot_be_are_refused(small, world, make_quantity, spoiled):
    profile = with_time(world().profile(), timed(make_quantity, **spoiled))
    with pytest.raises(ProfileUnusableError, match="calibrate"):
        decide(*small, profile)


def test_back_to_back_the_idle_power_of_the_fixed_time_counts(small, world, make_quantity):
    profile = with_time(world(idle_w=2.5).profile(), timed(make_quantity, fixed_s=0.25))
    best = decide(*small, profile, usage=Usage(back_to_back=True)).candidates[2]
    assert best.energy_j == pytest.approx(6.2 + 2.5 * 3.75)


@pytest.fixture(scope="session")
def device_with(world, make_quantity):
    def make(block_j, fixed_s, bit_s, u_rel, percentiles):
        bit = make_quantity(bit_s, u_rel * bit_s, unit="s/bit")
        time = timed(
            make_quantity, fixed_s=fixed_s, per_bit_s=bit, percentiles=percentiles,
            covariance=((0.0, 0.0), (0.0, (u_rel * bit_s) ** 2)),
        )  # fmt: skip
        return with_time(world(flop=(10, 20, 30), block_j=block_j, bit_j=0.002).profile(), time)

    return make


@pytest.fixture(scope="session")
def three_blocks(make_network):
    return make_network((10, 20, 30), (640, 320, 64), input_elements=30)


@given(
    upload=st.tuples(
        st.floats(0.0, 2.0), st.floats(1e-4, 1e-2), st.floats(1.0, 3.0), st.floats(0.0, 0.1)
    ),
    limit_s=st.floats(0.2, 12.0),
    block_j=st.tuples(*[st.floats(0.1, 5.0)] * 3),
)
def test_the_choice_is_the_cheapest_of_those_whose_slow_inferences_keep_the_limit(
    three_blocks, device_with, upload, limit_s, block_j
):
    """Brute force, with the formulas written out once more."""
    fixed_s, bit_s, excess, u_rel = upload
    percentiles = sizes(
        *[(n, *[(fixed_s + n * bit_s) * f for f in (1.0, excess, excess)]) for n in (100, 960)]
    )
    profile = device_with(block_j, fixed_s, bit_s, u_rel, percentiles)
    costs, slowest_s = [], []
    for block, bits in enumerate((960, 640, 320, 0)):
        slow_s = COMPUTE_S[block] + (excess * (fixed_s + bits * bit_s) if bits else 0.0)
        slowest_s.append(slow_s + 1.959964 * excess * u_rel * bit_s * bits)
        costs.append(sum(block_j[:block]) + 0.002 * bits)
    assume(all(abs(slow_s - limit_s) > 1e-3 for slow_s in slowest_s))
    allowed = [block for block, slow_s in enumerate(slowest_s) if slow_s <= limit_s]
    limits = Constraints(max_latency_s=limit_s)
    if not allowed:
        with pytest.raises(NoFeasibleSplitError, match="the fastest needs"):
            decide(*three_blocks, profile, constraints=limits)
        return
    decision = decide(*three_blocks, profile, constraints=limits)
    assert [c.latency_limit_s for c in decision.candidates] == pytest.approx(slowest_s, rel=1e-4)
    assert [c.block for c in decision.candidates if not c.violates] == allowed
    assert decision.best.energy_j == pytest.approx(min(costs[block] for block in allowed))


def test_a_policy_holds_a_deadline_against_slow_inferences(small, world, make_quantity):
    time = timed(make_quantity, fixed_s=0.25, percentiles=sizes((3200, 3.45, 6.9, 6.9)))
    profile = with_time(world(covariance=((0.0,) * 3,) * 3).profile(), time)
    policy = SplitPolicy.build(*small, profile)
    line = policy.lines[2]
    assert line.latency_s(1000.0) == pytest.approx(3.75)
    assert line.limit_s(1000.0) == pytest.approx(0.3 + 2 * 3.45, rel=1e-4)
    assert policy.choose(1000.0, deadline_s=7.3) == 2
    # The average alone would keep it.
    assert policy.choose(1000.0, deadline_s=7.0) == 3
    assert line.own_s == pytest.approx(0.3)
    # Files of before it was kept hold a deadline against the average.
    bare = replace(line, limit_fixed_s=None, limit_bits=None)
    assert bare.limit_s(1000.0) == bare.latency_s(1000.0)


FIXED_S, BIT_S, TAIL_S = 0.02, 5e-8, 0.01
"""A link of 20 Mbit/s: each transfer takes this, and an exponential time of this mean longer."""


def campaign(random):
    """Windows of three sizes, whose transfers scatter one by one."""
    records = []
    for number in range(24):
        bits, n = (32_000, 800_000, 3_200_000)[number % 3], (20, 10)[number % 2]
        times_s = FIXED_S + BIT_S * bits + TAIL_S * random.standard_exponential(n)
        records.append(
            window_record(
                "upload", subject=str(bits), repetitions=n, work_s=times_s.sum(), net_j=1.0,
                idle_w=2.5, number=number, airtime_s=times_s.sum(), payload_bits=n * bits,
                pace="unlimited",
                transfers=WindowTransfers(
                    transfers=n, methods=("acknowledgement",), transfer_s=times_s.sum(),
                    u_transfer_s=1e-5, times_s=tuple(sorted(times_s)), first_s=times_s[0],
                ),
            )
        )  # fmt: skip
    return records


def test_intervals_of_the_time_hold_it_as_often_as_they_say_and_limits_are_kept():
    """400 campaigns: 95 % is 380 ± 4.4; within three standard deviations."""
    random, campaigns, bits = np.random.default_rng(7), 400, 500_000
    truth_s = FIXED_S + BIT_S * bits + TAIL_S
    slow_s = FIXED_S + BIT_S * bits + TAIL_S * math.log(20)
    held = kept = 0
    for _ in range(campaigns):
        time = link_time(upload_time(campaign(random), "unlimited"))
        usual = time.usual(bits)
        held += abs(usual.value_s - truth_s) <= usual.error.half_width
        kept += time.slow(bits)[1].upper_s >= slow_s
    assert 0.95 * campaigns - 13 <= held <= 0.95 * campaigns + 13
    assert kept >= 0.95 * campaigns


def test_sizes_that_leave_the_straight_line_are_told_from_their_scatter():
    """Uploads of the middle size take a tenth longer than the other two say."""
    random = np.random.default_rng(3)

    def lack(bend):
        records = []
        for record in campaign(random):
            longer = 1.0 + bend * (record.payload_bits // record.task.repetitions == 800_000)
            told = record.transfers
            records.append(
                msgspec.structs.replace(
                    record, airtime_s=record.airtime_s * longer,
                    transfers=msgspec.structs.replace(told, first_s=told.first_s * longer),
                )
            )  # fmt: skip
        return upload_time(records, "unlimited").lack_of_fit_rel

    assert lack(0.3) > 0.05
    assert np.mean([lack(0.0) for _ in range(20)]) < 0.02
