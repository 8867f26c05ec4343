"""What computing the first l blocks costs, by three models of one profile.

``heads`` takes a head measured as one network where the profile has it. Between two of them the
blocks measured alone tell how much lies before l, scaled to what lies between the heads; behind the
last one they are scaled as the heads before it were. ``blocks`` adds the blocks. ``constant`` is
N_l over one E_d. How far blocks alone are off blocks inside a network is ``_model_error``'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from joulesplit.calibrate.profile import Quantity
from joulesplit.metrology import MANY_FIGURES, Error, Inputs, error_of_scatter
from joulesplit.optimizer._cost import ComputeModel
from joulesplit.optimizer._linear_figures import (
    OF_COMPUTING,
    apart_from,
    factor,
    inputs,
    inverse_freedom_of,
    is_uncertain,
    offset_left,
    triangle,
)
from joulesplit.optimizer._link_time import OF_A_BOUND
from joulesplit.optimizer._model_error import BlocksInsideError, Runs, model_error
from joulesplit.optimizer._uncertainty import FloatArray
from joulesplit.partition import Block

NO_MODEL_ERROR = BlocksInsideError(spread=0.0, common=0.0, inverse_freedom=0.0, runs=0)
"""Where nothing tells it: then no interval is stated either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedBlocks:
    """A block, or several blocks run as one network.

    Attributes:
        last_block: l of its last block.
        energy: Per inference, J.
        latency_s: Per inference, s; None if the profile does not know it.
        latency_u_s: Its standard uncertainty, s.
        latency_inverse_freedom: 1/ν of that.
    """

    last_block: int
    energy: Quantity
    latency_s: float | None
    latency_u_s: float = 0.0
    latency_inverse_freedom: float = 0.0


@dataclass(frozen=True, kw_only=True)
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
        unknown_flop: Least and most of each block's work that has no rule, FLOP; empty where all
            is known, or some is without limit.
        constant_inverse_freedom: 1/ν of that: one over the blocks that it was told from, less one.
        stated_model_u_rel: What a block measured alone may be off by inside a network, relative
            standard uncertainty, as the user states it; None leaves it to the measured heads.
        campaign_u_rel: What the campaign leaves open, one factor of all these energies, relative
            standard uncertainty.
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
    unknown_flop: tuple[tuple[int, int], ...] = ()
    constant_inverse_freedom: float = 0.0
    stated_model_u_rel: float | None = None
    campaign_u_rel: float = 0.0

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

    def heads_around(self, block: int) -> tuple[int, int | None]:
        """Give the ends of the measured heads at or before ``block``, and behind it if any is."""
        after = (h.last_block for h in self.heads if h.last_block > block)
        return self.head_before(block), min(after, default=None)

    def model_error(self) -> BlocksInsideError | None:
        """Return what blocks measured alone may be off by inside a network; None if not known."""
        if self.stated_model_u_rel is not None:
            stated = self.stated_model_u_rel
            return BlocksInsideError(spread=stated, common=stated, inverse_freedom=0.0, runs=0)
        return self._measured_model_error

    @cached_property
    def _measured_model_error(self) -> BlocksInsideError | None:
        if not self.blocks or not self.heads:
            return None
        return model_error(_runs(self))

    @cached_property
    def _factors(self) -> dict[int, FloatArray]:
        """Factors of the covariance, by the number of pieces it is of."""
        return {}

    @cached_property
    def _energy_weights(self) -> FloatArray:
        """How much of each piece each candidate takes where heads were measured."""
        return _scaled_to_heads(self, self._pieces_j)

    @cached_property
    def _time_weights(self) -> FloatArray:
        """The same of times."""
        times_s = np.array([piece.latency_s or 0.0 for piece in self.pieces("heads")])
        return _scaled_to_heads(self, times_s)

    @cached_property
    def _pieces_j(self) -> FloatArray:
        return np.array([piece.energy.value for piece in self.pieces("heads")])

    def is_modelled(self, model: ComputeModel, block: int) -> bool:
        """Say whether blocks 1 … ``block`` were not measured as they are run."""
        if model == "constant":
            return block > 0
        return block > 1 and not (model == "heads" and self.head_before(block) == block)

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
        return tuple((self._time_weights @ np.array(times_s)).tolist())

    def latency_effects_s(self) -> FloatArray:
        """Return what each measured time's standard uncertainty moves each candidate's time by.

        Float64, shape (L + 1, K), s.
        """
        apart = np.array([piece.latency_u_s for piece in self.pieces("heads")])
        return np.asarray(self._time_weights * apart)

    def latency_errors(self) -> tuple[Error, ...]:
        """Return what each candidate's time of computing may be off by, s, at l = 0 … L."""
        inverse = self.latency_inverse_freedom()
        scatter_s = np.linalg.norm(self.latency_effects_s(), axis=1)
        return tuple(error_of_scatter([(float(u_s), inverse)]) for u_s in scatter_s)

    def latency_inverse_freedom(self) -> float:
        """Return 1/ν of the times: of those that know it worst."""
        return max((p.latency_inverse_freedom for p in self.pieces("heads")), default=0.0)


