"""The figures of a profile one by one, with their statistics taken apart again. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot, inf

from joulesplit.calibrate.profile._compute import Compute, making_name
from joulesplit.calibrate.profile._device_profile import DeviceProfile
from joulesplit.calibrate.profile._link import Link, LinkFit
from joulesplit.calibrate.profile._quantity import GrossNet, Quantity
from joulesplit.calibrate.profile._sensor import Sensor
from joulesplit.metrology import (
    FLAT_FREEDOM,
    budget_of,
    degrees_of_factor,
    inverse_freedom_of_factor,
    is_rounding,
    quadrature_rest,
)

SYMMETRY = 1e-6
"""Relative difference of an interval's halves up to which they count as equal."""

FEWEST_DEGREES = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One quantity of a profile.

    Attributes:
        name: Stable, with its account: ``E_d net``, ``e_3 gross``.
        quantity: As the profile states it.
        scaled: It is proportional to the sensor's scale (or to its reciprocal).
    """

    name: str
    quantity: Quantity
    scaled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What a quantity's uncertainty is made of.

    Attributes:
        u_stat: From statistics, in the quantity's unit.
        degrees_of_freedom: Behind it.
        u_scale: From the sensor's scale terms.
        u_rest: Systematic, from everything else.
        scale_inverse_freedom: 1/ν of the scale terms: −1/5 for a single bound.
        rest_inverse_freedom: Of everything else.
    """

    u_stat: float
    degrees_of_freedom: float
    u_scale: float
    u_rest: float
    scale_inverse_freedom: float = 0.0
    rest_inverse_freedom: float = 0.0


def figures_of(profile: DeviceProfile) -> Iterator[Figure]:
    """Yield every figure, headline figures first, net before gross."""
    yield from _accounts("E_d", profile.compute.e_d_flop_per_j)
    if profile.link is not None:
        yield from _accounts("E_c", profile.link.uplink.e_c_bit_per_j)
    if profile.e_d_over_e_c_flop_per_bit is not None:
        yield from _accounts("E_d/E_c", profile.e_d_over_e_c_flop_per_bit, scaled=False)
    if profile.idle is not None:
        yield Figure(name="P_0 idle", quantity=profile.idle.power_w)
    yield from _compute_figures(profile.compute)
    if profile.link is not None:
        yield from _link_figures(profile.link)


def _compute_figures(compute: Compute) -> Iterator[Figure]:
    for block in compute.blocks:
        yield from _accounts(f"e_{block.index}", block.energy_j)
    for head in compute.heads:
        yield from _accounts(f"head_{head.last_block}", head.energy_j)
    for block in compute.blocks:
        yield Figure(name=f"t_{block.index}", quantity=block.latency_s, scaled=False)
    for made in compute.encodings:
        yield from _accounts(making_name(made), made.energy_j)
    if compute.window_cost_j is not None:
        yield Figure(name="window cost net", quantity=compute.window_cost_j)
    for name, start in _starts(compute):
        yield Figure(name=f"E_start {name} net", quantity=start)


def _starts(compute: Compute) -> Iterator[tuple[str, Quantity]]:
    """Yield E_start of every block and head that states it."""
    named = (
        *((f"e_{block.index}", block.start_cost_j) for block in compute.blocks),
        *((f"head_{head.last_block}", head.start_cost_j) for head in compute.heads),
    )
    for name, start in named:
        if start is not None:
            yield name, start


def _link_figures(link: Link) -> Iterator[Figure]:
    for account, fit in (("net", link.uplink.fit), ("gross", link.uplink.fit_gross)):
        if fit is not None:
            yield from _fit_figures(fit, account)
    if link.uplink.tail is not None:
        yield Figure(name="tail net", quantity=link.uplink.tail.energy_j)
    if link.downlink is not None:
        yield from _accounts("E_c-down", link.downlink.e_c_bit_per_j)


def _fit_figures(fit: LinkFit, account: str) -> Iterator[Figure]:
    yield Figure(name=f"E_0 {account}", quantity=fit.upload_cost_j)
    yield Figure(name=f"P_air {account}", quantity=fit.air_power_w)
    yield Figure(name=f"e_bit {account}", quantity=fit.bit_energy_j)
    if fit.burst_cost_j is not None:
        yield Figure(name=f"E_burst {account}", quantity=fit.burst_cost_j)


def _accounts(name: str, figure: GrossNet, *, scaled: bool = True) -> Iterator[Figure]:
    if figure.net is not None:
        yield Figure(name=f"{name} net", quantity=figure.net, scaled=scaled)
    yield Figure(name=f"{name} gross", quantity=figure.gross, scaled=scaled)


