"""Uploads whose cost depends on how they are paced: each pace's figure is its own."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.checks import Evidence, judge
from joulesplit.calibrate.estimates import (
    disturbed_uploads,
    rates_left_out,
    rates_not_carried,
    ratio_of_e_d_and_e_c,
    uplink_of,
    upload_time,
)
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.windows import WindowTransfers
from joulesplit.metrology import SystematicBudget
from joulesplit.optimizer._link_time import link_time
from window_records import window_record

EXACT = SystematicBudget(terms=(), scale_u_rel=0.0, offset_u_w=0.0)
LINK, ROUND_TRIP_S, E_0_J, BURST_J, IDLE_W = 40e6, 2e-3, 6e-3, 0.03, 2.5
AIR_W, BIT_J = 0.6, 1.2e-8
NO_NOISE = 0.0
PACES = (5e6, 20e6, "unlimited")
SIZES_BITS = {32_000: 20, 800_000: 4, 3_200_000: 2}


def plane(pace):
    """Net energy of a bit where airtime and bits are all there is, J."""
    rate = LINK if pace == "unlimited" else pace
    return AIR_W / rate + BIT_J


def campaign(
    bit_j, *, noise=NO_NOISE, paces=PACES, link=LINK, late_s=lambda _: 0.0, repeats=1,
    least_s=lambda _: 0.0,
):  # fmt: skip
    """Windows of every size, length and pace, in an order of chance."""
    random = np.random.default_rng(5)
    kinds = [
        (pace, bits, n)
        for pace in paces
        for bits, once in SIZES_BITS.items()
        for n in (once, 3 * once)
    ] * repeats
    kinds = [kinds[int(place)] for place in random.permutation(len(kinds))]
    records = []
    for number, (pace, bits, n) in enumerate(kinds):
        rate = link if pace == "unlimited" else min(float(pace), link)
        one_s, late = ROUND_TRIP_S + bits / rate, late_s(bits)
        if pace == "unlimited":
            one_s = max(one_s, least_s(bits))
        airtime_s = n * one_s + late
        net_j = n * E_0_J + n * bits * bit_j(pace) + BURST_J + 0.4 * late
        times_s = tuple(sorted([one_s] * (n - 1) + [one_s + late]))
        records.append(
            window_record(
                "upload", subject=f"{bits} {pace}", repetitions=n, work_s=airtime_s + 0.01 * n,
                net_j=net_j * (1 + noise * random.standard_normal()), idle_w=IDLE_W, number=number,
                airtime_s=airtime_s, payload_bits=n * bits, pace=pace,
                transfers=WindowTransfers(
                    transfers=n, methods=("acknowledgement",), transfer_s=airtime_s,
                    u_transfer_s=1e-5, times_s=times_s, first_s=one_s + late, min_rtt_s=2e-3,
                    segments=100 * n, retransmitted_segments=0,
                ),
            )
        )  # fmt: skip
    return records


def net(uplink):
    return uplink.e_c_bit_per_j.net


WORLDS = {
    "unpaced 10 % cheaper": lambda pace: plane(pace) * (0.9 if pace == "unlimited" else 1.0),
    "unpaced 30 % cheaper": lambda pace: plane(pace) * (0.7 if pace == "unlimited" else 1.0),
    "a bit dearer the faster": lambda pace: (
        plane(pace) + (4e-9 if pace == "unlimited" else 1e-10 * pace / 1e6)
    ),
}


@pytest.mark.parametrize("bit_j", WORLDS.values(), ids=list(WORLDS))
def test_e_c_is_that_of_unpaced_uploads_whatever_paced_ones_cost(bit_j):
    uplink = uplink_of(campaign(bit_j), 20e6, EXACT)

    assert uplink.unpaced
    assert uplink.rate_bit_per_s == pytest.approx(LINK, rel=1e-3)
    assert net(uplink).value == pytest.approx(1 / bit_j("unlimited"), rel=1e-9)
    gross_j = bit_j("unlimited") + IDLE_W / LINK
    assert uplink.e_c_bit_per_j.gross.value == pytest.approx(1 / gross_j, rel=1e-9)
    assert uplink.stated.upload_cost_j.value == pytest.approx(E_0_J)
    assert uplink.stated.burst_cost_j.value == pytest.approx(BURST_J)
    for cost in uplink.at_rates:
        assert cost.e_c_bit_per_j.net.value == pytest.approx(1 / bit_j(cost.rate_bit_per_s))
    assert {cost.rate_bit_per_s for cost in uplink.at_rates} == {5e6, 20e6}


@pytest.mark.parametrize("bit_j", WORLDS.values(), ids=list(WORLDS))
def test_scattering_windows_hold_the_truth_as_often_as_they_say(bit_j):
    records = campaign(bit_j, noise=5e-3, repeats=3)
    low, high = net(uplink_of(records, 20e6, EXACT)).ci95
    assert low <= 1 / bit_j("unlimited") <= high


def test_between_rates_the_fit_is_as_uncertain_as_it_misses_the_measured_ones():
    bent = WORLDS["a bit dearer the faster"]
    fit = uplink_of(campaign(bent), 20e6, EXACT).fit
    departures = [
        (fit.air_power_w.value / rate + fit.bit_energy_j.value) / bent(rate) - 1
        for rate in (5e6, 20e6)
    ]
    assert fit.misfit_u_rel == pytest.approx(np.sqrt(np.mean(np.square(departures))), rel=0.05)
    assert uplink_of(campaign(plane), 20e6, EXACT).fit.misfit_u_rel < 1e-9


def test_the_plane_s_lack_of_fit_is_told_without_repeats():
    straight = uplink_of(campaign(plane, noise=5e-3), 20e6, EXACT)
    bent = uplink_of(campaign(WORLDS["unpaced 30 % cheaper"], noise=5e-3), 20e6, EXACT)
    assert straight.fit.diagnostics.lack_of_fit_p > 1e-3
    assert bent.fit.diagnostics.lack_of_fit_p < 1e-4


def test_a_rate_that_the_link_did_not_carry_gets_no_figure():
    records = campaign(lambda _: plane(12e6), link=12e6)

    assert rates_not_carried(records) == (20e6,)
    uplink = uplink_of(records, 20e6, EXACT)
    assert [cost.rate_bit_per_s for cost in uplink.at_rates] == [5e6]
    assert rates_left_out(uplink, records) == ()
    carried = {c.name: c for c in judge(evidence(records, uplink)).checks}["rates-carried"]
    assert carried.outcome == "warn"
    assert "2e+07 bit/s" in carried.advice


def evidence(records, uplink):
    return Evidence(
        records=records,
        sampling=SamplerStatistics(readings=10, lost=0, clipped=0, cpu_fraction=None),
        throttled_bits=None, e_d=net(uplink), e_c=net(uplink),
        stated_rate_bit_per_s=uplink.rate_bit_per_s, rates_left_out_bit_per_s=(), loopback=False,
        simulated=True,
    )  # fmt: skip


def test_without_unpaced_uploads_e_c_is_that_of_the_stated_rate_s_own_windows():
    bit_j = WORLDS["a bit dearer the faster"]
    uplink = uplink_of(campaign(bit_j, paces=(5e6, 20e6)), 20e6, EXACT)
    assert uplink.unpaced is False
    assert uplink.rate_bit_per_s == 20e6
    assert net(uplink).value == pytest.approx(1 / bit_j(20e6))


def test_the_time_of_an_upload_is_a_fixed_part_and_one_of_each_bit():
    time = uplink_of(campaign(plane, repeats=2), 20e6, EXACT).time

    assert time.per_upload_s.value == pytest.approx(ROUND_TRIP_S)
    assert time.per_bit_s.value == pytest.approx(1 / LINK)
    assert time.min_rtt_s == 2e-3
    assert time.methods == ("acknowledgement",)
    found = {one.payload_bits: one for one in time.percentiles}
    p = found[800_000]
    assert (p.p50_s, p.p99_s) == (pytest.approx(0.022), pytest.approx(0.022))
    # Of the largest 16 were sent, the first of each window not counted 12: none is the slowest 5 %.
    assert 3_200_000 not in found


@pytest.mark.parametrize(("window_bytes", "outcome"), [(65_536, "warn"), (10**9, "pass")])
def test_sizes_that_take_whole_round_trips_are_off_the_straight_line_of_times(
    window_bytes, outcome
):
    """Net energies are on their line: what is off is P_0 times the time."""
    records = campaign(
        plane, repeats=2, noise=1e-3,
        least_s=lambda bits: 0.06 * np.ceil(bits / (8 * window_bytes)) if window_bytes < 1e6 else 0,
    )  # fmt: skip
    checks = {
        c.name: c.outcome for c in judge(evidence(records, uplink_of(records, 20e6, EXACT))).checks
    }
    assert checks["uploads-straight"] == "pass"
    assert checks["upload-times-straight"] == outcome


def test_what_the_first_upload_of_a_burst_waits_for_is_told_from_what_its_bits_cost():
    """TCP starts anew after a pause: the more there is to send, the longer."""
    records = campaign(plane, late_s=lambda bits: 0.05 * np.log2(bits / 16_000))
    uplink = uplink_of(records, 20e6, EXACT)

    # What a burst costs cannot be told beside it, and is in between.
    assert net(uplink).value == pytest.approx(1 / plane("unlimited"), rel=0.05)
    assert uplink.time.per_bit_s.value == pytest.approx(1 / LINK, rel=1e-6)
    late_s = uplink.time.per_burst_s.value + 3.2e6 * uplink.time.per_burst_bit_s.value
    assert late_s == pytest.approx(0.05 * np.log2(200), rel=0.15)
    assert uplink.time.per_burst_scatter_s > 0.02
    checks = {check.name: check.outcome for check in judge(evidence(records, uplink)).checks}
    assert checks["uploads-alike"] == "warn"


def test_p_0_of_a_wait_for_tcp_s_window_is_no_part_of_what_a_bit_costs():
    """Left to the fit it was 1 to 4 % of E_c gross: idle power is ten times a waiting radio's.

    The window opens over two uploads; in windows of before only the first one's time was kept.
    """
    records = [
        opened_over_two(record)
        for record in campaign(plane, late_s=lambda bits: 0.05 * np.log2(bits / 16_000), repeats=2)
        if record.task.repetitions > 3
    ]
    gross = uplink_of(records, 20e6, EXACT).e_c_bit_per_j.gross

    truth = 1 / (plane("unlimited") + IDLE_W / LINK)
    assert gross.value == pytest.approx(truth, rel=2e-3)
    first_alone = [
        msgspec.structs.replace(r, transfers=msgspec.structs.replace(r.transfers, begin_s=()))
        for r in records
    ]
    off = uplink_of(first_alone, 20e6, EXACT).e_c_bit_per_j.gross.value / truth - 1
    assert abs(off) > 0.01


def opened_over_two(record):
    """Return a window whose second upload takes up a third of the first one's wait."""
    told = record.transfers
    usual_s = told.times_s[0]
    late_s = told.first_s - usual_s
    begin_s = (told.first_s - late_s / 3, usual_s + late_s / 3, *told.times_s[:2])
    told = msgspec.structs.replace(told, first_s=begin_s[0], begin_s=begin_s[: told.transfers])
    return msgspec.structs.replace(record, transfers=told)