def priced_by(computing: Computing, model: ComputeModel, block: int) -> str:
    """Say in words what computing blocks 1 … ``block`` is priced by."""
    if block == 0 or model != "heads":
        return "constant E_d" if block and model == "constant" else _without_heads(block)
    head, after = computing.heads_around(block)
    if head == block:
        return "measured head"
    if block == 1:
        return "its one block"
    if after is not None:
        return f"between heads {head or 1} and {after}"
    return f"head {head} + blocks"


def _without_heads(block: int) -> str:
    return "blocks" if block else "no computing"


def computing_inputs(
    computing: Computing, model: ComputeModel, blocks: Sequence[Block], *, scatter: bool = True
) -> Inputs:
    """Give what each candidate computes, by one model.

    Args:
        computing: The profile's figures.
        model: One of ``computing.models``.
        blocks: Of the network.
        scatter: With the figures' own errors, which take the most of the time.

    Raises:
        ProfileUnusableError: A covariance is not one.
    """
    if model == "constant":
        return _constant_inputs(computing, blocks)
    if not scatter:
        return _without_scatter(computing, model)
    pieces = computing.pieces(model)
    durations_s = np.array([piece.latency_s or 0.0 for piece in pieces])
    values_j = np.array([piece.energy.value for piece in pieces])
    lefts = (computing.scale_u_rel, computing.campaign_u_rel)
    own_j = _statistical(computing, pieces)
    found = inputs(
        _piece_weights(computing, model),
        values_j,
        own_j,
        inverse_freedom=[inverse_freedom_of(*(piece.energy for piece in pieces))],
        idle=computing.idle_u_w * durations_s,
        offset=np.array([offset_left(piece.energy, *lefts) for piece in pieces]),
        campaign={OF_COMPUTING: computing.campaign_u_rel * values_j},
    )
    return replace(found, moved=_moved(computing, model, own_j))


def _without_scatter(computing: Computing, model: ComputeModel) -> Inputs:
    """Give the energies and the idle power in them, and no other error."""
    pieces = computing.pieces(model)
    durations_s = np.array([piece.latency_s or 0.0 for piece in pieces])
    count = len(pieces)
    return inputs(
        _piece_weights(computing, model),
        np.array([piece.energy.value for piece in pieces]),
        np.zeros((count, 0)),
        inverse_freedom=[0.0],
        idle=computing.idle_u_w * durations_s,
        offset=np.zeros(count),
    )


def computing_variances_j2(
    computing: Computing, model: ComputeModel, one: int, other: int
) -> FloatArray:
    """Return what each measured piece adds to the variance of a difference of two candidates.

    They add up to the statistical variance of what the two compute apart, P_0's share left out; a
    piece that errs against the others takes from it.

    Args:
        computing: The profile's figures.
        model: One of ``computing.models``; the constant E_d has no pieces.
        one: A candidate, l.
        other: The one it is compared with.

    Returns:
        Float64, shape (K,), J², in the order of ``computing.pieces(model)``.
    """
    pieces = computing.pieces(model)
    if not pieces:
        return np.zeros(0)
    weights = _piece_weights(computing, model)
    apart = weights[one] - weights[other]
    own_j = _statistical(computing, pieces)
    return np.asarray(apart * (own_j @ (own_j.T @ apart)))


def _piece_weights(computing: Computing, model: ComputeModel) -> FloatArray:
    """Give which pieces each candidate runs, and how much of each; float64, shape (L + 1, K)."""
    count = len(computing.blocks)
    if model == "blocks":
        return np.tril(np.ones((count + 1, count)), -1)
    return computing._energy_weights


def _moved(computing: Computing, model: ComputeModel, own: FloatArray) -> FloatArray | None:
    """Return how far each cause moves each candidate: weights @ own, by running sums.

    Of few pieces the product itself is as quick: None.
    """
    count = len(computing.blocks)
    if count <= MANY_FIGURES:
        return None
    sums = np.vstack([np.zeros(own.shape[1]), np.cumsum(own[:count], axis=0)])
    if model == "blocks":
        return sums
    moved = np.zeros((count + 1, own.shape[1]))
    for run in _runs_between(computing, computing._pieces_j):
        rows = np.arange(run.before + 1, run.end)
        moved[rows] = run.slope * (sums[rows] - sums[run.before])
        scaled = run.slope * (sums[run.last] - sums[run.first]) - own[run.last_column]
        if run.first:
            scaled += own[run.first_column]
        moved[rows] += own[run.before_column] - np.outer(run.shares, scaled)
    for last, column in _anchors(computing).items():
        moved[last] = own[column]
    return moved


