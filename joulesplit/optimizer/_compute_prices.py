"""What a profile says computing costs, by one account: E_d, blocks, heads."""

from __future__ import annotations

from collections.abc import Sequence

from joulesplit.calibrate.profile import (
    Account,
    BlockEnergy,
    Compute,
    DeviceProfile,
    HeadEnergy,
    degrees_of_freedom_of,
    out_of_order,
)
from joulesplit.optimizer._campaign import campaign_of
from joulesplit.optimizer._checked_figure import by_account, positive
from joulesplit.optimizer._compute_cost import Computing, PricedBlocks
from joulesplit.optimizer._cost import NETWORK_CONVENTION, ComputeModel
from joulesplit.optimizer.errors import (
    ProfileMismatchError,
    ProfileUnusableError,
)
from joulesplit.partition import Block, Network


def mismatch_reason(network: Network, blocks: Sequence[Block], compute: Compute) -> str | None:
    """Say why a profile's per-block energies are not those of these blocks; None if they are."""
    if compute.model is None or not compute.blocks:
        return "the profile has no per-block energies"
    if compute.model.sha256 != network.sha256:
        return (
            f"the profile was measured with {compute.model.name} ({compute.model.sha256[:12]}), "
            f"not with {network.name} ({network.sha256[:12]})"
        )
    other = compute.model.other_inputs(network.input_shapes)
    if other is not None:
        return f"the profile was {other}"
    if [b.last_operator for b in compute.blocks] != [b.last_operator for b in blocks]:
        return "the profile's blocks end at other operators than these"
    if compute.flop_convention == NETWORK_CONVENTION and any(
        _is_another(known, block) for known, block in zip(compute.blocks, blocks, strict=True)
    ):
        return "the profile states other work or outputs of these blocks: it has been changed"
    return None


def _is_another(known: BlockEnergy, block: Block) -> bool:
    """Say whether a profile's block does other work, or outputs something else, than the same here.

    A file may leave either out, as 0.
    """
    pairs = ((known.flop, block.flop), (known.output_bits, block.output_bits))
    return any(stated and stated != found for stated, found in pairs)


def chosen_model(
    network: Network, compute: Compute, asked: ComputeModel | None, mismatch: str | None
) -> ComputeModel:
    """Give the model asked for, or else the one nearest to what a split really computes.

    Raises:
        ProfileMismatchError: It needs blocks or heads that the profile does not have, or it is
            the constant E_d, and an operator's work is unknown and without a limit, or is part
            of what E_d was measured with.
    """
    if asked == "constant" or (asked is None and mismatch):
        _require_priceable_work(network, compute)
    if asked in ("heads", "blocks") and mismatch:
        raise ProfileMismatchError(
            f"cannot price by {asked}: {mismatch}; calibrate {network.name} or use the constant "
            "compute model"
        )
    if asked == "heads" and not compute.heads:
        raise ProfileMismatchError(
            'cannot price by heads: the profile measured none; calibrate with heads = "candidates" '
            "in the plan (--plan standard does), or use the blocks"
        )
    if asked is not None:
        return asked
    if mismatch:
        return "constant"
    return "heads" if compute.heads else "blocks"


def _require_priceable_work(network: Network, compute: Compute) -> None:
    """Check that a constant E_d prices all work, what is unknown by its bounds.

    An E_d of this very network is of the work that is known alone.
    """
    own = compute.model is not None and compute.model.sha256 == network.sha256
    unknown = next(
        (o for o in network.operators if o.flop is None and (own or o.most_flop is None)), None
    )
    if unknown is not None:
        least, most = unknown.bounds_flop
        known = "" if most is None else f" ({least:,} to {most:,} FLOP)"
        raise ProfileMismatchError(
            f"{network.name}: the constant E_d cannot price operator {unknown.index}, "
            f"{unknown.kind}, whose work is unknown{known}; calibrate this very network and "
            "leave out options that change its blocks: measured energies need no FLOP"
        )


