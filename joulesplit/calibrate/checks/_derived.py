"""Do a profile's figures follow from each other as its maker made them? Pure.

Most numbers of a profile are said twice: an interval is what uncertainties and degrees of freedom
give, a diagonal is an uncertainty squared, E_d is work over the energies of blocks. Where one of
the two was changed, the other tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot, inf

import numpy as np

from joulesplit.calibrate.checks._spec import CHANGED, CheckSpec
from joulesplit.calibrate.profile import (
    Account,
    BlockEnergy,
    Check,
    Compute,
    DeviceProfile,
    EncodingEnergy,
    EstimateView,
    GrossNet,
    HeadEnergy,
    LinkFit,
    Quantity,
    Uplink,
    UploadCosts,
    UploadTime,
    making_name,
)
from joulesplit.metrology import Array, symmetric

SUM_LIMIT = 0.02
"""Largest relative difference of a figure to what it is made of. They are the same by definition;
figures rounded to three digits still pass."""

SCATTER_LIMIT = 1e-4
"""The same of scatter: a covariance is stored to six digits, and nobody writes one by hand."""

ACCOUNTS_LIMIT = 0.05
"""The same of gross, net and idle. Each is a fit of its own, and each leaves out of disturbed
windows what disturbs it alone, so that they differ by more than their uncertainties tell."""

ACCOUNTS_FACTOR = 3.0
"""Times the sum of their uncertainties, which chance does not exceed."""

CONSISTENT_FIGURES = CheckSpec(
    name="consistent-figures",
    finds="difference of figures from what those they are made of give, relative: E_d, E_c, "
    "E_d/E_c, heads over blocks",
    unit="1",
    limit=SUM_LIMIT,
    severity="fail",
    advice=f"{{name}} is not what the figures it is made of give: {CHANGED}",
)
GROSS_FOLLOWS = CheckSpec(
    name="gross-follows",
    finds="difference of gross energies from net ones and P_0 over their time, beyond three times "
    "what is uncertain of them, relative",
    unit="1",
    limit=ACCOUNTS_LIMIT,
    advice="{name} is not net energy and what is drawn idle meanwhile: single windows were "
    "disturbed, or a number was changed; end other programs and measure again",
)
SCATTER_FOLLOWS = CheckSpec(
    name="scatter-follows",
    finds="difference of a stated scatter from what the covariances give, relative",
    unit="1",
    limit=SCATTER_LIMIT,
    severity="fail",
    advice=f"the scatter of {{name}} is not what the covariances give: {CHANGED}",
)

Off = tuple[float, str]
"""A relative difference, and the name of what it is of."""


def derivation_checks(profile: DeviceProfile) -> Iterator[Check]:
    """Yield the checks of what follows from something else in a profile of sound form."""
    offs = [*_energy_offs(profile), *_uplink_offs(profile), *_ratio_offs(profile)]
    if offs:
        worst, name = max(offs)
        yield CONSISTENT_FIGURES.judge(worst, name=name)
    accounts = [*_gross_offs(profile)]
    if accounts:
        worst, name = max(accounts)
        yield GROSS_FOLLOWS.judge(worst, name=name)
    scatter = [
        *_compute_scatter(profile.compute),
        *_link_scatter(profile),
        *_ratio_scatter(profile),
    ]
    if not profile.merged:
        scatter += _head_ratio_scatter(profile.compute)
    if scatter:
        worst, name = max(scatter)
        yield SCATTER_FOLLOWS.judge(worst, name=name)


def _off(stated: float, following: float, scale: float | None = None) -> float:
    """Return the difference of two numbers, relative to the second or to another scale."""
    of = abs(following if scale is None else scale)
    if stated == following:
        return 0.0
    return abs(stated - following) / of if of else inf


def both_accounts(figure: GrossNet) -> Iterator[tuple[Account, Quantity]]:
    """Yield a figure by each account that states it."""
    accounts: tuple[Account, Account] = ("net", "gross")
    for account in accounts:
        quantity: Quantity | None = getattr(figure, account)
        if quantity is not None:
            yield account, quantity


def _energy_offs(profile: DeviceProfile) -> Iterator[Off]:
    compute = profile.compute
    flop = sum(block.flop for block in compute.blocks)
    # A file may leave the work out.
    for account, e_d in both_accounts(compute.e_d_flop_per_j) if flop else ():
        energies_j = [getattr(block.energy_j, account) for block in compute.blocks]
        total_j = sum(energy.value for energy in energies_j if energy is not None)
        if total_j > 0 and None not in energies_j:
            yield _off(e_d.value * total_j, flop), f"E_d {account}"
    # Each profile's own quotients were pooled.
    for head in () if profile.merged else compute.heads:
        blocks = _net_of_blocks(compute, head)
        if blocks and head.energy_j.net is not None:
            ratio = head.energy_j.net.value / blocks
            yield _off(head.net_over_blocks, ratio), f"net_over_blocks of head {head.last_block}"
    yield from _view_offs(compute.views, compute.e_d_flop_per_j)
    for block in compute.blocks:
        yield from _view_offs(block.views, block.energy_j)


def _net_of_blocks(compute: Compute, head: HeadEnergy) -> float:
    nets = [block.energy_j.net for block in compute.blocks[: head.last_block]]
    return sum(net.value for net in nets if net is not None) if None not in nets else 0.0


def _gross_offs(profile: DeviceProfile) -> Iterator[Off]:
    """Yield what gross energies are off net ones and what is drawn idle meanwhile."""
    if profile.idle is None:
        return
    compute, idle = profile.compute, profile.idle.power_w
    named: list[tuple[str, BlockEnergy | HeadEnergy | EncodingEnergy]] = [
        *((f"e_{b.index} gross", b) for b in compute.blocks),
        *((f"head_{h.last_block} gross", h) for h in compute.heads),
        *((f"{making_name(made)} gross", made) for made in compute.encodings),
    ]
    for name, one in named:
        net, gross = one.energy_j.net, one.energy_j.gross
        if net is not None:
            latency = one.latency_s
            following = net.value + idle.value * latency.value
            of_idle_j = idle.value * _stated_u(latency) + _stated_u(idle) * latency.value
            spread = ACCOUNTS_FACTOR * (_stated_u(gross) + _stated_u(net) + of_idle_j)
            beyond = max(0.0, abs(gross.value - following) - spread)
            yield beyond / gross.value if gross.value > 0 else inf, name


def _stated_u(quantity: Quantity) -> float:
    return hypot(quantity.u_stat or 0.0, quantity.u_sys or 0.0)


def _view_offs(views: tuple[EstimateView, ...], figure: GrossNet) -> Iterator[Off]:
    """Yield what the profile's own method, among the others, is off the figure itself."""
    stated = {account: quantity.value for account, quantity in both_accounts(figure)}
    for view in views:
        account = view.figure.rsplit(" ", 1)[-1]
        if view.method == "weighted" and account in stated:
            of = stated["gross" if account == "gross" else "net"]
            yield _off(view.value, of), f"{view.figure} by its own method"


