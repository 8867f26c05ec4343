"""What a profile says computing and sending cost, by one account.

Every figure is taken by the same account, gross or net, and none is filled in from the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from joulesplit.calibrate.profile import (
    CONNECTION_PHASE,
    Account,
    Compute,
    DeviceProfile,
    Link,
    Quantity,
)
from joulesplit.metrology import Error, error_of_scatter
from joulesplit.optimizer._campaign import Campaign, campaign_of
from joulesplit.optimizer._compute_cost import Computing
from joulesplit.optimizer._compute_prices import chosen_model, computing_of, mismatch_reason
from joulesplit.optimizer._cost import MODELS, ComputeModel
from joulesplit.optimizer._encoding import MeasuredEncoding, measured_encodings
from joulesplit.optimizer._linear_figures import is_uncertain
from joulesplit.optimizer._link_cost import Sending
from joulesplit.optimizer._link_prices import sending_of, usable_link
from joulesplit.optimizer._uncertainty import SensorShapes, ratio_error, sensor_shapes
from joulesplit.optimizer._usage import Usage
from joulesplit.optimizer.errors import InvalidInputError
from joulesplit.partition import Block, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The figures a decision is made from; each quantity by ``account``.

    Attributes:
        account: Which definition of energy all of them follow.
        compute_model: What computing is priced by.
        computing: E_d, blocks and heads.
        encodings: What making bytes was measured to cost.
        sending: Everything that an upload costs.
        usage: How often what is not per upload falls on one.
        idle: P_0, W, where the usage counts it; else None.
        starts: Net energy of an inference that starts alone, J, at position l; empty where none
            does or it is not known.
        other_runtime: In what the runtime in use is another than the profile's; None if in nothing.
        ratio_error_flop_per_bit: Of E_d/E_c; None if the source states none.
        shapes: Distributions of the sensor's terms.
        scale_u_rel: Relative standard uncertainty common to every joule.
        campaign: What the campaign leaves open of each kind of work.
        mismatch: Why the profile's blocks are not those of the network; None if they are.
        notes: What a reader must know about how they were chosen.
    """

    account: Account
    compute_model: ComputeModel
    computing: Computing
    encodings: tuple[MeasuredEncoding, ...]
    sending: Sending
    usage: Usage
    idle: Quantity | None
    starts: tuple[Quantity | None, ...]
    other_runtime: str | None
    ratio_error_flop_per_bit: Error | None
    shapes: SensorShapes
    scale_u_rel: float
    campaign: Campaign
    mismatch: str | None
    notes: tuple[str, ...]

    def is_uncertain(self, model: ComputeModel) -> bool:
        """Say whether every figure that a model takes states what it may be off by."""
        beside = [figure for figure in (self.idle, *self.starts) if figure is not None]
        known = self.computing.is_uncertain(model) and self.sending.is_uncertain(self.usage)
        return known and is_uncertain(beside)

    def model_doubt(self, model: ComputeModel) -> str | None:
        """Say why nothing tells how far a model is off what a split computes, and what would.

        Returns:
            None if it is known, from measured heads or as the user states it.
        """
        if self.computing.stated_model_u_rel is not None:
            return None
        if self.other_runtime is not None:
            return f"{self.other_runtime}: calibrate with what you run"
        if model == "constant" and not self.computing.blocks:
            return (
                f"{self.mismatch}, and nothing measured tells how far another network is off a "
                "constant E_d: calibrate this one"
            )
        if model == "constant" and self.computing.constant_u_rel is None:
            return (
                "the profile does not tell how far single blocks are off a constant E_d: use the "
                "blocks"
            )
        if not self.computing.heads:
            return (
                "the profile measured no heads, so nothing tells what its blocks cost inside a "
                "network: calibrate with --standard, which measures them"
            )
        return None


