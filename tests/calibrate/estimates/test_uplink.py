from __future__ import annotations

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.estimates import rates_left_out, uplink_of
from joulesplit.calibrate.estimates._baseline import idle_estimate
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.metrology import SystematicBudget
from window_records import window_record

EXACT = SystematicBudget(terms=(), scale_u_rel=0.0, offset_u_w=0.0)
OFFSET = SystematicBudget(terms=(), scale_u_rel=0.0, offset_u_w=0.003)
E_0_J, AIR_W, BIT_J, BURST_J = 5e-3, 0.6, 1.2e-8, 0.03
IDLE_W, START_S, WAKE_S = 2.5, 0.012, 0.02


def upload(uploads, bits, rate, idle_w=IDLE_W, number=0) -> WindowRecord:
    """A window of uploads that wake the radio once, and start once each."""
    airtime_s = uploads * bits / rate
    work_s = airtime_s + uploads * START_S + WAKE_S
    net_j = uploads * E_0_J + airtime_s * AIR_W + uploads * bits * BIT_J + BURST_J
    return window_record(
        "upload", repetitions=uploads, net_j=net_j, work_s=work_s, idle_w=idle_w, number=number,
        airtime_s=airtime_s, payload_bits=uploads * bits,
    )  # fmt: skip


def uploads(idle_w=lambda _: IDLE_W):
    plan = [
        (n, bits, rate)
        for rate in (5e6, 2e7)
        for bits, once in ((32_000, 20), (800_000, 2), (6_400_000, 1))
        for n in (once, 3 * once)
    ]
    return [upload(*w, idle_w=idle_w(k), number=k) for k, w in enumerate(plan)]


def test_gross_figures_hold_the_idle_power_for_as_long_as_each_lasts():
    uplink = uplink_of(uploads(), 2e7, EXACT)

    net, gross = uplink.fit, uplink.fit_gross
    assert net.upload_cost_j.value == pytest.approx(E_0_J)
    assert net.burst_cost_j.value == pytest.approx(BURST_J)
    assert gross.upload_cost_j.value == pytest.approx(E_0_J + IDLE_W * START_S)
    assert gross.air_power_w.value == pytest.approx(AIR_W + IDLE_W)
    assert gross.bit_energy_j.value == pytest.approx(BIT_J)
    assert gross.burst_cost_j.value == pytest.approx(BURST_J + IDLE_W * WAKE_S)
    per_bit = gross.air_power_w.value / 2e7 + gross.bit_energy_j.value
    assert 1 / uplink.e_c_bit_per_j.gross.value == pytest.approx(per_bit)
    assert len(net.covariance) == len(gross.covariance) == 4


def test_an_offset_of_the_sensor_stays_in_gross_figures_for_as_long_as_each_lasts():
    gross = uplink_of(uploads(), 2e7, OFFSET).fit_gross

    assert gross.upload_cost_j.u_sys == pytest.approx(0.003 * START_S)
    assert gross.air_power_w.u_sys == pytest.approx(0.003)
    assert gross.burst_cost_j.u_sys == pytest.approx(0.003 * WAKE_S)
    assert gross.bit_energy_j.u_sys == pytest.approx(0.0, abs=1e-15)


def test_the_idle_power_that_gross_figures_are_stated_at_is_uncertain_in_all_of_them_together():
    records = uploads(idle_w=lambda k: IDLE_W + 0.01 * (-1) ** (k // 4))
    # The same energies above idle, so the fit itself is exact.
    records = [msgspec.structs.replace(r, gross_j=r.net_j + IDLE_W * r.work_s) for r in records]
    u_idle_w = idle_estimate(records).u_stat

    covariance = np.array(uplink_of(records, 2e7, EXACT).fit_gross.covariance)

    lasting = np.array([START_S, 1.0, 0.0, WAKE_S])
    assert u_idle_w > 0
    assert covariance == pytest.approx(u_idle_w**2 * np.outer(lasting, lasting), abs=1e-12)


def test_a_rate_whose_energy_per_bit_is_not_above_zero_is_known_to_be_left_out():
    """Sending at 5 Mbit/s takes less than idling, as where another load gives way to it."""
    records = [
        msgspec.structs.replace(r, net_j=r.net_j - 0.9 * r.airtime_s, gross_j=r.gross_j)
        for r in uploads()
    ]

    uplink = uplink_of(records, 5e7, EXACT)

    # P_air is −0.3 W: 12 nJ/bit − 0.3 W / r is above zero from 25 Mbit/s on.
    assert uplink.at_rates == ()
    assert rates_left_out(uplink, records) == (5e6, 2e7)
    assert rates_left_out(uplink_of(uploads(), 2e7, EXACT), uploads()) == ()
