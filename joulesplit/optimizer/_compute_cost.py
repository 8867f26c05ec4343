"""What computing the first l blocks costs, by three models of one profile.

``heads`` takes a head measured as one network where the profile has it; behind the last one
before l it adds the blocks measured alone, so that the unmeasured ends of a split are not held
against heads that were measured. ``blocks`` adds the blocks. ``constant`` is N_l over one E_d.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from joulesplit.calibrate.profile import Quantity
from joulesplit.metrology import Inputs
from joulesplit.optimizer._cost import ComputeModel
from joulesplit.optimizer._linear_figures import (
    apart_from,
    factor,
    inputs,
    inverse_freedom_of,
    is_uncertain,
    offset_left,
    triangle,
)
from joulesplit.optimizer._uncertainty import FloatArray
from joulesplit.partition import Block


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedBlocks:
    """A block, or several blocks run as one network.

    Attributes:
        last_block: l of its last block.
        energy: Per inference, J.
        latency_s: Per inference, s; None if the profile does not know it.
    """

    last_block: int
    energy: Quantity
    latency_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Computing:
    """What a profile knows of computing, by one account.

    Attributes:
        e_d: FLOP/J.
        blocks: e_1 … e_L; empty unless the profile knows these very blocks.
        heads: Heads of several blocks, by the last one; empty likewise.
        block_covariance_j2, head_covariance_j2: Statistical covariance, J², as in
            ``calibrate.profile.Compute``; empty if the profile has none for this account.
        scale_u_rel: Relative standard uncertainty common to every joule.
        idle_u_w: Statistical standard uncertainty of the P_0 in all these energies, W; 0 by the
            net account.
        constant_u_rel: How far a block of the measured network is off N_l/E_d, root mean square,
            relative; None if the profile cannot tell.
        work_known: False if the work of an operator is unknown: then no E_d prices it.
        constant_inverse_freedom: 1/ν of that: one over the blocks that it was told from, less one.
    """

    e_d: Quantity
    blocks: tuple[PricedBlocks, ...]
    heads: tuple[PricedBlocks, ...]
    block_covariance_j2: tuple[float, ...]
    head_covariance_j2: tuple[float, ...]
    scale_u_rel: float
    idle_u_w: float
    constant_u_rel: float | None
    work_known: bool = True
    constant_inverse_freedom: float = 0.0

    @property
    def models(self) -> tuple[ComputeModel, ...]:
        """What can be priced by, nearest to what a split really computes first."""
        if not self.blocks:
            return ("constant",)
        measured: tuple[ComputeModel, ...] = ("heads", "blocks") if self.heads else ("blocks",)
        return (*measured, "constant") if self.work_known else measured

    def pieces(self, model: ComputeModel) -> tuple[PricedBlocks, ...]:
        """Give the figures that a model adds up; none for the constant E_d."""
        if model == "constant":
            return ()
        return (*self.blocks, *self.heads) if model == "heads" else self.blocks

    def head_before(self, block: int) -> int:
        """Give the last block of the longest measured head that ends with ``block`` or before."""
        return max((h.last_block for h in self.heads if h.last_block <= block), default=0)

    def is_uncertain(self, model: ComputeModel) -> bool:
        """Say whether every figure of a model states what it may be off by."""
        pieces = self.pieces(model)
        return is_uncertain([piece.energy for piece in pieces] if pieces else [self.e_d])

    def latencies_s(self) -> tuple[float, ...] | None:
        """Give the time of computing blocks 1 … l for l = 0 … L, s, heads where measured.

        Returns:
            None unless every block's time is a positive number.
        """
        pieces = self.pieces("heads")
        times_s = [piece.latency_s or math.nan for piece in pieces]
        if not pieces or not all(0.0 < time_s < math.inf for time_s in times_s):
            return None
        return tuple((_piece_weights(self, "heads") @ np.array(times_s)).tolist())


def priced_by(computing: Computing, model: ComputeModel, block: int) -> str:
    """Say in words what computing blocks 1 … ``block`` is priced by."""
    if block == 0:
        return "no computing"
    if model == "constant":
        return "constant E_d"
    head = computing.head_before(block) if model == "heads" else 0
    if head == block:
        return "measured head"
    return f"head {head} + blocks" if head else "blocks"


def computing_inputs(computing: Computing, model: ComputeModel, blocks: Sequence[Block]) -> Inputs:
    """Give what each candidate computes, by one model.

    Args:
        computing: The profile's figures.
        model: One of ``computing.models``.
        blocks: Of the network.

    Raises:
        ProfileUnusableError: A covariance is not one.
    """
    if model == "constant":
        return _constant_inputs(computing, blocks)
    pieces = computing.pieces(model)
    durations_s = np.array([piece.latency_s or 0.0 for piece in pieces])
    return inputs(
        _piece_weights(computing, model),
        np.array([piece.energy.value for piece in pieces]),
        _statistical(computing, pieces),
        inverse_freedom=[inverse_freedom_of(*(piece.energy for piece in pieces))],
        idle=computing.idle_u_w * durations_s,
        offset=np.array([offset_left(p.energy, computing.scale_u_rel) for p in pieces]),
    )


def _piece_weights(computing: Computing, model: ComputeModel) -> FloatArray:
    """Give which pieces each candidate runs; float64, shape (L + 1, K)."""
    pieces, count = computing.pieces(model), len(computing.blocks)
    weights = np.zeros((count + 1, len(pieces)))
    for block in range(count + 1):
        head = computing.head_before(block) if model == "heads" else 0
        weights[block, head:block] = 1.0
        for column in range(count, len(pieces)):
            weights[block, column] = float(head > 0 and pieces[column].last_block == head)
    return weights


def _statistical(computing: Computing, pieces: Sequence[PricedBlocks]) -> FloatArray:
    """Give the pieces' own errors, P_0's apart; float64, shape (K, K).

    Where the profile says nothing of a covariance they are independent.
    """
    own = [apart_from(p.energy.u_stat, computing.idle_u_w * (p.latency_s or 0.0)) for p in pieces]
    covariance, what = np.diag(np.square(own)), "the block energies"
    lower, blocks = computing.block_covariance_j2, len(computing.blocks)
    if lower and len(pieces) > blocks and computing.head_covariance_j2:
        whole = (*lower, *computing.head_covariance_j2)
        covariance = triangle(whole, len(pieces), f"{what} and heads")
    elif lower:
        covariance[:blocks, :blocks] = triangle(lower, blocks, what)
    return factor(covariance, what)


def _constant_inputs(computing: Computing, blocks: Sequence[Block]) -> Inputs:
    """Give N_1 + … + N_l at one price of a FLOP, which every block is off in its own way."""
    flop = np.array([block.flop for block in blocks], dtype=np.float64)
    e_d = computing.e_d
    times_s = [piece.latency_s for piece in computing.blocks]
    total_s = sum(time_s for time_s in times_s if time_s) if all(times_s) else 0.0
    idle_j = computing.idle_u_w * total_s / flop.sum() if flop.any() else 0.0
    per_flop = e_d.value**2
    ones = np.ones(len(blocks))
    common = apart_from((e_d.u_stat or 0.0) / per_flop, idle_j) * ones
    return inputs(
        np.tril(np.tile(flop, (len(blocks) + 1, 1)), -1),
        ones / e_d.value,
        np.column_stack([common, _off_constant(computing, flop)]),
        estimates=[0, *([1] * len(blocks))],
        inverse_freedom=[inverse_freedom_of(e_d), computing.constant_inverse_freedom],
        idle=idle_j * ones,
        offset=offset_left(e_d, computing.scale_u_rel) / per_flop * ones,
    )


def _off_constant(computing: Computing, flop: FloatArray) -> FloatArray:
    """Give how far each block's price of a FLOP is off 1/E_d; J/FLOP, float64, shape (L, L).

    Each block is off in its own way. Over the whole of the very network that E_d is from these
    errors add up to nothing.
    """
    off = (computing.constant_u_rel or 0.0) / computing.e_d.value * np.eye(len(flop))
    if computing.blocks and flop.any():
        off -= (flop / flop.sum()) @ off
    return np.asarray(off)
