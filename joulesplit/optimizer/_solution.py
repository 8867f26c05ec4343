"""The choice itself: price the candidates, keep the limits, take the cheapest, ask how sure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from joulesplit.metrology import Causes, CommonCauses, Error, Inputs, causes_of, interval_of
from joulesplit.optimizer._compute_cost import Computing, computing_inputs, model_error_inputs
from joulesplit.optimizer._constraints import Constraints
from joulesplit.optimizer._cost import ComputeModel, SplitEnergy, upload_sizes, where_of
from joulesplit.optimizer._encoding import (
    NOTHING,
    Making,
    StatedTime,
    encoding_inputs,
    making_of,
    mean_power_w,
    with_making,
)
from joulesplit.optimizer._idle_cost import IDLE, START, BesideCost, beside_inputs
from joulesplit.optimizer._latency import NO_UPLOAD, SplitLatency, split_latency, upload_latency
from joulesplit.optimizer._linear_figures import (
    COMMON_CAUSES,
    P_0,
    SENSOR,
    inverse_freedom_of,
    without_campaign,
)
from joulesplit.optimizer._link_cost import (
    ANSWER_BIT,
    BIT,
    BURST,
    CONNECTION,
    FIRST_SIZE,
    LATENESS,
    UPLOAD,
    WAIT,
    sending_inputs,
)
from joulesplit.optimizer._link_time import KnownTime
from joulesplit.optimizer._prices import Prices
from joulesplit.optimizer._privacy import leaking
from joulesplit.optimizer._robustness import Robustness, assess
from joulesplit.optimizer._search import broken_limits, cheapest, excess_j, feasible_blocks
from joulesplit.optimizer._size_prices import UploadSource
from joulesplit.optimizer._uncertainty import energy_error
from joulesplit.optimizer.errors import InvalidInputError, ProfileUnusableError
from joulesplit.partition import Block, Network


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is to be decided, checked.

    Attributes:
        network: The network.
        blocks: Its blocks.
        prices: What computing and sending cost.
        constraints: Limits to keep.
    """

    network: Network
    blocks: tuple[Block, ...]
    prices: Prices
    constraints: Constraints

    @property
    def upload_bits(self) -> tuple[int, ...]:
        """What goes up at l = 0 … L, bit."""
        usage, form = self.prices.usage, self.prices.usage.input_form
        outputs = [block.output_bits for block in self.blocks]
        own = usage.input_bits or (form.bits if form else None)
        if usage.encoding is None:
            return upload_sizes(own or self.network.input_bits, outputs)
        first, *others = usage.encoding.bits
        return upload_sizes(own or first, [*others, outputs[-1]])

    @cached_property
    def makings(self) -> tuple[Making, ...]:
        """What the device does to make the bytes that go up at l = 0 … L."""
        power_w = mean_power_w(self.prices.computing)
        return (*(self._making(block, power_w) for block in range(len(self.blocks))), NOTHING)

    def _making(self, block: int, power_w: float | None) -> Making:
        prices, usage = self.prices, self.prices.usage
        name, stated = usage.encoding_asked(block), self._stated_time(block)
        if name is None and not stated.value_s:
            return NOTHING
        alike = [one for one in prices.encodings if one.encoding == name]
        own = [one for one in alike if one.block == block and prices.mismatch is None]
        bits = self.blocks[block - 1].output_bits if block else self.network.input_bits
        return making_of(next(iter(own), None), alike, bits, stated, power_w)

    def _stated_time(self, block: int) -> StatedTime:
        usage, form = self.prices.usage, self.prices.usage.input_form
        if block == 0 and form is not None:
            return StatedTime(value_s=form.encode_s, u_rel=form.encode_u_rel)
        if usage.encoding is None or (block == 0 and usage.input_bits is not None):
            return StatedTime(value_s=0.0, u_rel=0.0)
        encoding = usage.encoding
        return StatedTime(value_s=encoding.encode_s[block], u_rel=encoding.encode_u_rel)

    @property
    def unpriced(self) -> frozenset[int]:
        """The l of which making the bytes is in no price."""
        return frozenset(block for block, making in enumerate(self.makings) if not making.is_priced)

    def upload_priced_by(self, block: int) -> UploadSource | None:
        """Say what the price of what goes up at an l is from; None where nothing does."""
        sent = block < len(self.blocks)
        return self.prices.sending.source(self.upload_bits[block]) if sent else None

    @property
    def answer_bits(self) -> int:
        """The network's result, bit."""
        return sum(self.network.tensors[index].bits for index in self.network.outputs)

    @cached_property
    def latencies(self) -> tuple[SplitLatency, ...] | None:
        """How long each candidate takes; None if the profile does not know the blocks' times."""
        return _latencies(self)

    def sent_latency(self, computing: KnownTime, bits: int) -> SplitLatency:
        """Return the time of an inference that sends so many bits after so long on the device."""
        sending, usage = self.prices.sending, self.prices.usage
        rate = sending.answer_rate_bit_per_s
        answer_s = self.answer_bits / rate if rate else 0.0
        upload = upload_latency(sending, usage, bits)
        return split_latency(computing, upload, (usage.server_wait_s or 0.0) + answer_s)

    @property
    def latencies_s(self) -> tuple[float, ...] | None:
        """The same on average, s."""
        return _means_s(self.latencies)

    @cached_property
    def _energies(self) -> dict[ComputeModel, tuple[SplitEnergy, ...]]:
        return {}

    @cached_property
    def _causes(self) -> dict[tuple[ComputeModel, bool], Causes]:
        return {}

    @cached_property
    def _tables(self) -> dict[ComputeModel, tuple[Inputs, ...]]:
        return {}

    def inputs(self, model: ComputeModel) -> tuple[Inputs, ...]:
        """Give what every candidate takes of each figure, by one compute model.

        Computing, encoding, sending, what is counted beside them, and the model's own error.
        """
        if model not in self._tables:
            energies = self._energy_tables(model)
            beside = self._beside(model)
            idle_w = beside.idle.value if beside.idle and self.prices.usage.back_to_back else 0.0
            self._tables[model] = (
                *energies,
                beside_inputs(beside),
                model_error_inputs(self.prices.computing, model, self.blocks, idle_w=idle_w),
            )
        return self._tables[model]

    def _energy_tables(
        self, model: ComputeModel, *, scatter: bool = True
    ) -> tuple[Inputs, Inputs, Inputs]:
        prices = self.prices
        computing = computing_inputs(prices.computing, model, self.blocks, scatter=scatter)
        return (computing, *self._beyond_computing)

    @cached_property
    def _beyond_computing(self) -> tuple[Inputs, Inputs]:
        """What every candidate takes of encoding and sending, whatever computing is priced by."""
        prices = self.prices
        return (
            encoding_inputs(prices.computing, self.makings, idle_w=self._idle_beside_w),
            sending_inputs(prices.sending, prices.usage, self.upload_bits, self.answer_bits),
        )

    @property
    def _idle_beside_w(self) -> float:
        """The idle power that a longer inference costs beside what its parts cost, W.

        Below zero where a period leaves so much less of it that gross energies hold it.
        """
        prices, usage = self.prices, self.prices.usage
        if prices.idle is None or not self.latencies:
            return 0.0
        if usage.back_to_back and prices.account == "net":
            return prices.idle.value
        held = prices.account == "gross" and prices.sending.waiting.figure is not None
        return -prices.idle.value if held and usage.period_s is not None else 0.0

    def _beside(self, model: ComputeModel) -> BesideCost:
        """Give the idle power's time that no energy holds yet, and the starts."""
        prices, usage, count = self.prices, self.prices.usage, len(self.blocks) + 1
        lasting_s = self._lasting_s()
        held_s = self.idle_s(model) if lasting_s is not None else None
        idle = prices.idle if held_s is not None else None
        beside_s = (0.0,) * count
        if idle is not None and lasting_s is not None and held_s is not None:
            beside_s = tuple(one - other for one, other in zip(lasting_s, held_s, strict=True))
        times_s = np.zeros((count, 0))
        if idle is not None and usage.back_to_back and prices.account == "net":
            times_s = prices.computing.latency_effects_s()
        return BesideCost(
            idle=idle,
            beside_s=beside_s,
            starts=prices.starts or (None,) * count,
            times_s=times_s,
            times_inverse_freedom=prices.computing.latency_inverse_freedom(),
            scale_u_rel=prices.scale_u_rel,
            campaign=prices.campaign,
        )

    def _lasting_s(self) -> tuple[float, ...] | None:
        """Give how long the idle power of each candidate is counted for, s; None if it is not."""
        usage = self.prices.usage
        if usage.period_s is not None:
            return (usage.period_s,) * (len(self.blocks) + 1)
        return self.latencies_s if usage.back_to_back else None

    def energies(self, model: ComputeModel) -> tuple[SplitEnergy, ...]:
        """Price every candidate by one compute model; at position l."""
        if model not in self._energies:
            self._energies[model] = self._priced(model)
        return self._energies[model]

    def _priced(self, model: ComputeModel) -> tuple[SplitEnergy, ...]:
        computing, encoding, sending = self._energy_tables(model, scatter=False)
        beside_cost = self._beside(model)
        beside, beside_starts = beside_inputs(beside_cost), len(beside_cost.different_starts)
        compute_j, encode_j = (one.parts.sum(axis=1) for one in (computing, encoding))
        link_j, beside_j = sending.parts, beside.parts
        start_j = beside_j[:, START : START + beside_starts].sum(axis=1)
        fixed_j = link_j[:, [UPLOAD, BURST, CONNECTION, LATENESS]].sum(axis=1)
        return tuple(
            SplitEnergy(
                block=block,
                where=where_of(block, len(self.blocks)),
                upload_bits=bits,
                compute_j=float(compute_j[block]),
                encode_j=float(encode_j[block]),
                upload_j=float(link_j[block, BIT] + link_j[block, FIRST_SIZE:].sum()),
                upload_fixed_j=float(fixed_j[block]),
                answer_j=float(link_j[block, ANSWER_BIT]),
                wait_j=float(link_j[block, WAIT]),
                idle_j=float(beside_j[block, IDLE]),
                start_j=float(start_j[block]),
            )
            for block, bits in enumerate(self.upload_bits)
        )

    def idle_s(self, model: ComputeModel) -> tuple[float, ...] | None:
        """Give the time whose idle power is in computing, encoding and sending already, s.

        Returns:
            At position l; None by the gross account if the profile knows no idle power or no
            times.
        """
        prices = self.prices
        if prices.account == "net":
            return (0.0,) * (len(self.blocks) + 1)
        if prices.sending.waiting.figure is None or prices.computing.latencies_s() is None:
            return None
        # An error of 1 W of P_0 moves each energy by as many joules as it holds seconds of it.
        one_w = replace(
            prices,
            computing=replace(prices.computing, idle_u_w=1.0),
            sending=replace(prices.sending, idle_u_w=1.0),
        )
        tables = replace(self, prices=one_w)._energy_tables(model, scatter=False)
        counted_s = np.sum([table.weights @ table.common for table in tables], axis=0)[:, P_0]
        return tuple(counted_s.tolist())

    def told(self, model: ComputeModel) -> tuple[bool, ...]:
        """Say of which candidates it is known how far the model may be off; at position l."""
        computing = self.prices.computing
        unknown = self.prices.model_doubt(model) is not None
        return tuple(
            not (unknown and self._rests_on_model(computing, model, block))
            for block in range(len(self.blocks) + 1)
        )

    def told_and_priced(self, model: ComputeModel) -> tuple[bool, ...]:
        """Say of which of them all is priced besides."""
        told, unpriced = self.told(model), self.unpriced
        return tuple(one and block not in unpriced for block, one in enumerate(told))

    def _rests_on_model(self, computing: Computing, model: ComputeModel, block: int) -> bool:
        # What another runtime costs no measured head tells either.
        return block > 0 and (
            self.prices.other_runtime is not None or computing.is_modelled(model, block)
        )

    def causes(self, model: ComputeModel, *, measured_only: bool = False) -> Causes | None:
        """Give how far errors move every candidate; None where a figure states no uncertainty.

        Args:
            model: What computing is priced by.
            measured_only: Leave out the model's own error and what the campaign leaves open:
                more windows of the same hardly make them smaller.
        """
        if not self.prices.is_uncertain(model):
            return None
        key = (model, measured_only)
        if key not in self._causes:
            self._causes[key] = self._causes_of(model, measured_only=measured_only)
        return self._causes[key]

    def _causes_of(self, model: ComputeModel, *, measured_only: bool) -> Causes:
        prices, tables = self.prices, self.inputs(model)
        if measured_only:
            tables = tuple(without_campaign(table) for table in tables[:-1])
        idle = prices.idle or prices.sending.waiting.figure
        known = np.zeros(COMMON_CAUSES)
        known[P_0], known[SENSOR] = inverse_freedom_of(idle), prices.shapes.rest
        common = CommonCauses(statistical=np.arange(COMMON_CAUSES) == P_0, inverse_freedom=known)
        return causes_of(tables, common)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecisionUncertainty:
    """What the stated uncertainties do to the choice.

    Attributes:
        causes: Of error, and how far each moves every candidate; the model's own error is in
            them as far as it is known.
        only_measured: Gives those of them that more measuring of the same makes smaller.
        errors: Of each candidate on its own, the scale counted, J; None where nothing tells how
            far the model is off.
        robustness: Of the choice; None if it rests on such a candidate.
    """

    causes: Causes
    only_measured: Callable[[], Causes | None]
    errors: tuple[Error | None, ...]
    robustness: Robustness | None

    @property
    def measured(self) -> Causes:
        """Those causes that more measuring of the same makes smaller."""
        return self.only_measured() or self.causes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """The choice among the priced candidates.

    Attributes:
        energies: Candidates at position l.
        latencies: Their times; None if the profile does not know the blocks' times.
        idle_s: Time whose idle power is in their energies, s; None if it is not known.
        broken: Limits that each candidate breaks.
        feasible: The l that break none.
        best: l*.
        told: Of which candidates it is known how far the model may be off, all that they cost being
            priced.
        doubt: None if a figure comes without a stated uncertainty.
    """

    energies: tuple[SplitEnergy, ...]
    latencies: tuple[SplitLatency, ...] | None
    idle_s: tuple[float, ...] | None
    broken: tuple[tuple[str, ...], ...]
    feasible: tuple[int, ...]
    best: int
    told: tuple[bool, ...]
    doubt: DecisionUncertainty | None

    @property
    def latencies_s(self) -> tuple[float, ...] | None:
        """Their times on average, s."""
        return _means_s(self.latencies)

    def causes_between(self, one: int, other: int) -> Causes | None:
        """Return the causes that a comparison rests on; None if it is not known how surely."""
        known = self.doubt is not None and self.told[one] and self.told[other]
        return self.doubt.causes if self.doubt is not None and known else None


