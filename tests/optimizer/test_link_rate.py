"""The price of a bit at any rate: the one asked for, the stated one, or one that the link has."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.profile import LinkFit
from joulesplit.optimizer import Usage, decide
from joulesplit.optimizer._link_rate import bit_price
from joulesplit.optimizer.errors import InvalidInputError, ProfileUnusableError

AIR_W, BIT_J, STATED = 0.5, 1e-8, 2e7
COVARIANCE = np.array(
    [[1e-8, 1e-6, -1e-14, 0], [1e-6, 4e-4, -2e-12, 0], [-1e-14, -2e-12, 9e-20, 0], [0, 0, 0, 1e-8]]
)


@pytest.fixture
def make_link(make_quantity, world):
    """An uplink and its fit; rates in bit/s."""

    def make(*rates, scale_rel=0.0):
        def figure(value, unit):
            return make_quantity(value, 1e-3 * value, scale_rel * value, unit)

        fit = LinkFit(
            upload_cost_j=figure(5e-3, "J"),
            air_power_w=figure(AIR_W, "W"),
            bit_energy_j=figure(BIT_J, "J/bit"),
            covariance=tuple(tuple(row) for row in COVARIANCE.tolist()),
            rates_bit_per_s=rates,
            payload_bits=(1, 2),
        )
        uplink = world().profile().link.uplink
        e_c = make_quantity(1 / (AIR_W / STATED + BIT_J), 1e5, 2e5)
        return msgspec.structs.replace(
            uplink,
            rate_bit_per_s=STATED,
            e_c_bit_per_j=msgspec.structs.replace(uplink.e_c_bit_per_j, net=e_c),
            fit=fit,
        )

    return make


def price(uplink, asked=None, fit="own"):
    return bit_price(uplink, uplink.fit if fit == "own" else fit, "net", asked)


def test_without_a_wish_the_stated_figure_is_taken_as_it_is(make_link):
    found = price(make_link(5e6, STATED))

    assert found.e_c == make_link(5e6, STATED).e_c_bit_per_j.net
    assert (found.rate_bit_per_s, found.note) == (STATED, "")
    assert found.bit.value == pytest.approx(1 / found.e_c.value)


@pytest.mark.parametrize("rate", [1e6, 8e6, 1.9e7])
def test_at_another_rate_a_bit_costs_what_the_fit_says_with_its_covariance(make_link, rate):
    found = price(make_link(1e6, STATED, scale_rel=0.01), rate)

    assert found.rate_bit_per_s == rate
    assert found.bit.value == pytest.approx(AIR_W / rate + BIT_J)
    assert found.e_c.value == pytest.approx(1 / found.bit.value)
    gradient = np.array([0.0, 1 / rate, 1.0, 0.0])
    assert found.bit.u_stat == pytest.approx(math.sqrt(gradient @ COVARIANCE @ gradient))
    # One sensor's scale is in both parts alike.
    assert found.bit.u_sys == pytest.approx(0.01 * found.bit.value)
    assert found.note == ""


def test_a_stated_rate_that_no_upload_reached_gives_way_to_the_fastest_one(make_link):
    found = price(make_link(5e6, 8e6))

    assert found.rate_bit_per_s == 8e6
    assert found.bit.value == pytest.approx(AIR_W / 8e6 + BIT_J)
    assert "No upload of the profile reached the 2e+07 bit/s" in found.note
    assert "8e+06 bit/s" in found.note
    assert price(make_link(5e6, 0.96 * STATED)).rate_bit_per_s == STATED


def test_the_stated_rate_may_be_insisted_on(make_link):
    assert price(make_link(5e6, 8e6), STATED).rate_bit_per_s == STATED


@pytest.mark.parametrize("rate", [1e6, 1e8])
def test_a_rate_outside_the_measured_ones_is_told(make_link, rate):
    assert "outside the 5e+06 bit/s to 2e+07 bit/s" in price(make_link(5e6, STATED), rate).note


def test_without_a_fit_only_the_stated_rate_has_a_price(make_link):
    assert price(make_link(5e6), fit=None).rate_bit_per_s == STATED
    with pytest.raises(ProfileUnusableError, match="no fit of the link"):
        price(make_link(5e6), 1e7, fit=None)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(InvalidInputError, match="rate_bit_per_s"):
        Usage(rate_bit_per_s=rate).require_sensible()


def test_a_slower_link_makes_bits_dearer_and_every_upload_later(make_network, world):
    network, blocks = make_network((100, 200, 400), (6400, 3200, 640))
    profile = world(covariance=((0.0,) * 3,) * 3).profile()

    at = {rate: decide(network, blocks, profile, usage=Usage(rate_bit_per_s=rate))
          for rate in (1000.0, 500.0)}  # fmt: skip

    for fast, slow in zip(at[1000.0].candidates, at[500.0].candidates, strict=True):
        # All of its price is power on the air.
        assert slow.upload_j == pytest.approx(2 * fast.upload_j)
        assert slow.latency_s - fast.latency_s == pytest.approx(fast.upload_bits / 1000.0)
    assert at[500.0].rate_bit_per_s == 500.0
    assert at[500.0].e_c_bit_per_j == pytest.approx(at[1000.0].e_c_bit_per_j / 2)