def test_how_late_a_first_upload_is_holds_though_it_is_no_straight_line_of_the_size():
    """TCP's window doubles: it goes with the logarithm, and more windows do not mend the line."""
    records = campaign(plane, late_s=lambda bits: 0.05 * np.log2(bits / 16_000), repeats=8)
    told = upload_time([r for r in records if r.pace == "unlimited"], "unlimited")
    by_size = link_time(told)
    for bits in (32_000, 160_000, 800_000, 1_600_000, 3_200_000):
        late = by_size.lateness(bits)
        assert late.value_s == pytest.approx(0.05 * np.log2(bits / 16_000), rel=1e-6)
        assert (late.error.half_width > 0.01) is (bits not in SIZES_BITS)
    # Beyond all sizes the line may go on, or not.
    for bits in (20_000, 5_000_000):
        late = by_size.lateness(bits)
        off_s = late.value_s - 0.05 * np.log2(bits / 16_000)
        assert 0.001 < abs(off_s) < late.error.half_width
    # A profile of before has no more than the line.
    time = link_time(msgspec.structs.replace(told, alone=()))

    known = {bits: time.lateness(bits) for bits in SIZES_BITS}
    off_s = {bits: one.value_s - 0.05 * np.log2(bits / 16_000) for bits, one in known.items()}
    assert max(abs(one) for one in off_s.values()) > 0.05
    assert all(abs(off_s[bits]) < one.error.half_width for bits, one in known.items())
    # A burst pays for what its first upload waits, at 0.4 W: for the mean of the sizes.
    waits_j = [0.4 * 0.05 * np.log2(bits / 16_000) for bits in SIZES_BITS]
    burst_j = uplink_of(records, 20e6, EXACT).stated.burst_cost_j
    assert burst_j.value == pytest.approx(BURST_J + np.mean(waits_j), rel=0.1)
    assert burst_j.u_stat > np.std(waits_j, ddof=1)


