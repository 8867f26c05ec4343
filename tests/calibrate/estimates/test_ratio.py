from __future__ import annotations

from dataclasses import replace
from math import hypot

import numpy as np
import pytest

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import Estimate, coverage_factor
from joulesplit.calibrate.estimates._ratio import WorkAndBit, ratio_of
from joulesplit.metrology import SystematicBudget

BUDGET = SystematicBudget(terms=(), scale_u_rel=0.02, offset_u_w=0.05)
IDLE = Estimate(value=2.0, u_stat=0.0, degrees_of_freedom=40, n=60)
UNSURE_IDLE = replace(IDLE, u_stat=0.02)


def energies(*, bit_j: float = 4e-8) -> WorkAndBit:
    return WorkAndBit(
        network=Estimate(value=0.2, u_stat=0.0004, degrees_of_freedom=40, n=60),
        network_s=0.15,
        bit=Estimate(value=bit_j, u_stat=4e-10, degrees_of_freedom=6, n=9),
        bit_s=5e-8,
    )


def test_the_sensors_scale_is_not_in_the_ratio_and_its_offset_only_in_gross():
    net = ratio_of(600_000_000, energies(), "net", BUDGET, idle=IDLE)
    gross = ratio_of(600_000_000, energies(), "gross", BUDGET, idle=IDLE)

    assert net.value == gross.value == pytest.approx(6e8 / 0.2 * 4e-8)
    assert net.u_stat == pytest.approx(net.value * hypot(0.002, 0.01))
    assert net.u_sys == 0.0
    # One offset for both: what it adds to the bit less what it adds to the network.
    share = 0.05 * (5e-8 / 4e-8 - 0.15 / 0.2)
    assert gross.u_sys == pytest.approx(gross.value * share)
    assert net.unit == "FLOP/bit"


def test_a_common_error_of_the_idle_power_counts_as_an_offset_of_statistics():
    plain = ratio_of(600_000_000, energies(), "gross", BUDGET, idle=IDLE)
    unsure = ratio_of(600_000_000, energies(), "gross", BUDGET, idle=UNSURE_IDLE)

    share = 0.02 * (5e-8 / 4e-8 - 0.15 / 0.2)
    assert unsure.u_stat == pytest.approx(hypot(plain.u_stat, unsure.value * share))
    assert unsure.u_sys == plain.u_sys
    assert ratio_of(1, energies(), "net", BUDGET, idle=UNSURE_IDLE).u_stat == pytest.approx(
        ratio_of(1, energies(), "net", BUDGET, idle=IDLE).u_stat
    )


def test_the_interval_has_the_degrees_of_freedom_of_both():
    net = ratio_of(600_000_000, energies(), "net", BUDGET, idle=IDLE)

    relative = hypot(0.002, 0.01)
    effective = relative**4 / (0.002**4 / 40 + 0.01**4 / 6)
    half = coverage_factor(effective) * relative * net.value
    assert (net.ci95[1] - net.ci95[0]) / 2 == pytest.approx(half, rel=1e-3)


def test_the_ends_of_the_interval_are_where_bit_less_ratio_times_network_may_be_nought():
    found = energies()
    gross = ratio_of(1, found, "gross", BUDGET, idle=UNSURE_IDLE)

    excesses = []
    for ratio in gross.ci95:
        left = found.bit.value - ratio * found.network.value
        shared = (found.bit_s - ratio * found.network_s) * hypot(0.05, 0.02)
        excesses.append(left / hypot(found.bit.u_stat, ratio * found.network.u_stat, shared))
    assert excesses[0] == pytest.approx(-excesses[1])
    assert excesses[0] > 1.96


def test_a_ratio_to_an_energy_that_is_hardly_known_is_lopsided_and_covers():
    """The delta method's symmetric interval misses more often, and nearly always below."""
    random = np.random.default_rng(2)
    outside, symmetric_below, count = 0, 0, 4000
    for _ in range(count):
        n, b = 1 + 0.15 * random.standard_normal(), 1 + 0.02 * random.standard_normal()
        sample = WorkAndBit(
            network=Estimate(value=n, u_stat=0.15, degrees_of_freedom=1e6, n=9),
            network_s=1.0,
            bit=Estimate(value=b, u_stat=0.02, degrees_of_freedom=1e6, n=9),
            bit_s=1.0,
        )
        found = ratio_of(1, sample, "net", BUDGET, idle=IDLE)
        assert found.ci95[1] - found.value > 1.1 * (found.value - found.ci95[0])
        outside += not found.ci95[0] <= 1 <= found.ci95[1]
        symmetric_below += found.value + 1.96 * found.u_stat < 1

    # Two standard errors of chance are 0.7 %.
    assert outside / count == pytest.approx(0.05, abs=0.007)
    assert symmetric_below / count > 0.035


HEATED = SystematicBudget(terms=(), scale_u_rel=0.02, offset_u_w=0.0, load_u_rel=0.003)


def test_what_changes_with_the_load_in_an_unknown_way_does_not_cancel():
    net = ratio_of(600_000_000, energies(), "net", HEATED, idle=IDLE)

    assert net.u_sys == pytest.approx(0.003 * net.value)
    assert ratio_of(600_000_000, energies(), "net", BUDGET, idle=IDLE).u_sys == 0.0


@pytest.mark.parametrize("account", ["gross", "net"])
def test_what_grows_with_the_load_leaves_as_much_as_reading_a_heated_shunt_does(account):
    """Each mean power read as P·(1 + c·P²), the ratio taken of what was read."""
    at_w, idle_w = 6.0, IDLE.value if account == "net" else 0.0
    c_per_w2 = HEATED.load_u_rel / at_w**2
    found = energies(bit_j=4.4e-8)

    def read_j(energy_j: float, duration_s: float) -> float:
        work_w = idle_w + energy_j / duration_s
        powers_w = [power_w * (1 + c_per_w2 * power_w**2) for power_w in (work_w, idle_w)]
        return (powers_w[0] - powers_w[1]) * duration_s

    network_j, bit_j = (read_j(*pair) for pair in found.pairs)
    truly = found.bit.value / found.network.value

    budget = replace(HEATED, load_power_w=at_w)
    quotient = ratio_of(1, found, account, budget, idle=IDLE)

    assert quotient.u_sys == pytest.approx(abs(bit_j / network_j - truly), rel=0.02)
    assert 0 < quotient.u_sys < HEATED.load_u_rel * truly


def test_a_network_that_may_take_nothing_gives_no_ratio():
    nought = Estimate(value=0.2, u_stat=0.15, degrees_of_freedom=40, n=60)

    with pytest.raises(EstimateError, match="no bound"):
        ratio_of(1, replace(energies(), network=nought), "net", BUDGET, idle=IDLE)


def test_an_energy_that_is_not_positive_is_an_error():
    with pytest.raises(EstimateError, match="not defined"):
        ratio_of(1, energies(bit_j=-1e-9), "net", BUDGET, idle=IDLE)