def unknown_work(network: Network, blocks: Sequence[Block]) -> tuple[tuple[int, int], ...] | None:
    """Return least and most of each block's work that has no rule, FLOP; None if without limit.

    Empty where all work is known.
    """
    if not network.unknown_operators:
        return ()
    found = []
    for block in blocks:
        inside = network.operators[block.first_operator : block.last_operator + 1]
        bounds = [operator.bounds_flop for operator in inside if operator.flop is None]
        if any(most is None for _, most in bounds):
            return None
        found.append((sum(least for least, _ in bounds), sum(most or 0 for _, most in bounds)))
    return tuple(found)


def computing_of(
    network: Network,
    blocks: Sequence[Block],
    profile: DeviceProfile,
    account: Account,
    model: ComputeModel,
    *,
    matches: bool,
    stated_model_u_rel: float | None = None,
) -> Computing:
    """Take the figures of computing out of a profile.

    Args:
        network: The network to split.
        blocks: Its blocks.
        profile: The profile.
        account: Which definition of energy.
        model: What is to be priced by; what others would need is taken only if it is sound.
        matches: The profile's blocks are those of the network.
        stated_model_u_rel: See ``Computing``.

    Raises:
        ProfileUnusableError: No figure by that account, or one that cannot be true.
    """
    compute = profile.compute
    _require_in_order(compute)
    priced = _blocks(compute, account, model) if matches else ()
    heads = _heads(compute, account, model) if priced else ()
    unknown = unknown_work(network, blocks)
    idle = profile.idle.power_w if profile.idle and account == "gross" else None
    # The profile's covariances are those of the net energies.
    net = account == "net"
    return Computing(
        e_d=positive(by_account(compute.e_d_flop_per_j, account, "E_d"), "E_d"),
        blocks=priced,
        heads=heads,
        block_covariance_j2=compute.covariance_j2 if net and priced else (),
        head_covariance_j2=compute.head_covariance_j2 if net and heads else (),
        scale_u_rel=profile.sensor.scale_u_rel if profile.sensor else 0.0,
        idle_u_w=(idle.u_stat or 0.0) if idle else 0.0,
        work_known=not network.unknown_operators,
        unknown_flop=unknown or (),
        constant_u_rel=compute.classes.constant_e_d_rms if compute.classes else None,
        constant_inverse_freedom=1 / max(len(compute.blocks) - 1, 1),
        stated_model_u_rel=stated_model_u_rel,
        campaign_u_rel=campaign_of(profile, account).computing,
    )


def _require_in_order(compute: Compute) -> None:
    """Check that nothing stands twice or out of its place.

    Raises:
        ProfileUnusableError: One does: its energy would be counted twice, or as another's.
    """
    wrong = out_of_order(compute)
    if wrong:
        raise ProfileUnusableError(f"in the profile {'; '.join(wrong)}; calibrate again")


def _blocks(compute: Compute, account: Account, model: ComputeModel) -> tuple[PricedBlocks, ...]:
    """Take the blocks' energies; where they are not needed, only if they are all sound."""
    try:
        return tuple(
            PricedBlocks(
                last_block=block.index,
                energy=positive(by_account(block.energy_j, account, name), name),
                latency_s=block.latency_s.value,
                latency_u_s=block.latency_s.u_stat or 0.0,
                latency_inverse_freedom=1 / degrees_of_freedom_of(block.latency_s),
            )
            for block in compute.blocks
            for name in (f"block {block.index} ({block.name})",)
        )
    except ProfileUnusableError as error:
        if model == "constant":
            return ()
        raise ProfileUnusableError(f"{error}, or use the constant compute model") from error


def _heads(compute: Compute, account: Account, model: ComputeModel) -> tuple[PricedBlocks, ...]:
    try:
        return tuple(_head(head, account) for head in compute.heads)
    except ProfileUnusableError as error:
        if model != "heads":
            return ()
        raise ProfileUnusableError(f"{error}, or use the blocks compute model") from error


def _head(head: HeadEnergy, account: Account) -> PricedBlocks:
    name = f"blocks 1 to {head.last_block} as one network"
    return PricedBlocks(
        last_block=head.last_block,
        energy=positive(by_account(head.energy_j, account, name), name),
        latency_s=head.latency_s.value,
        latency_u_s=head.latency_s.u_stat or 0.0,
        latency_inverse_freedom=1 / degrees_of_freedom_of(head.latency_s),
    )
