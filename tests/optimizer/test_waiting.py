"""What waiting for TCP's window costs: of each size its own, after a pause alone."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.profile import LoneUpload, UploadCosts, UploadTime
from joulesplit.optimizer import Usage, decide
from joulesplit.optimizer._link_prices import _of_one_pace
from joulesplit.optimizer._waiting import BURST_PLACE, waiting_apart

FLOP, BITS = (100, 200, 400), (3200, 640, 320)
INPUT_BITS = 9600
UPLOAD_J, BURST_J, LATE_W, U_LATE_W, U_BURST_J = 0.5, 0.3, 0.4, 0.05, 0.04
LATE_S = {640: 0.05, 3200: 0.25, INPUT_BITS: 0.45}
USUAL_S, SPREAD_S = 0.25, 0.2


@pytest.fixture(scope="module")
def small(make_network):
    return make_network(FLOP, BITS, input_elements=300)


@pytest.fixture
def waiting(world, make_quantity):
    """Return a profile that tells waiting apart; E_burst has the mean wait in it."""

    def profile(late_w=LATE_W, u_late_s=0.0):
        device = world(
            upload_cost_j=UPLOAD_J, burst_j=BURST_J, covariance=((0.0,) * 4,) * 4
        ).profile()
        # E_burst holds the mean wait, and what sizes differ by in it.
        burst_j = BURST_J + USUAL_S * late_w
        shared = USUAL_S * U_LATE_W**2
        spread_j2 = (late_w**2 + U_LATE_W**2) * SPREAD_S**2
        burst_j2 = U_BURST_J**2 + USUAL_S**2 * U_LATE_W**2 + spread_j2
        covariance = np.zeros((4, 4))
        covariance[2:, 2:] = [[burst_j2, shared], [shared, U_LATE_W**2]]
        costs = UploadCosts(
            upload_cost_j=make_quantity(UPLOAD_J, unit="J"),
            bit_energy_j=make_quantity(1e-3, unit="J/bit"),
            burst_cost_j=make_quantity(burst_j, burst_j2**0.5, unit="J"),
            waiting_power_w=make_quantity(late_w, U_LATE_W, unit="W"),
            covariance=tuple(map(tuple, covariance.tolist())),
        )
        time = UploadTime(
            per_upload_s=make_quantity(0.0, unit="s"),
            per_bit_s=make_quantity(1e-3, unit="s/bit"),
            covariance=((0.0, 0.0), (0.0, 0.0)),
            methods=("acknowledgement",),
            alone=tuple(
                LoneUpload(payload_bits=bits, late_s=late_s, u_late_s=u_late_s, uploads=3)
                for bits, late_s in LATE_S.items()
            ),
        )
        uplink = msgspec.structs.replace(device.link.uplink, stated=costs, time=time)
        link = msgspec.structs.replace(device.link, uplink=uplink)
        return msgspec.structs.replace(device, link=link)

    return profile


@pytest.mark.parametrize("uploads", [1.0, 5.0])
def test_a_lone_upload_pays_for_the_wait_of_its_own_size(small, waiting, uploads):
    """By the mean of all sizes those of 640 bit were too dear and those of 9600 too cheap."""
    found = decide(*small, waiting(), usage=Usage(uploads_per_burst=uploads))

    for candidate, bits in zip(found.candidates, (INPUT_BITS, 3200, 640), strict=False):
        burst_j = BURST_J + LATE_W * LATE_S[bits]
        assert candidate.upload_fixed_j == pytest.approx(UPLOAD_J + burst_j / uploads)
    assert found.candidates[-1].upload_fixed_j == 0.0
    # Without the spread of the sizes, which is known of this one.
    u_j = np.hypot(U_BURST_J, U_LATE_W * LATE_S[INPUT_BITS]) / uploads
    assert found.candidates[0].u_stat_j == pytest.approx(u_j, rel=1e-3)


def test_what_is_not_known_of_a_wait_is_in_the_interval(small, waiting):
    known, unsure = (decide(*small, waiting(u_late_s=u_s)).candidates[0] for u_s in (0.0, 0.3))

    assert unsure.energy_j == known.energy_j
    assert unsure.ci95_j[1] - unsure.ci95_j[0] > known.ci95_j[1] - known.ci95_j[0] + 0.2


def test_no_wait_costs_less_than_nothing(small, waiting):
    """Else more uploads in a burst would cost more."""
    alone, shared = (
        decide(*small, waiting(late_w=-0.08), usage=Usage(uploads_per_burst=n)).candidates[0]
        for n in (1.0, 10.0)
    )

    assert alone.upload_fixed_j == pytest.approx(UPLOAD_J + BURST_J)
    assert shared.energy_j < alone.energy_j


def test_where_waiting_is_not_told_the_idle_power_of_unequal_waits_is_in_the_interval(waiting):
    """Every size is billed for the mean wait: 0.2 s too much or too little, by P_0 at least."""
    uplink = waiting().link.uplink
    own = np.array(uplink.stated.covariance)[:3, :3]
    untold = msgspec.structs.replace(
        uplink.stated, waiting_power_w=None, covariance=tuple(map(tuple, own.tolist()))
    )
    before = _of_one_pace(untold, uplink)

    (known, _), (fit, wait) = (
        waiting_apart(before, untold, uplink.time, idle_w=idle_w) for idle_w in (0.0, 2.5)
    )

    assert (known, wait) == (before, None)
    burst = fit.burst_cost_j
    assert burst.value == before.burst_cost_j.value
    assert burst.u_stat == pytest.approx(np.hypot(before.burst_cost_j.u_stat, 2.5 * SPREAD_S))
    assert fit.covariance[BURST_PLACE][BURST_PLACE] == pytest.approx(burst.u_stat**2)