def _anchors(computing: Computing) -> dict[int, int]:
    """Give the column of what was measured as it is run, by its last block; 0 costs nothing."""
    count = len(computing.blocks)
    heads = {head.last_block: count + rank for rank, head in enumerate(computing.heads)}
    return dict(sorted({1: 0, **heads}.items()))


def _scaled_to_heads(
    computing: Computing, values: FloatArray, *, slopes: bool = True
) -> FloatArray:
    """Give what of each piece is in each candidate: a measured head, or what lies between two.

    Args:
        computing: The profile's figures.
        values: Of all pieces, energies or times; float64, shape (K,).
        slopes: Weights are how much a piece's error moves the candidate, the scaling counted.
            Without it they are the blocks as they run, and the same less what heads take off.
    """
    weights = np.zeros((len(computing.blocks) + 1, len(values)))
    for last, column in _anchors(computing).items():
        weights[last, column] = 1.0
    for run in _runs_between(computing, values):
        slope, between = run.slope if slopes else 1.0, len(run.shares)
        rows = weights[run.before + 1 : run.end]
        rows[:, run.before : run.before + between] += slope * np.tri(between)
        rows[:, run.first : run.last] -= slope * run.shares[:, np.newaxis]
        rows[:, run.before_column] += 1.0
        rows[:, run.last_column] += run.shares
        if run.first:
            rows[:, run.first_column] -= run.shares
    return weights


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunBetween:
    """Candidates between two measured heads, or behind the last one.

    Attributes:
        before: The last that was measured before them, l.
        end: The first after them, l.
        first, last: Blocks first + 1 … last are what they are scaled as.
        before_column, first_column, last_column: Of the pieces that end there; no first for 0.
        slope: What was measured of first … last over the sum of its blocks.
        shares: Of each candidate, what of that sum is in it beyond ``before``.
    """

    before: int
    end: int
    first: int
    last: int
    before_column: int
    first_column: int
    last_column: int
    slope: float
    shares: FloatArray


def _runs_between(computing: Computing, values: FloatArray) -> Iterator[_RunBetween]:
    count, anchors = len(computing.blocks), _anchors(computing)
    summed = np.concatenate([[0.0], np.cumsum(values[:count])])
    ends = list(anchors)
    for before, after in zip(ends, (*ends[1:], None), strict=True):
        # Behind the last head it is scaled as that one is beside its blocks, from nothing on.
        first, last = (before, after) if after is not None else (0, before)
        end = count + 1 if after is None else after
        span = summed[last] - summed[first]
        from_j = values[anchors[first]] if first else 0.0
        beyond = summed[before + 1 : end] - summed[before]
        yield _RunBetween(
            before=before,
            end=end,
            first=first,
            last=last,
            before_column=anchors[before],
            first_column=anchors[first] if first else 0,
            last_column=anchors[last],
            slope=float((values[anchors[last]] - from_j) / span) if span else 1.0,
            shares=beyond / span if span else np.zeros_like(beyond),
        )


def _runs(computing: Computing) -> Runs:
    """Give what lies between neighbouring heads, beside the blocks measured alone."""
    anchors = _anchors(computing)
    ends, pieces = list(anchors), computing.pieces("heads")
    energies_j = np.array([piece.energy.value for piece in pieces])
    apart, sums = (np.zeros((len(ends) - 1, len(pieces))) for _ in range(2))
    for run, (before, after) in enumerate(pairwise(ends)):
        sums[run, before:after] = 1.0
        apart[run] -= sums[run]
        apart[run, anchors[after]] += 1.0
        apart[run, anchors[before]] -= 1.0
    moved = apart @ _statistical(computing, pieces)
    return Runs(
        excess_j=apart @ energies_j,
        blocks_j=sums @ energies_j,
        squares_j2=sums @ np.square(energies_j),
        covariance_j2=moved @ moved.T,
    )


