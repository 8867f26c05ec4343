from __future__ import annotations

from math import hypot

import pytest

from calibrate.errors import EstimateError
from calibrate.estimates.ratio import WorkAndBit, ratio_of
from calibrate.estimates.stats import coverage_factor
from calibrate.estimates.uncertainty import Estimate, SystematicBudget

BUDGET = SystematicBudget(terms=(), scale_u_rel=0.02, offset_u_w=0.05)


def energies(*, bit_j: float = 4e-8) -> WorkAndBit:
    return WorkAndBit(
        network=Estimate(value=0.2, u_stat=0.0004, degrees_of_freedom=40, n=60),
        network_s=0.15,
        bit=Estimate(value=bit_j, u_stat=4e-10, degrees_of_freedom=6, n=9),
        bit_s=5e-8,
    )


def test_the_sensors_scale_is_not_in_the_ratio_and_its_offset_only_in_gross():
    net = ratio_of(600_000_000, energies(), "net", BUDGET)
    gross = ratio_of(600_000_000, energies(), "gross", BUDGET)

    assert net.value == gross.value == pytest.approx(6e8 / 0.2 * 4e-8)
    assert net.u_stat == pytest.approx(net.value * hypot(0.002, 0.01))
    assert net.u_sys == 0.0
    # One offset for both: what it adds to the bit less what it adds to the network.
    share = 0.05 * (5e-8 / 4e-8 - 0.15 / 0.2)
    assert gross.u_sys == pytest.approx(gross.value * share)
    assert net.unit == "FLOP/bit"


def test_a_common_error_of_the_idle_power_counts_as_an_offset_of_statistics():
    plain = ratio_of(600_000_000, energies(), "gross", BUDGET)
    unsure = ratio_of(600_000_000, energies(), "gross", BUDGET, idle_u_w=0.02)

    share = 0.02 * (5e-8 / 4e-8 - 0.15 / 0.2)
    assert unsure.u_stat == pytest.approx(hypot(plain.u_stat, unsure.value * share))
    assert unsure.u_sys == plain.u_sys
    assert ratio_of(1, energies(), "net", BUDGET, idle_u_w=0.02).u_stat == pytest.approx(
        ratio_of(1, energies(), "net", BUDGET).u_stat
    )


def test_the_interval_has_the_degrees_of_freedom_of_both():
    net = ratio_of(600_000_000, energies(), "net", BUDGET)

    relative = hypot(0.002, 0.01)
    effective = relative**4 / (0.002**4 / 40 + 0.01**4 / 6)
    half = coverage_factor(effective) * relative * net.value
    assert net.ci95 == pytest.approx((net.value - half, net.value + half))


def test_an_energy_that_is_not_positive_is_an_error():
    with pytest.raises(EstimateError, match="not defined"):
        ratio_of(1, energies(bit_j=-1e-9), "net", BUDGET)