def solve(problem: Problem) -> Solution:
    """Choose.

    Raises:
        NoFeasibleSplitError: No split keeps all the limits.
        ProfileUnusableError: A limit on latency, but the profile does not know the blocks' times;
            a covariance is not one; or a split would cost nothing or less.
    """
    model = problem.prices.compute_model
    latencies, percent = problem.latencies, problem.constraints.latency_percentile
    limits_s = tuple(one.limit_s(percent) for one in latencies) if latencies else None
    energies = problem.energies(model)
    _require_positive(energies)
    broken = broken_limits(
        problem.constraints,
        energies,
        limits_s,
        means_s=problem.latencies_s,
        period_s=problem.prices.usage.period_s,
        leaks=leaking(problem.network, problem.blocks, problem.constraints.keep_local),
        agrees=[
            problem.prices.usage.agrees_at_least(each.block) if each.upload_bits else 1.0
            for each in energies
        ],
    )
    feasible = feasible_blocks(broken, energies, limits_s)
    best = cheapest(energies, feasible)
    causes = problem.causes(model)
    return Solution(
        energies=energies,
        latencies=latencies,
        idle_s=problem.idle_s(model),
        broken=broken,
        feasible=feasible,
        best=best,
        told=problem.told_and_priced(model),
        doubt=_doubt(problem, energies, causes, feasible, best) if causes else None,
    )


