"""What a profile says one block, one bit and one upload cost, by one account.

Every figure is taken by the same account, gross or net, and none is filled in from the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from calibrate.profile import Compute, DeviceProfile, GrossNet, LinkFit, Quantity, Uplink
from optimizer.cost import Account, ComputeModel
from optimizer.errors import InvalidInputError, ProfileMismatchError, ProfileUnusableError
from optimizer.uncertainty import COVERAGE_95
from partition.network import Block, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The figures a decision is made from; each quantity by ``account``.

    Attributes:
        account: Which definition of energy all of them follow.
        compute_model: ``per-block`` uses ``blocks``, ``constant`` uses N_l / ``e_d``.
        e_d: FLOP/J.
        blocks: e_1 … e_L, J; empty unless the profile knows these very blocks.
        covariance_j2: Statistical covariance of the e_l, J², lower triangle row by row; empty
            where the profile has none for this account.
        e_c: bit/J at the profile's rate.
        rate_bit_per_s: The rate E_c is stated at, bit/s.
        fit: The link's fit, which is net; None by the gross account or without one.
        scale_u_rel: Relative standard uncertainty common to every joule.
        notes: What a reader must know about how they were chosen.
    """

    account: Account
    compute_model: ComputeModel
    e_d: Quantity
    blocks: tuple[Quantity, ...]
    covariance_j2: tuple[float, ...]
    e_c: Quantity
    rate_bit_per_s: float
    fit: LinkFit | None
    scale_u_rel: float
    notes: tuple[str, ...]

    @property
    def bit_energy_j(self) -> float:
        """1/E_c, J/bit."""
        return 1.0 / self.e_c.value

    @property
    def upload_cost_j(self) -> float:
        """E_0, J per upload; 0 where there is none, or where it was measured below zero."""
        return max(0.0, self.fit.upload_cost_j.value) if self.fit else 0.0

    def block_energy_j(self, blocks: Sequence[Block], model: ComputeModel) -> tuple[float, ...]:
        """Give e_1 … e_L by a compute model, J."""
        if model == "per-block":
            return tuple(block.value for block in self.blocks)
        return tuple(block.flop / self.e_d.value for block in blocks)


def prices_from_profile(
    network: Network,
    blocks: Sequence[Block],
    profile: DeviceProfile,
    *,
    account: Account | None = None,
    compute_model: ComputeModel | None = None,
) -> Prices:
    """Take the figures for one decision out of a profile.

    Args:
        network: The network to split.
        blocks: Its blocks.
        profile: The device's figures.
        account: ``net`` or ``gross``; None takes net where the profile has all of it.
        compute_model: None takes ``per-block`` where the profile knows these very blocks.

    Raises:
        InvalidInputError: No such account or compute model.
        ProfileMismatchError: ``per-block`` asked for, but the blocks are not the profile's.
        ProfileUnusableError: No link, no figure by that account, or one that cannot be true.
    """
    _require_known(account, compute_model)
    uplink = _uplink(profile)
    mismatch = mismatch_reason(network, blocks, profile.compute)
    if compute_model == "per-block" and mismatch:
        raise ProfileMismatchError(
            f"cannot use per-block energies: {mismatch}; calibrate {network.name} or use the "
            "constant compute model"
        )
    model: ComputeModel = compute_model or ("constant" if mismatch else "per-block")
    chosen = account or _default_account(profile, uplink, model)
    return Prices(
        account=chosen,
        compute_model=model,
        e_d=_positive(_by(profile.compute.e_d_flop_per_j, chosen, "E_d"), "E_d"),
        blocks=_block_figures(profile.compute, chosen, model) if not mismatch else (),
        # The profile's covariance is that of the net energies.
        covariance_j2=profile.compute.covariance_j2 if chosen == "net" and not mismatch else (),
        e_c=_positive(_by(uplink.e_c_bit_per_j, chosen, "E_c"), "E_c"),
        rate_bit_per_s=uplink.rate_bit_per_s,
        fit=_sound_fit(uplink.fit) if uplink.fit and chosen == "net" else None,
        scale_u_rel=profile.sensor.scale_u_rel if profile.sensor else 0.0,
        notes=_notes(uplink, chosen, account, mismatch if compute_model is None else None),
    )


def mismatch_reason(network: Network, blocks: Sequence[Block], compute: Compute) -> str | None:
    """Say why a profile's per-block energies are not those of these blocks; None if they are."""
    if compute.model is None or not compute.blocks:
        return "the profile has no per-block energies"
    if compute.model.sha256 != network.sha256:
        return (
            f"the profile was measured with {compute.model.name} ({compute.model.sha256[:12]}), "
            f"not with {network.name} ({network.sha256[:12]})"
        )
    if [b.last_operator for b in compute.blocks] != [b.last_operator for b in blocks]:
        return "the profile's blocks end at other operators than these"
    return None