@pytest.mark.parametrize(
    ("why", "spoil"),
    [
        ("outage", {"stalled_s": 3.0}),
        ("retransmissions", {"retransmitted_segments": 3000}),
        ("another rate", {}),
    ],
)
def test_a_window_with_another_link_is_told_apart_and_left_out(why, spoil):
    records = campaign(plane, repeats=4)
    place = next(i for i, r in enumerate(records) if r.pace == "unlimited")
    one = records[place]
    slower = 2.0 if why == "another rate" else 1.0
    records[place] = msgspec.structs.replace(
        one,
        airtime_s=slower * one.airtime_s,
        net_j=3 * one.net_j,
        transfers=msgspec.structs.replace(one.transfers, **spoil),
    )

    assert disturbed_uploads(records) == {place: why}
    uplink = uplink_of(records, 20e6, EXACT)
    assert net(uplink).value == pytest.approx(1 / plane("unlimited"))
    checks = {check.name: check for check in judge(evidence(records, uplink)).checks}
    assert checks["disturbed-uploads"].value == pytest.approx(1 / len(records))


@pytest.mark.parametrize(("again", "outcome"), [(5, "pass"), (25, "warn")])
def test_uploads_whose_segments_keep_being_sent_again_are_named(again, outcome):
    """A queue of 30 kB at 50 ms: E_c was 6 % off, and only a paced rate told of it."""
    records = [
        msgspec.structs.replace(
            record,
            transfers=msgspec.structs.replace(
                record.transfers, segments=1000, retransmitted_segments=again
            ),
        )
        for record in campaign(plane)
    ]

    found = judge(evidence(records, uplink_of(records, 20e6, EXACT))).checks
    assert {c.name: c.outcome for c in found}["uploads-sent-again"] == outcome


def test_the_ratio_is_that_of_the_stated_figures(make_block):
    blocks = (make_block(1, 1000, 8), make_block(2, 3000, 8))
    compute = [
        window_record("compute", block=b, repetitions=n, net_j=n * b * 0.01, work_s=n * b * 0.01,
                      idle_w=IDLE_W, number=100 + n + b)
        for b in (1, 2) for n in (10, 20, 40)
    ]  # fmt: skip
    bit_j = WORLDS["unpaced 30 % cheaper"]
    ratio = ratio_of_e_d_and_e_c([*campaign(bit_j), *compute], blocks, 20e6, EXACT)
    assert ratio.net.value == pytest.approx(4000 / 0.03 * bit_j("unlimited"), rel=1e-6)