def model_error_inputs(
    computing: Computing, model: ComputeModel, blocks: Sequence[Block], *, idle_w: float = 0.0
) -> Inputs:
    """Give how far each candidate may be off because blocks run inside a network.

    Args:
        computing: The profile's figures.
        model: One of ``computing.models``.
        blocks: Of the network.
        idle_w: P_0 where the time of computing counts, W: what takes longer costs that as well.
    """
    error, count = computing.model_error() or NO_MODEL_ERROR, len(blocks)
    energies_j = _energies_counted_j(computing, blocks, idle_w)
    if model == "heads":
        weights = _scaled_to_heads(computing, computing._pieces_j, slopes=False)[:, :count]
        common = 0.0
    else:
        weights, common = np.tril(np.ones((count + 1, count)), -1), error.common
        weights[1] = 0.0
    # Block 1 runs after no other, so that it is what it is alone.
    own = np.append(error.spread * energies_j, common)
    own[0] = 0.0
    moving = np.flatnonzero(own)
    taken, own = np.column_stack([weights, weights @ energies_j])[:, moving], own[moving]
    nothing = np.zeros(len(moving))
    found = inputs(
        taken,
        nothing,
        np.diag(own),
        inverse_freedom=[error.inverse_freedom],
        idle=nothing,
        offset=nothing,
    )
    return replace(found, moved=taken * own)


def _energies_counted_j(computing: Computing, blocks: Sequence[Block], idle_w: float) -> FloatArray:
    """Give what blocks cost alone, the idle power of their time with it; J, shape (L,)."""
    if computing.blocks:
        pieces = computing.blocks
        return np.array([p.energy.value + idle_w * (p.latency_s or 0.0) for p in pieces])
    return _work_flop(computing, blocks)[0] / computing.e_d.value


def _statistical(computing: Computing, pieces: Sequence[PricedBlocks]) -> FloatArray:
    """Give the pieces' own errors, P_0's apart; float64, shape (K, K). Worked out once."""
    known = computing._factors
    if len(pieces) not in known:
        known[len(pieces)] = _factored(computing, pieces)
    return known[len(pieces)]


def _factored(computing: Computing, pieces: Sequence[PricedBlocks]) -> FloatArray:
    """Give columns whose products are the pieces' covariance; float64, shape (K, K).

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
    """Give N_1 + … + N_l at one price of a FLOP, which every block is off in its own way.

    Of work that is only bounded N_l has the middle, and anything between is as likely, of each
    block by itself: the sum of several is no rectangle.
    """
    flop, bounds_u = _work_flop(computing, blocks)
    e_d = computing.e_d
    times_s = [piece.latency_s for piece in computing.blocks]
    total_s = sum(time_s for time_s in times_s if time_s) if all(times_s) else 0.0
    idle_j = computing.idle_u_w * total_s / flop.sum() if flop.any() else 0.0
    ones = np.ones(len(blocks))
    left = offset_left(e_d, computing.scale_u_rel, computing.campaign_u_rel)
    common = apart_from((e_d.u_stat or 0.0) / e_d.value / e_d.value, idle_j) * ones
    bounded = np.flatnonzero(bounds_u)
    off_bounds = np.diag(bounds_u / np.maximum(flop, 1.0) / e_d.value)[:, bounded]
    return inputs(
        np.tril(np.tile(flop, (len(blocks) + 1, 1)), -1),
        ones / e_d.value,
        np.column_stack([common, _off_constant(computing, flop), off_bounds]),
        estimates=[0, *([1] * len(blocks)), *(2 + place for place in range(len(bounded)))],
        inverse_freedom=[
            inverse_freedom_of(e_d),
            computing.constant_inverse_freedom,
            *([OF_A_BOUND] * len(bounded)),
        ],
        idle=idle_j * ones,
        offset=left / e_d.value / e_d.value * ones,
        campaign={OF_COMPUTING: computing.campaign_u_rel / e_d.value * ones},
    )


def _work_flop(computing: Computing, blocks: Sequence[Block]) -> tuple[FloatArray, FloatArray]:
    """Return each block's work and what that may be off by its bounds; FLOP, shape (L,).

    The latter is the standard uncertainty of a value that lies anywhere between them.
    """
    flop = np.array([block.flop for block in blocks], dtype=np.float64)
    if not computing.unknown_flop:
        return flop, np.zeros(len(blocks))
    least, most = np.array(computing.unknown_flop, dtype=np.float64).T
    return flop + (least + most) / 2, (most - least) / (2 * math.sqrt(3))


def _off_constant(computing: Computing, flop: FloatArray) -> FloatArray:
    """Give how far each block's price of a FLOP is off 1/E_d; J/FLOP, float64, shape (L, L).

    Each block is off in its own way. Over the whole of the very network that E_d is from these
    errors add up to nothing.
    """
    off = (computing.constant_u_rel or 0.0) / computing.e_d.value * np.eye(len(flop))
    if computing.blocks and flop.any():
        off -= (flop / flop.sum()) @ off
    return np.asarray(off)
