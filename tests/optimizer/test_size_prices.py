"""Sizes of uploads: priced as they were measured, and with what may be off where they were not."""

from __future__ import annotations

from functools import partial

import msgspec
import numpy as np
import pytest

import joulesplit.optimizer
from joulesplit.calibrate.profile import LoneUpload, OffLine, SizeTime, UploadCosts, UploadTime
from joulesplit.optimizer import Usage

decide = partial(joulesplit.optimizer.decide, model_u_rel=0.0)

FLOP, BITS, INPUT_BITS = (100, 200, 400), (3200, 640, 320), 9600
UPLOAD_J, BIT_J, ROUND_TRIP_S = 0.5, 1e-3, 0.03
MEASURED = (640, 3200, 9600)
OFF_J, U_OFF_J, IDLE_W = 0.4, 0.05, 2.5


@pytest.fixture(scope="module")
def small(make_network):
    return make_network(FLOP, BITS, input_elements=300)


@pytest.fixture
def sized(world, make_quantity):
    """Return a profile that was measured with some sizes, that of 3200 bit off the line."""

    def profile(measured=MEASURED, off_j=OFF_J, u_off_j=U_OFF_J, **time):
        device = world(
            upload_cost_j=UPLOAD_J, covariance=((0.0,) * 4,) * 4, idle_w=IDLE_W
        ).profile()
        off = [] if off_j is None else [(3200, make_quantity(off_j, u_off_j, unit="J"))]
        covariance = np.diag([0.0, 0.0, *(u_off_j**2 for _ in off)])
        costs = UploadCosts(
            upload_cost_j=make_quantity(UPLOAD_J, unit="J"),
            bit_energy_j=make_quantity(BIT_J, unit="J/bit"),
            covariance=tuple(map(tuple, covariance.tolist())),
            payload_bits=measured,
            off_line=tuple(OffLine(payload_bits=bits, energy_j=figure) for bits, figure in off),
        )
        uplink = msgspec.structs.replace(
            device.link.uplink, stated=costs, time=UploadTime(**time) if time else None
        )
        link = msgspec.structs.replace(device.link, uplink=uplink)
        return msgspec.structs.replace(device, link=link)

    return profile


@pytest.fixture
def times(make_quantity):
    """Return transfer times of three sizes, a bit of which takes 1 ms."""

    def fields(middle_s=3.2, middle_bits=3200, **others):
        sizes = ((640, 0.64), (middle_bits, middle_s), (9600, 9.6))
        return {
            "per_upload_s": make_quantity(0.0, unit="s"),
            "per_bit_s": make_quantity(1e-3, unit="s/bit"),
            "covariance": ((0.0, 0.0), (0.0, 0.0)),
            "methods": ("acknowledgement",),
            "min_rtt_s": ROUND_TRIP_S,
            "lack_of_fit_rel": 0.0,
            "sizes": tuple(
                SizeTime(payload_bits=bits, transfer_s=make_quantity(time_s, unit="s"))
                for bits, time_s in sizes
            ),
            **others,
        }

    return fields


def test_a_size_off_the_line_costs_what_its_own_windows_say(small, sized):
    """By the line from the smallest to the largest it was 0.4 J too cheap."""
    sent = decide(*small, sized()).candidates[:3]
    assert [one.upload_j for one in sent] == pytest.approx([9.6, 3.2 + OFF_J, 0.64])
    assert [one.u_stat_j for one in sent] == pytest.approx([0.0, U_OFF_J, 0.0])
    assert {one.upload_priced_by for one in sent} == {"own windows"}


def test_a_size_between_others_is_between_the_lines_that_enclose_it(small, sized):
    """Its price reaches from the line through its neighbours to that through the next two."""
    sizes = (320, 3200, 9600)
    candidate = decide(*small, sized(sizes)).candidates[2]
    # 640 bit: 0.044 J by the line through 320 and 3200, 0.56 J by that through 3200 and 9600.
    low, high = OFF_J * 320 / 2880, OFF_J * (1 + 2560 / 6400)
    assert candidate.upload_j == pytest.approx(0.64 + (low + high) / 2)
    assert candidate.ci95_j[1] - candidate.energy_j > (high - low) / 2
    assert candidate.upload_priced_by == "between sizes"


def test_a_size_beyond_all_others_is_told_as_such(small, sized):
    decision = decide(*small, sized((320, 640, 3200), off_j=None))
    assert decision.candidates[0].upload_priced_by == "beyond sizes"
    assert decision.candidates[1].upload_priced_by == "line through sizes"
    assert decision.candidates[-1].upload_priced_by is None


def test_a_full_window_of_the_receiver_leaves_half_a_round_trip_open_between_sizes(
    small, sized, times
):
    """Sizes that happen to be on a line hide the steps between them."""
    sizes = (640, 4000, 9600)

    def half_s(share):
        limited = times(middle_s=4.0, middle_bits=4000, window_limited_share=share)
        found = decide(*small, sized(sizes, off_j=None, **limited)).candidates[1]
        return (
            found.latency_ci95_s[1] - found.latency_s,
            (found.ci95_j[1] - found.energy_j) / (BIT_J * 1000),
        )

    assert half_s(0.0) == pytest.approx((0.0, 0.0))
    for found_s in half_s(0.5):
        assert ROUND_TRIP_S / 2 < found_s < ROUND_TRIP_S


def test_a_time_is_that_of_its_size_and_so_is_what_a_line_may_be_off_by(small, sized, times):
    straight, longer = (
        decide(*small, sized(off_j=None, **times(middle_s=time_s))).candidates[1]
        for time_s in (3.2, 3.5)
    )
    assert longer.latency_s - straight.latency_s == pytest.approx(0.3)
    # The line of energies has a size off the line of times with what that may cost.
    assert longer.energy_j == pytest.approx(straight.energy_j)
    assert longer.ci95_j[1] - longer.energy_j > 0.3 * BIT_J * 1000


def test_a_wait_that_no_burst_tells_is_said_and_costs_p_0_at_least(small, sized, times):
    """It was in no price, and nothing said so."""
    late_s = 0.2
    alone = tuple(
        LoneUpload(payload_bits=bits, late_s=late_s, u_late_s=0.0, uploads=3) for bits in MEASURED
    )
    profile = sized(off_j=None, **times(alone=alone))
    uplink = msgspec.structs.replace(profile.link.uplink, stated_gross=profile.link.uplink.stated)
    gross_link = msgspec.structs.replace(profile.link, uplink=uplink)
    both = msgspec.structs.replace(profile, link=gross_link)
    net = decide(*small, both, account="net")
    alone, shared = (
        decide(*small, both, account="gross", usage=Usage(uploads_per_burst=n)) for n in (1, 10**9)
    )
    told = "an upload that comes alone costs more"
    assert any(note.endswith(f"{told}.") for note in net.notes)
    assert any(f"{told}, of which P_0" in note for note in alone.notes)
    more_j = alone.candidates[0].upload_fixed_j - shared.candidates[0].upload_fixed_j
    assert more_j == pytest.approx(late_s * IDLE_W)
    assert net.candidates[0].upload_fixed_j == pytest.approx(UPLOAD_J)