def _require_positive(energies: tuple[SplitEnergy, ...]) -> None:
    for energy in energies:
        if energy.block == 0 and not energy.upload_bits:
            raise InvalidInputError(
                "the input has no size of its own, as texts have none: state what it takes as you "
                "send it (--input-bits, in programs Usage.input_bits)"
            )
        if not energy.total_j > 0.0:
            raise ProfileUnusableError(
                f"split {energy.block} comes out at {energy.total_j:.3g} J, which cannot be: its "
                f"upload has {energy.upload_j:.3g} J of bits and {energy.upload_fixed_j:.3g} J of "
                "fixed costs; calibrate the link again with more payload sizes"
            )


def _doubt(
    problem: Problem,
    energies: tuple[SplitEnergy, ...],
    causes: Causes,
    feasible: tuple[int, ...],
    best: int,
) -> DecisionUncertainty:
    prices = problem.prices
    model_told = problem.told(prices.compute_model)
    told = problem.told_and_priced(prices.compute_model)
    errors = tuple(
        energy_error(energy.total_j, error, prices.scale_u_rel, prices.shapes.scale)
        if told[energy.block]
        else None
        for energy, error in zip(energies, causes.every_error(), strict=True)
    )
    robustness = None
    # What a rival costs beyond its price leaves the choice as it is; what the choice does may not.
    if all(model_told[block] for block in feasible) and best not in problem.unpriced:
        robustness = assess(energies, causes, feasible=feasible, best=best)
    return DecisionUncertainty(
        causes=causes,
        only_measured=partial(problem.causes, prices.compute_model, measured_only=True),
        errors=errors,
        robustness=robustness,
    )