def _uplink_offs(profile: DeviceProfile) -> Iterator[Off]:
    uplink = profile.link.uplink if profile.link else None
    if uplink is None:
        return
    for account, e_c in both_accounts(uplink.e_c_bit_per_j):
        bit_j = _bit_energy_j(uplink, account)
        if bit_j is not None:
            yield _off(e_c.value * bit_j, 1.0), f"E_c {account}"
    yield from _view_offs(uplink.views, uplink.e_c_bit_per_j)
    fit = uplink.fit
    if fit is not None and fit.misfit_u_rel is not None and uplink.at_rates:
        departures = [
            (fit.air_power_w.value / cost.rate_bit_per_s + fit.bit_energy_j.value) * net.value - 1
            for cost in uplink.at_rates
            if (net := cost.e_c_bit_per_j.net) is not None
        ]
        rms = hypot(*departures) / max(len(departures), 1) ** 0.5
        yield _off(fit.misfit_u_rel, rms, max(rms, SUM_LIMIT)), "misfit_u_rel of the fit"


def _bit_energy_j(uplink: Uplink, account: Account) -> float | None:
    """Return the energy of a bit that E_c is the inverse of, J; None where the file lacks it."""
    stated = uplink.stated if account == "net" else uplink.stated_gross
    if stated is not None:
        return stated.bit_energy_j.value
    if uplink.fit is None or account == "gross":
        return None
    fit = uplink.fit
    return fit.air_power_w.value / uplink.rate_bit_per_s + fit.bit_energy_j.value


def _ratio_offs(profile: DeviceProfile) -> Iterator[Off]:
    ratio = profile.e_d_over_e_c_flop_per_bit
    if ratio is None or profile.link is None:
        return
    e_c_of = profile.link.uplink.e_c_bit_per_j
    for account, stated in both_accounts(ratio):
        e_d, e_c = getattr(profile.compute.e_d_flop_per_j, account), getattr(e_c_of, account)
        if e_d is not None and e_c is not None and e_c.value:
            yield _off(stated.value, e_d.value / e_c.value), f"E_d/E_c {account}"