def prices_from_profile(
    network: Network,
    blocks: Sequence[Block],
    profile: DeviceProfile,
    *,
    account: Account | None = None,
    compute_model: ComputeModel | None = None,
    usage: Usage | None = None,
    model_u_rel: float | None = None,
) -> Prices:
    """Take the figures for one decision out of a profile.

    Args:
        network: The network to split.
        blocks: Its blocks.
        profile: The device's figures.
        account: ``net`` or ``gross``; None takes net where the profile has all of it.
        compute_model: None takes heads where the profile has measured any, else blocks where it
            knows these very ones, else the constant E_d.
        usage: None takes an inference now and then over a connection that is kept open.
        model_u_rel: What a block may be off by inside a network, relative standard uncertainty,
            as the user states it; None leaves it to the measured heads.

    Raises:
        InvalidInputError: No such account or compute model, or a usage without sense.
        ProfileMismatchError: Blocks or heads asked for that the profile does not have, or work
            that is unknown and would have to be priced by the constant E_d.
        ProfileUnusableError: No link, no figure by that account, or one that cannot be true.
    """
    _require_known(account, compute_model)
    _require_model_u(model_u_rel)
    usage = usage or Usage()
    usage.require_sensible()
    link = usable_link(profile)
    mismatch = mismatch_reason(network, blocks, profile.compute)
    model = chosen_model(network, profile.compute, compute_model, mismatch)
    chosen = account or _default_account(profile, link, model)
    computing = computing_of(
        network,
        blocks,
        profile,
        chosen,
        model,
        matches=mismatch is None,
        stated_model_u_rel=model_u_rel,
    )
    sending = sending_of(profile, link, chosen, usage.rate_bit_per_s)
    return Prices(
        account=chosen,
        compute_model=model,
        computing=computing,
        encodings=measured_encodings(profile.compute, chosen),
        sending=sending,
        usage=usage,
        idle=profile.idle.power_w if profile.idle and usage.counts_idle else None,
        starts=_starts(profile.compute, usage, len(blocks), own=mismatch is None),
        other_runtime=_other_runtime(profile, usage),
        ratio_error_flop_per_bit=_ratio_error(profile, computing.e_d, sending, chosen),
        shapes=sensor_shapes(profile.sensor, chosen),
        scale_u_rel=profile.sensor.scale_u_rel if profile.sensor else 0.0,
        campaign=campaign_of(profile, chosen),
        mismatch=mismatch,
        notes=(
            *_model_notes(model, computing, None if compute_model else mismatch),
            *_beside_notes(profile, usage),
            *_account_notes(chosen, account, sending, usage),
            *_link_notes(profile, sending, usage),
        ),
    )


def _starts(
    compute: Compute, usage: Usage, count: int, *, own: bool
) -> tuple[Quantity | None, ...]:
    """Give what starting alone costs each candidate: its own head's start, else that of all.

    Args:
        compute: The profile's figures.
        usage: With a period inferences start alone.
        count: L.
        own: They are of this very network.
    """
    if usage.period_s is None or compute.window_cost_j is None:
        return ()
    known = {block.index: block.start_cost_j for block in compute.blocks[:1]}
    known |= {head.last_block: head.start_cost_j for head in compute.heads}
    measured = {last: start for last, start in known.items() if own and start is not None}
    return (None, *(measured.get(last, compute.window_cost_j) for last in range(1, count + 1)))


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
    if account in (None, "net", "gross") and compute_model in (None, *MODELS):
        return
    raise InvalidInputError(
        f"cannot price by account {account!r} and compute model {compute_model!r}; use net or "
        f"gross, {', '.join(MODELS[:-1])} or {MODELS[-1]}"
    )


def _default_account(profile: DeviceProfile, link: Link, model: ComputeModel) -> Account:
    needed = [profile.compute.e_d_flop_per_j, link.uplink.e_c_bit_per_j]
    if model != "constant":
        needed += [block.energy_j for block in profile.compute.blocks]
    if model == "heads":
        needed += [head.energy_j for head in profile.compute.heads]
    return "net" if all(figure.net is not None for figure in needed) else "gross"


def _ratio_error(
    profile: DeviceProfile, e_d: Quantity, sending: Sending, account: Account
) -> Error | None:
    """Give what E_d/E_c may be off by, FLOP/bit: the profile's own figure where it has one."""
    shapes = sensor_shapes(profile.sensor, account)
    as_stated = profile.link and sending.rate_bit_per_s == profile.link.uplink.rate_bit_per_s
    stated = profile.e_d_over_e_c_flop_per_bit if as_stated else None
    own = (stated.net if account == "net" else stated.gross) if stated else None
    scale_u_rel = profile.sensor.scale_u_rel if profile.sensor else 0.0
    campaign = campaign_of(profile, account)
    kinds = (campaign.computing, campaign.uploads)
    found = ratio_error(e_d, sending.e_c, scale_u_rel, shapes, own_u_rel=kinds)
    if own is None or own.u_stat is None or own.u_sys is None:
        return found
    inverse = found.statistical_inverse_freedom if found else 0.0
    return error_of_scatter([(own.u_stat, inverse)]).with_systematic(own.u_sys, shapes.rest)


def _model_notes(model: ComputeModel, computing: Computing, fallback: str | None) -> Iterator[str]:
    if fallback:
        yield f"Computing is priced by the constant E_d, because {fallback}."
    if model == "constant" and computing.unknown_flop:
        yield _bounds_note(computing)
    if model == "constant" and computing.is_uncertain("constant"):
        yield _constant_note(computing)
    if computing.stated_model_u_rel is not None:
        yield (
            "Assumed, as you state it: blocks inside a network are off what they cost alone by "
            f"{100 * computing.stated_model_u_rel:.2g} % (standard uncertainty)."
        )
    if model == "blocks" and not computing.heads:
        yield (
            "Computing is priced by the sum of blocks measured alone; run as one network they may "
            "cost some per cent more or less: calibrate with --standard, which measures heads."
        )