def statistics_of(figure: Figure, sensor: Sensor | None) -> Statistics | None:
    """Take a figure's uncertainty apart; None where the profile states none."""
    quantity = figure.quantity
    if quantity.ci95 is None or quantity.u_stat is None or quantity.u_sys is None:
        return None
    scale = sensor.scale_u_rel if sensor is not None and figure.scaled else 0.0
    u_scale = min(abs(quantity.value) * scale, quantity.u_sys)
    u_stat = 0.0 if is_rounding(quantity.u_stat, quantity.value) else quantity.u_stat
    u_rest = quadrature_rest(quantity.u_sys, u_scale)
    scale_inverse = budget_of(sensor.budget).scale_inverse_freedom if sensor and u_scale else 0.0
    together = _systematic_inverse_freedom(quantity) * quantity.u_sys**4
    return Statistics(
        u_stat=u_stat,
        degrees_of_freedom=degrees_of_freedom_of(quantity),
        u_scale=u_scale,
        u_rest=u_rest,
        scale_inverse_freedom=scale_inverse,
        rest_inverse_freedom=_bounded(together - scale_inverse * u_scale**4, u_rest**4),
    )


def _systematic_inverse_freedom(quantity: Quantity) -> float:
    """Return 1/ν of ``u_sys``, as the interval says: −1/5 where a single bound is all there is.

    0, a normal distribution, where the interval is of another form, or it is not stated how well
    the scatter is known.
    """
    u_stat, u_sys = quantity.u_stat or 0.0, quantity.u_sys or 0.0
    scatters = not is_rounding(u_stat, quantity.value)
    if (scatters and quantity.degrees_of_freedom is None) or not _is_symmetric(quantity):
        return 0.0
    combined = hypot(u_stat, u_sys)
    factor = _relative_half_width(quantity) * abs(quantity.value) / combined if combined else 0.0
    whole = inverse_freedom_of_factor(factor) * combined**4
    scatter = u_stat**4 / quantity.degrees_of_freedom if quantity.degrees_of_freedom else 0.0
    return _bounded(whole - scatter, u_sys**4)


def _bounded(fourth_moment: float, fourth_power: float) -> float:
    """Return 1/ν of a systematic part, which is neither below −1/5 nor above 0."""
    if not fourth_power:
        return 0.0
    return min(max(fourth_moment / fourth_power, 1 / FLAT_FREEDOM), 0.0)


def degrees_of_freedom_of(quantity: Quantity) -> float:
    """Return what was behind ``u_stat``: as stated, or else what the interval says.

    Where no bound is rectangular, its half-width over the combined uncertainty is Student's t of
    the effective degrees of freedom, and those give the statistical ones (Welch and Satterthwaite,
    GUM G.4). Never more than the windows: far from the normal law the interval tells them well,
    close to it badly.

    Returns:
        ``inf`` where there is no scatter, or nothing says that it is known badly.
    """
    u_stat = quantity.u_stat or 0.0
    combined = hypot(u_stat, quantity.u_sys or 0.0)
    if is_rounding(u_stat, quantity.value):
        return inf
    if quantity.degrees_of_freedom is not None:
        return quantity.degrees_of_freedom
    if quantity.ci95 is None:
        return inf
    factor = _relative_half_width(quantity) * abs(quantity.value) / combined
    most = max(float(quantity.n), FEWEST_DEGREES)
    least = degrees_of_factor(factor) * (u_stat / combined) ** 4
    return min(max(least, FEWEST_DEGREES), most)


def _relative_half_width(quantity: Quantity) -> float:
    """Return the half-width over the value, of the energy where the figure is per joule.

    The interval of a reciprocal is symmetric in what it is the reciprocal of.
    """
    low, high = quantity.ci95 or (quantity.value, quantity.value)
    value = quantity.value
    if value == 0:
        return 0.0
    straight = (high - low) / 2 / abs(value)
    if _skew(high - value, value - low) <= SYMMETRY or low <= 0:
        return straight
    return (value / low - value / high) / 2


def _is_symmetric(quantity: Quantity) -> bool:
    """Return whether an interval is symmetric about a figure, or about what it is 1 over."""
    low, high = quantity.ci95 or (quantity.value, quantity.value)
    value = quantity.value
    if _skew(high - value, value - low) <= SYMMETRY:
        return True
    return low > 0 and _skew(value / low - 1, 1 - value / high) <= SYMMETRY


def _skew(above: float, below: float) -> float:
    """Return the difference of an interval's halves, relative to a half of both."""
    return abs(above - below) / ((above + below) / 2) if above + below else 0.0