def require_blocks(network: Network, blocks: Sequence[Block]) -> None:
    """Check that the blocks are a whole network in order.

    Raises:
        InvalidInputError: They are not.
    """
    in_order = [block.index for block in blocks] == list(range(1, len(blocks) + 1))
    ends = [-1, *(block.last_operator for block in blocks)]
    if (
        blocks
        and in_order
        and all(a < b for a, b in pairwise(ends))
        and ends[-1] == len(network.operators) - 1
    ):
        return
    raise InvalidInputError(
        f"these {len(blocks)} blocks are not the whole of {network.name} in order; "
        "cut this very network into blocks again"
    )


def _require_known(account: str | None, compute_model: str | None) -> None:
    if account in (None, "net", "gross") and compute_model in (None, "per-block", "constant"):
        return
    raise InvalidInputError(
        f"cannot price by account {account!r} and compute model {compute_model!r}; use net or "
        "gross, per-block or constant"
    )


def _uplink(profile: DeviceProfile) -> Uplink:
    link = profile.link
    if link is None:
        raise ProfileUnusableError(
            "the profile has no link, so an upload has no price; calibrate again with an edge "
            "server"
        )
    if link.loopback and not profile.simulated:
        raise ProfileUnusableError(
            "the profile's link is loopback, so nothing went on the air; calibrate again with "
            "the edge server on another machine"
        )
    rate = link.uplink.rate_bit_per_s
    if not (math.isfinite(rate) and rate > 0.0):
        raise ProfileUnusableError(
            f"the profile states E_c at {rate} bit/s; calibrate the link again"
        )
    return link.uplink


def _default_account(profile: DeviceProfile, uplink: Uplink, model: ComputeModel) -> Account:
    needed = [profile.compute.e_d_flop_per_j, uplink.e_c_bit_per_j]
    if model == "per-block":
        needed += [block.energy_j for block in profile.compute.blocks]
    return "net" if all(figure.net is not None for figure in needed) else "gross"


def _by(figure: GrossNet, account: Account, name: str) -> Quantity:
    quantity = figure.net if account == "net" else figure.gross
    if quantity is None:
        raise ProfileUnusableError(
            f"the profile has no net figure for {name}; use the gross account"
        )
    return quantity


def _positive(quantity: Quantity, name: str) -> Quantity:
    if not (math.isfinite(quantity.value) and quantity.value > 0.0):
        raise ProfileUnusableError(
            f"the profile gives {quantity.value} {quantity.unit} for {name}, which cannot be; "
            "calibrate again with more work per window"
        )
    uncertainties = (quantity.u_stat, quantity.u_sys)
    if any(u is not None and not (math.isfinite(u) and u >= 0.0) for u in uncertainties):
        raise ProfileUnusableError(
            f"the profile gives {name} with standard uncertainties {uncertainties}, which cannot "
            "be; calibrate again"
        )
    return quantity


def _block_figures(compute: Compute, account: Account, model: ComputeModel) -> tuple[Quantity, ...]:
    """Take the blocks' energies; where they are not needed, only if they are all sound."""
    try:
        names = [f"block {block.index} ({block.name})" for block in compute.blocks]
        return tuple(
            _positive(_by(block.energy_j, account, name), name)
            for block, name in zip(compute.blocks, names, strict=True)
        )
    except ProfileUnusableError as error:
        if model == "constant":
            return ()
        raise ProfileUnusableError(f"{error}, or use the constant compute model") from error


def _sound_fit(fit: LinkFit) -> LinkFit:
    """Check E_0: below zero only where zero is within its interval."""
    cost = fit.upload_cost_j
    floor_j = -COVERAGE_95 * math.hypot(cost.u_stat or 0.0, cost.u_sys or 0.0)
    if math.isfinite(cost.value) and cost.value >= floor_j:
        return fit
    raise ProfileUnusableError(
        f"the profile gives {cost.value} J for the fixed cost of an upload, which cannot be; "
        "calibrate the link again with more payload sizes"
    )


def _notes(
    uplink: Uplink, account: Account, asked: Account | None, fallback: str | None
) -> tuple[str, ...]:
    notes = []
    if fallback:
        notes.append(f"Computing is priced by the constant E_d, because {fallback}.")
    if account == "gross" and asked is None:
        notes.append("The profile has no net figures throughout: energies are gross.")
    if account == "gross":
        notes.append(
            "Gross energies leave out the wait for the server and the fixed cost of an upload, "
            "which the profile does not know by this account."
        )
    elif uplink.fit and uplink.fit.upload_cost_j.value < 0.0:
        notes.append(
            "The fixed cost of an upload was measured below zero within its uncertainty and is "
            "taken as zero."
        )
    return tuple(notes)