def excess_error(
    prices: Prices, energies: Sequence[SplitEnergy], causes: Causes, one: int, other: int
) -> Error:
    """Return what the difference of two candidates' energies may be off by, J.

    Errors that both share cancel as far as they are shared. The sensor's scale multiplies both:
    which costs more it cannot change, but how much more it does.

    Args:
        prices: What the energies are made from.
        energies: Candidates at position l.
        causes: Of error, on these energies.
        one: l of a candidate.
        other: l of another.
    """
    apart_j = excess_j(energies[one], energies[other])
    error = causes.difference(one, other)
    return energy_error(apart_j, error, prices.scale_u_rel, prices.shapes.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """What a split costs above another, J; ``u_j`` and ``ci95_j`` are None if not stated."""

    excess_j: float
    u_j: float | None
    ci95_j: tuple[float, float] | None


def excess_of(
    prices: Prices, energies: Sequence[SplitEnergy], causes: Causes | None, one: int, other: int
) -> Excess:
    """Return what one split costs above another, and how well that is known."""
    more_j = excess_j(energies[one], energies[other])
    error = excess_error(prices, energies, causes, one, other) if causes else None
    return Excess(
        excess_j=more_j, u_j=error.u if error else None, ci95_j=interval_of(more_j, error)
    )


def _means_s(latencies: tuple[SplitLatency, ...] | None) -> tuple[float, ...] | None:
    return None if latencies is None else tuple(one.mean.value_s for one in latencies)


def _latencies(problem: Problem) -> tuple[SplitLatency, ...] | None:
    """Time every candidate: on the device, its upload, and what is known of waiting."""
    prices = problem.prices
    computed_s = prices.computing.latencies_s()
    if computed_s is None:
        if problem.constraints.max_latency_s is None:
            return None
        reason = prices.mismatch or "one of the profile's block times is not a positive number"
        raise ProfileUnusableError(
            f"cannot keep max_latency_s: {reason}; calibrate {problem.network.name} or drop the "
            "limit"
        )
    errors = prices.computing.latency_errors()
    own = [
        with_making(KnownTime(value_s=time_s, error=error), making)
        for time_s, making, error in zip(computed_s, problem.makings, errors, strict=True)
    ]
    return (
        *(
            problem.sent_latency(computing, bits)
            for computing, bits in zip(own[:-1], problem.upload_bits[:-1], strict=True)
        ),
        split_latency(own[-1], NO_UPLOAD, 0.0),
    )
