"""At which rate an upload is priced, and what a bit costs there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot

import msgspec
import numpy as np

from joulesplit.calibrate.profile import Account, LinkFit, Quantity, Uplink
from joulesplit.metrology import linear_u
from joulesplit.optimizer._checked_figure import by_account, inverted, positive
from joulesplit.optimizer.errors import ProfileUnusableError

REACHED = 0.95
"""A rate counts as reached by an upload at so much of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BitPrice:
    """The price of a bit.

    Attributes:
        rate_bit_per_s: Payload bits per second.
        e_c: bit/J at that rate.
        bit: Its inverse, J/bit.
        note: What a reader must know of the rate; empty if nothing.
    """

    rate_bit_per_s: float
    e_c: Quantity
    bit: Quantity
    note: str = ""


def bit_price(
    uplink: Uplink, fit: LinkFit | None, account: Account, asked_bit_per_s: float | None
) -> BitPrice:
    """Give the price of a bit at the rate asked for, else at one that the link really has.

    Args:
        uplink: The profile's.
        fit: Of the account; None without one.
        account: Which definition of energy.
        asked_bit_per_s: Payload bits per second; None takes the rate that E_c is stated at, or
            the fastest measured if no upload reached that.

    Raises:
        ProfileUnusableError: No E_c by that account, none at that rate, or one that cannot be.
    """
    stated = positive(by_account(uplink.e_c_bit_per_j, account, "E_c"), "E_c")
    stated_bit_per_s = uplink.rate_bit_per_s
    fastest_bit_per_s = max(fit.rates_bit_per_s) if fit else stated_bit_per_s
    note = ""
    extrapolated = uplink.stated is None
    if asked_bit_per_s is None and extrapolated and fastest_bit_per_s < REACHED * stated_bit_per_s:
        asked_bit_per_s = fastest_bit_per_s
        note = (
            f"No upload of the profile reached the {_rate(stated_bit_per_s)} that it states E_c "
            f"at: sending is priced at the fastest measured, {_rate(fastest_bit_per_s)}."
        )
    if asked_bit_per_s is None or asked_bit_per_s == stated_bit_per_s:
        rate, bit = stated_bit_per_s, inverted(stated, "J/bit")
        return BitPrice(rate_bit_per_s=rate, e_c=stated, bit=bit)
    return _fitted(fit, asked_bit_per_s, note)


def moved_by(price: BitPrice, more_j: float) -> BitPrice:
    """Return the price of a bit with so many J/bit more, its standard uncertainties as they are."""
    if not more_j:
        return price
    bit = msgspec.structs.replace(price.bit, value=price.bit.value + more_j)
    return replace(price, bit=positive(bit, "a bit"), e_c=inverted(bit, "bit/J"))


def _fitted(fit: LinkFit | None, rate_bit_per_s: float, note: str) -> BitPrice:
    if fit is None:
        raise ProfileUnusableError(
            f"the profile has no fit of the link by this account, so a bit has no price at "
            f"{_rate(rate_bit_per_s)}; leave the rate out, or calibrate the link again"
        )
    bit = positive(_energy_per_bit(fit, rate_bit_per_s), f"a bit at {_rate(rate_bit_per_s)}")
    return BitPrice(
        rate_bit_per_s=rate_bit_per_s,
        e_c=inverted(bit, "bit/J"),
        bit=bit,
        note=note or _beyond_note(fit.rates_bit_per_s, rate_bit_per_s),
    )


def _energy_per_bit(fit: LinkFit, rate_bit_per_s: float) -> Quantity:
    """Give P_air / r + e_bit, J/bit.

    Its systematic parts come from one sensor, so they add up with their signs.
    """
    weights = np.array([1.0 / rate_bit_per_s, 1.0])
    figures = (fit.air_power_w, fit.bit_energy_j)
    covariance = np.array(fit.covariance, dtype=np.float64)[1:3, 1:3]
    signed = [np.copysign(figure.u_sys or 0.0, figure.value) for figure in figures]
    # Between measured rates nothing is known better than the measured ones lie on the fit.
    misfit_j = (fit.misfit_u_rel or 0.0) * abs(
        weights[0] * fit.air_power_w.value + fit.bit_energy_j.value
    )
    known = all(figure.u_stat is not None and figure.u_sys is not None for figure in figures)
    return Quantity(
        value=float(weights @ [figure.value for figure in figures]),
        unit="J/bit",
        ci95=None,
        u_stat=hypot(linear_u(weights, covariance), misfit_j) if known else None,
        u_sys=float(abs(weights @ signed)) if known else None,
        n=fit.air_power_w.n,
        degrees_of_freedom=fit.air_power_w.degrees_of_freedom,
    )


def _beyond_note(rates_bit_per_s: tuple[float, ...], rate_bit_per_s: float) -> str:
    slowest, fastest = min(rates_bit_per_s), max(rates_bit_per_s)
    if REACHED * slowest <= rate_bit_per_s <= fastest / REACHED:
        return ""
    return (
        f"Sending is priced at {_rate(rate_bit_per_s)}, outside the {_rate(slowest)} to "
        f"{_rate(fastest)} that were measured."
    )


def _rate(rate_bit_per_s: float) -> str:
    return f"{rate_bit_per_s:.3g} bit/s"