def _compute_scatter(compute: Compute) -> Iterator[Off]:
    """Yield what the net energies' scatter is off the diagonal, and that of E_d off the sum."""
    matrix = _covariance_of(compute)
    nets = [
        *((f"e_{block.index} net", block.energy_j.net) for block in compute.blocks),
        *((f"head_{head.last_block} net", head.energy_j.net) for head in compute.heads),
    ]
    for place, (name, net) in enumerate(nets[: len(matrix)]):
        if net is not None and net.u_stat is not None:
            yield _off(net.u_stat, float(matrix[place, place]) ** 0.5), name
    e_d, count = compute.e_d_flop_per_j.net, len(compute.blocks)
    if e_d is not None and e_d.u_stat and e_d.value and len(matrix):
        total_j = sum(net.value for _, net in nets[:count] if net is not None)
        of_blocks = matrix[:count, :count]
        scatter_j = max(float(of_blocks.sum()), 0.0) ** 0.5
        # What is left of parts that cancel has lost the digits of the covariance.
        scale_j = max(scatter_j, SCATTER_LIMIT**0.5 * float(np.abs(of_blocks).sum()) ** 0.5)
        yield _off(e_d.u_stat / e_d.value * total_j, scatter_j, scale_j), "E_d net"


def _covariance_of(compute: Compute) -> Array:
    """Return the covariance of blocks, and of heads as far as it is stated, J²."""
    if not compute.covariance_j2:
        return np.zeros((0, 0))
    count = len(compute.blocks) + (len(compute.heads) if compute.head_covariance_j2 else 0)
    return symmetric((*compute.covariance_j2, *compute.head_covariance_j2), count)


def _head_ratio_scatter(compute: Compute) -> list[Off]:
    """Return what heads' ``net_over_blocks_u`` are off what the covariance gives."""
    if not compute.head_covariance_j2:
        return []
    matrix, first = _covariance_of(compute), len(compute.blocks)
    found = []
    for row, head in enumerate(compute.heads, first):
        blocks_j, last = _net_of_blocks(compute, head), head.last_block
        if head.net_over_blocks_u is None or not blocks_j:
            continue
        ratio, shared = head.net_over_blocks, float(matrix[row, :last].sum())
        of_blocks = ratio**2 * float(matrix[:last, :last].sum())
        parts = float(matrix[row, row]) + of_blocks
        u_rel = max(parts - 2 * ratio * shared, 0.0) ** 0.5 / blocks_j
        # What is left of a difference of near equals has lost the digits of the covariance.
        scale = max(u_rel, SCATTER_LIMIT**0.5 * parts**0.5 / blocks_j)
        name = f"net_over_blocks of head {last}"
        found.append((_off(head.net_over_blocks_u, u_rel, scale), name))
    return found


def _quantities(part: LinkFit | UploadCosts | UploadTime) -> Iterator[tuple[str, Quantity]]:
    """Yield a part's figures in the order of its covariance."""
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, Quantity):
            yield name, value


def _link_scatter(profile: DeviceProfile) -> Iterator[Off]:
    uplink = profile.link.uplink if profile.link else None
    if uplink is None:
        return
    for name in ("fit", "fit_gross", "stated", "stated_gross", "time"):
        part = getattr(uplink, name)
        figures = _quantities(part) if part is not None and len(part.covariance) else ()
        for place, (figure, quantity) in enumerate(figures):
            if place < len(part.covariance) and quantity.u_stat is not None:
                diagonal = part.covariance[place][place] ** 0.5
                yield _off(quantity.u_stat, diagonal), f"{name}.{figure}"
    for account, costs in (("net", uplink.stated), ("gross", uplink.stated_gross)):
        e_c = getattr(uplink.e_c_bit_per_j, account)
        if costs is not None and e_c is not None and e_c.u_stat is not None:
            bit = costs.bit_energy_j
            relative = (bit.u_stat or 0.0) / bit.value
            yield _off(e_c.u_stat / e_c.value, relative), f"E_c {account}"


def _ratio_scatter(profile: DeviceProfile) -> Iterator[Off]:
    """Yield what the scatter of E_d/E_c, net, is off that of the two; gross ones share P_0."""
    ratio, link, compute = profile.e_d_over_e_c_flop_per_bit, profile.link, profile.compute
    if ratio is None or link is None:
        return
    figures = (ratio.net, compute.e_d_flop_per_j.net, link.uplink.e_c_bit_per_j.net)
    shares = [one.u_stat / one.value for one in figures if one and one.u_stat and one.value]
    if len(shares) == len(figures):
        yield _off(shares[0], hypot(*shares[1:])), "E_d/E_c net"