def _require_model_u(model_u_rel: float | None) -> None:
    if model_u_rel is not None and not (isfinite(model_u_rel) and model_u_rel >= 0.0):
        raise InvalidInputError(
            f"a model's error of {model_u_rel} cannot be; give a relative standard uncertainty"
        )


def _other_runtime(profile: DeviceProfile, usage: Usage) -> str | None:
    """Say in what the runtime in use is another than the one that was measured."""
    measured = profile.compute.runtime
    wanted = (usage.runtime, usage.threads)
    if measured is None:
        return "the profile does not say which runtime it measured" if any(wanted) else None
    found = (measured.name, measured.threads)
    if all(one in (None, other) for one, other in zip(wanted, found, strict=True)):
        return None
    return (
        f"the profile was measured with {measured.name} on {_threads(measured.threads)}, not with "
        f"{usage.runtime or measured.name} on {_threads(usage.threads or measured.threads)}"
    )


def _threads(count: int) -> str:
    return f"{count} thread{'' if count == 1 else 's'}"


def _beside_notes(profile: DeviceProfile, usage: Usage) -> Iterator[str]:
    """Say what of a period is not counted."""
    if usage.counts_idle and profile.idle is None:
        yield "The idle power counts nothing: the profile has none."
    if usage.period_s is not None and profile.compute.window_cost_j is None:
        yield "That an inference starts alone counts nothing: the profile does not tell it."


def _bounds_note(computing: Computing) -> str:
    least, most = (sum(bounds) for bounds in zip(*computing.unknown_flop, strict=True))
    return (
        f"Work of which only bounds are known, {least:,} to {most:,} FLOP, is priced by their "
        "middle: the intervals hold all between, each value as likely as another."
    )


def _constant_note(computing: Computing) -> str:
    if computing.constant_u_rel is None:
        return (
            "How far single blocks are off the constant E_d is not known, so no interval holds it."
        )
    network = "these blocks" if computing.blocks else "the blocks of the network it was measured on"
    beyond = "" if computing.blocks else "; another data type or runtime may be off by more"
    return (
        f"{network.capitalize()} are off the constant E_d by "
        f"{100 * computing.constant_u_rel:.0f} % each (root mean square), which is in the "
        f"intervals{beyond}."
    )


def _account_notes(
    account: Account, asked: Account | None, sending: Sending, usage: Usage
) -> Iterator[str]:
    if account == "net":
        return
    if asked is None:
        yield "The profile has no net figures throughout: energies are gross."
    left_out = []
    if usage.server_wait_s is None or sending.waiting.figure is None:
        left_out.append("the wait for the server")
    if sending.upload.figure is None:
        left_out.append("the fixed cost of an upload")
    if left_out:
        yield (
            f"Gross energies leave out {' and '.join(left_out)}, which "
            f"{'is' if len(left_out) == 1 else 'are'} not known by this account: what is sent "
            "costs at least so much."
        )


def _link_notes(profile: DeviceProfile, sending: Sending, usage: Usage) -> Iterator[str]:
    """Say which costs of an upload are not in the energies, and which were too small to tell."""
    if sending.rate_note:
        yield sending.rate_note
    if sending.answer_bit.figure is None:
        yield "The answer's way back costs nothing here: the profile measured no downloads."
    for name, term in (("an upload", sending.upload), ("a burst of uploads", sending.burst)):
        if term.measured_below_zero:
            yield (
                f"The fixed cost of {name} was measured below zero within its uncertainty. No cost "
                f"is: it counts {term.value:.2g} J, and what was fitted together with it has moved "
                "as much as their covariance says."
            )
    if sending.waits_unpriced:
        held = sending.waiting.figure is not None
        yield (
            "What waking the radio, its tail and the wait for TCP's window cost after a pause was "
            "not told from the other costs: an upload that comes alone costs more"
            + (", of which P_0 while it waits is counted." if held else ".")
        )
    if usage.uploads_per_connection is not None and sending.connection.figure is None:
        yield _unknown_connection(profile)


def _unknown_connection(profile: DeviceProfile) -> str:
    for phase in profile.compute.phases:
        if phase.name == CONNECTION_PHASE:
            return (
                f"A new connection costs less than {phase.energy_bound_j:.2g} J net, too little to "
                "tell, and counts nothing here."
            )
    return "A new connection counts nothing here: the profile did not measure one."
