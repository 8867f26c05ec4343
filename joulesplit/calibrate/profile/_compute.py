"""What a profile says of computing: blocks, heads, starts. Frozen plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from joulesplit.calibrate.profile._estimates import CampaignError, ClassFit, EstimateView
from joulesplit.calibrate.profile._quantity import GrossNet, Quantity, in_unit

CONNECTION_PHASE = "connection: set it up, ask for nothing"
"""Name of the phase that sets up a new connection to the server, with one small exchange."""

ENCODING_PHASE = "encoding "
"""Begins the names of the phases that make the bytes of what crosses."""


def encoding_phase(encoding: str, block: int) -> str:
    """Return the name of the phase that makes the bytes of what crosses after a block.

    Args:
        encoding: Its name.
        block: l; 0 for the network's input.
    """
    return f"{ENCODING_PHASE}{encoding} at l = {block}"


def encoding_of(phase: str) -> tuple[str, int] | None:
    """Return which encoding a phase makes the bytes of, by name, and after which block.

    None for another phase.
    """
    name, _, block = phase.removeprefix(ENCODING_PHASE).partition(" at l = ")
    is_encoding = phase.startswith(ENCODING_PHASE) and block.isdecimal()
    return (name, int(block)) if is_encoding else None


PrecisionKind = Literal["repeatability", "reproducibility"]
"""Whether an interval holds for the very same conditions, or for those of another start too."""


def _inputs_text(input_shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return a network's inputs in words: ``name = 1,224,224,3``."""
    return "; ".join(f"{name} = {','.join(map(str, s))}" for name, s in input_shapes.items())


class ModelIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The calibrated network; per-block energies are valid for this file alone, at this shape.

    Attributes:
        input_bits: Size of all inputs, bit.
        input_shapes: What they were measured at, by name; None in profiles of before.
    """

    name: str
    sha256: str
    input_bits: int
    input_shapes: dict[str, tuple[int, ...]] | None = None

    def other_inputs(self, input_shapes: Mapping[str, tuple[int, ...]] | None) -> str | None:
        """Say at what inputs it was measured, and at what it would be used.

        Returns:
            None if they are the same, or not known.
        """
        measured = self.input_shapes
        if measured is None or input_shapes is None or measured == input_shapes:
            return None
        return f"measured at inputs {_inputs_text(measured)}, not at {_inputs_text(input_shapes)}"


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """The interpreter that ran the network; E_d of one is not E_d of another."""

    name: str
    version: str
    threads: int
    xnnpack: bool


class BlockEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """One block's measured cost per inference.

    Attributes:
        index: l, from 1.
        last_operator: Index of its last operator, to recognise the block again.
        flop: N_l, FLOP, by the profile's convention.
        output_bits: P_l, bit.
        energy_j: e_l per inference, J: the slope of energy against repetitions.
        latency_s: Time per inference, s.
        views: e_l by other methods from the same windows.
        start_cost_j: E_start of the block: net energy that a single inference which starts alone,
            out of idle, takes above the slope, J. A stream pays it once. None where it was not
            told apart.
    """

    index: int
    name: str
    last_operator: int
    flop: int
    output_bits: int
    energy_j: Annotated[GrossNet, in_unit("J")]
    latency_s: Annotated[Quantity, in_unit("s")]
    views: Annotated[tuple[EstimateView, ...], in_unit("J")] = ()
    start_cost_j: Annotated[Quantity | None, in_unit("J")] = None


class HeadEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks 1 … l run as one network: what a split after block l really computes.

    This is not the sum of the blocks measured alone. The runtime fuses operators and hands
    tensors on in the cache across the ends of blocks, which saves energy; a block that is run
    over and over finds its weights in the cache, which a block inside a network does not.

    Attributes:
        last_block: l; that of the whole network is its number of blocks.
        energy_j: Per inference, J.
        latency_s: Per inference, s.
        net_over_blocks: Net energy over the sum of the blocks' net energies.
        net_over_blocks_u: Its standard uncertainty; the sensor's scale cancels in it.
        start_cost_j: E_start of the head, see ``BlockEnergy``.
    """

    last_block: int
    energy_j: Annotated[GrossNet, in_unit("J")]
    latency_s: Annotated[Quantity, in_unit("s")]
    net_over_blocks: float
    net_over_blocks_u: float | None = None
    start_cost_j: Annotated[Quantity | None, in_unit("J")] = None


class PhaseEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happens once per start rather than once per inference.

    Attributes:
        latency_s: s.
        energy_j: J; None if it does not stand out of the scatter.
        energy_bound_j: Upper end of the 95 % interval of its net energy, J; where that energy
            scatters below zero, of the interval as if it were zero.
    """

    name: str
    latency_s: Annotated[Quantity, in_unit("s")]
    energy_j: Annotated[GrossNet | None, in_unit("J")]
    energy_bound_j: float


class EncodingEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """Making the bytes of what crosses after a block, from its tensors to what is sent.

    Attributes:
        encoding: Name of the encoding.
        block: l; 0 is the network's input.
        energy_j: Per inference, J; the net one may scatter below zero.
        latency_s: Per inference, s.
    """

    encoding: str
    block: int
    energy_j: Annotated[GrossNet, in_unit("J")]
    latency_s: Annotated[Quantity, in_unit("s")]


def making_name(made: EncodingEnergy) -> str:
    """Name making bytes as reports and checks do."""
    return f"{made.encoding} made at l = {made.block}"


class Compute(msgspec.Struct, frozen=True, kw_only=True):
    """What computing costs.

    Attributes:
        e_d_flop_per_j: E_d = Σ N_l / Σ e_l over the blocks, FLOP/J.
        window_cost_j: Net energy of a window that does not grow with its work, J, the mean of all
            subjects; that of each is its ``start_cost_j``.
        covariance_j2: Statistical covariance of the net e_l, J²: the lower triangle with its
            diagonal, row by row. Its diagonal is the blocks' ``u_stat`` squared.
        views: E_d by other methods from the same windows.
        classes: Net energy per FLOP by class of operator.
        heads: Several blocks run as one network, as a split runs them.
        head_covariance_j2: Statistical covariance of the heads' net energies, J²: for each head
            in order, that with e_1 … e_L and then with the heads up to itself. It continues the
            lower triangle of ``covariance_j2``.
        phases: What happens once per start.
        encodings: What making the bytes costs that go up; empty if it was not measured.
        precision: Under what conditions the intervals of E_d, e_l and heads hold (VIM 2.20,
            2.24): those of ``repeatability`` say what the same process would measure again, those
            of ``reproducibility`` hold what another layout of its memory makes of it too. None if
            nothing was recorded of it.
        layouts: Layouts of memory that the windows are spread over.
        campaign: In ``u_sys`` of every energy here; None if it was not told apart.
    """

    model: ModelIdentity | None
    runtime: Runtime | None
    flop_convention: str
    e_d_flop_per_j: Annotated[GrossNet, in_unit("FLOP/J")]
    blocks: tuple[BlockEnergy, ...] = ()
    window_cost_j: Annotated[Quantity | None, in_unit("J")] = None
    covariance_j2: tuple[float, ...] = ()
    views: Annotated[tuple[EstimateView, ...], in_unit("FLOP/J")] = ()
    classes: ClassFit | None = None
    heads: tuple[HeadEnergy, ...] = ()
    head_covariance_j2: tuple[float, ...] = ()
    phases: tuple[PhaseEnergy, ...] = ()
    encodings: tuple[EncodingEnergy, ...] = ()
    precision: PrecisionKind | None = None
    layouts: int | None = None
    campaign: CampaignError | None = None
