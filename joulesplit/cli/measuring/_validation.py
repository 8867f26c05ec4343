"""Run chosen splits for real and hold what they cost against what the profile predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot, inf
from typing import TYPE_CHECKING, Any

import numpy as np

from joulesplit.calibrate.campaign import QUICK, MeasuredSplit, ValidationPlan, measure_split
from joulesplit.calibrate.estimates import budget_of, coverage_factor
from joulesplit.calibrate.windows import WindowTiming
from joulesplit.calibrate.workloads import Offload, SplitWorkload
from joulesplit.edge import Pacer
from joulesplit.metrology import effective_degrees_of_freedom

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joulesplit.cli.measuring._instrument import Instrument
    from joulesplit.optimizer import Candidate, ComputeModel

TIMING = WindowTiming(idle_s=0.2, settle_s=QUICK.timing.settle_after_s("upload"))
"""Whole inferences end with an upload, after which the radio stays awake for a while."""

RELATIVE_ERROR_LIMIT = 1e-3
"""Largest output error of a split against the whole network, relative to the output's range.
Kernels fused differently on the two sides of a cut round differently; a wrong cut is off by far
more."""


CONTRADICTION = 0.999
"""A measured energy contradicts the profile if chance alone exceeds the difference so rarely;
at 95 % one honest run in twenty would be called wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputComparison:
    """The split's result beside the whole network's.

    Attributes:
        largest_error: Largest absolute difference, in the output's own unit.
        relative_error: The same over the range of the whole network's output.
        agree: It is no more than ``RELATIVE_ERROR_LIMIT``.
        bit_equal: Every bit is the same.
        same_top: The largest output element is the same one.
    """

    largest_error: float
    relative_error: float
    agree: bool
    bit_equal: bool
    same_top: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelError:
    """How far a compute model's prediction is from what was measured.

    Attributes:
        model: The compute model.
        predicted_j: Net energy per inference by it, J.
        difference_j: Measured less predicted, J.
    """

    model: ComputeModel
    predicted_j: float
    difference_j: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitValidation:
    """Predicted and measured, side by side.

    Attributes:
        predicted: The optimizer's candidate.
        measured: What the runs cost.
        difference_j: Measured less predicted net energy per inference, J.
        difference_bound_j: What chance alone makes of it, 95 %, J; the sensor's scale errors
            are common to both and cancel.
        agreement_level: Share of honest runs whose difference chance alone keeps within
            ``agreement_bound_j``.
        agreement_bound_j: How far off a run may be by chance at that level, J.
        agrees: The difference is within it.
        by_model: What each compute model that the profile allows would have predicted.
        server_wait_s: Mean time from the last bit sent until the answer was there, s; None if
            nothing was sent.
        outputs: The results compared.
        runtimes_differ: How the server's runtime differs from the device's, in words; None if it
            does not, or the split sends nothing.
    """

    predicted: Candidate
    measured: MeasuredSplit
    difference_j: float
    difference_bound_j: float
    agreement_level: float
    agreement_bound_j: float
    agrees: bool
    by_model: tuple[ModelError, ...]
    server_wait_s: float | None
    outputs: OutputComparison
    runtimes_differ: str | None = None

    @property
    def passed(self) -> bool:
        """Energy and results are what they should be."""
        return self.agrees and self.outputs.agree


class SplitRunner:
    """One split of a network, ready to run end to end.

    Args:
        instrument: Running instrument.
        block: l.
        rate_bit_per_s: Upload rate, bit/s.
    """

    def __init__(self, instrument: Instrument, block: int, rate_bit_per_s: float) -> None:
        self._instrument = instrument
        self._block = block
        self._rate_bit_per_s = rate_bit_per_s
        network = instrument.network
        self._last = network.last_operator(block)
        self._head = network.runner(0, self._last) if block else None
        if self._head is not None:
            self._head.set_inputs(network.crossing(0))
        self.outputs: list[NDArray[Any]] = []
        self._waits_s: list[float] = []

    @property
    def server_wait_s(self) -> float | None:
        """Mean time from the last bit sent until the answer was there, s; None if none was sent."""
        return sum(self._waits_s) / len(self._waits_s) if self._waits_s else None

    def workload(self) -> SplitWorkload:
        """Return the split as a workload."""
        network = self._instrument.network
        full_local = self._block == len(network.blocks)
        bits = 8 * sum(array.nbytes for array in network.crossing(self._block))
        return SplitWorkload(
            name=f"split {self._block}",
            head_blocks=self._block,
            head=self._run_head if self._head is not None else None,
            offload=None if full_local else self._offload(),
            payload_bits=bits,
            clock=self._instrument.clock,
            activity=self._instrument.activity,
        )

    def _run_head(self) -> None:
        assert self._head is not None
        self._head.invoke()
        if self._block == len(self._instrument.network.blocks):
            self.outputs = self._head.get_outputs()

    def _offload(self) -> Offload:
        instrument = self._instrument
        network = instrument.network

        def offload() -> float:
            arrays = self._head.get_outputs() if self._head else network.crossing(0)
            pacer = Pacer(
                self._rate_bit_per_s, clock=instrument.clock, on_chunk=instrument.activity.on_air
            )
            result = instrument.client.run_tail(
                network.network.sha256,
                self._last,
                network.named_crossing(self._block, arrays),
                pacer=pacer,
            )
            self.outputs = [tensor.data for tensor in result.outputs]
            receipt = result.receipt
            self._waits_s.append((receipt.answered_ns - receipt.ended_ns) * 1e-9)
            return receipt.duration_s

        return offload


def compare_outputs(
    whole: Sequence[NDArray[Any]], split: Sequence[NDArray[Any]]
) -> OutputComparison:
    """Return how far the split's result is from the whole network's.

    Args:
        whole: Outputs of the whole network.
        split: Outputs of the split, same order.
    """
    pairs = [
        (np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
        for a, b in zip(whole, split, strict=True)
    ]
    largest = max(float(np.abs(a - b).max()) for a, b in pairs)
    spread = max(float(np.ptp(a)) for a, _ in pairs)
    relative = largest / spread if spread else largest
    return OutputComparison(
        largest_error=largest,
        relative_error=relative,
        agree=relative <= RELATIVE_ERROR_LIMIT,
        bit_equal=all(
            a.dtype == b.dtype and a.tobytes() == b.tobytes()
            for a, b in zip(whole, split, strict=True)
        ),
        same_top=all(int(a.argmax()) == int(b.argmax()) for a, b in pairs),
    )


def validate_split(
    instrument: Instrument,
    predicted: Candidate,
    rate_bit_per_s: float,
    on_window: Callable[[int, int], None],
) -> SplitValidation:
    """Run one split and compare.

    Args:
        instrument: Running instrument.
        predicted: The optimizer's candidate, by the net account.
        rate_bit_per_s: Rate that the prediction is for, bit/s.
        on_window: Told (windows done, windows in all).

    Raises:
        CalibrationError: The windows give no energy.
        EdgeError: The server failed.
    """
    runner = SplitRunner(instrument, predicted.block, rate_bit_per_s)
    measured = measure_split(
        runner.workload(),
        ValidationPlan(timing=TIMING),
        instrument.clock,
        instrument.sampler,
        budget=budget_of(instrument.sampler.description.accuracy),
        on_window=on_window,
    )
    outputs = compare_outputs(
        instrument.network.crossing(len(instrument.network.blocks)), runner.outputs
    )
    return _compared(predicted, measured, outputs, runner.server_wait_s)


def _compared(
    predicted: Candidate,
    measured: MeasuredSplit,
    outputs: OutputComparison,
    server_wait_s: float | None,
) -> SplitValidation:
    difference_j = measured.net_j.value - predicted.energy_j
    parts = [
        (measured.net_j.u_stat or 0.0, measured.degrees_of_freedom),
        (predicted.u_stat_j or 0.0, predicted.degrees_of_freedom or inf),
    ]
    u_j = hypot(*(u for u, _ in parts))
    effective = effective_degrees_of_freedom(parts)
    bound_j = coverage_factor(effective, CONTRADICTION) * u_j
    return SplitValidation(
        predicted=predicted,
        measured=measured,
        difference_j=difference_j,
        difference_bound_j=coverage_factor(effective) * u_j,
        agreement_level=CONTRADICTION,
        agreement_bound_j=bound_j,
        agrees=abs(difference_j) <= bound_j,
        by_model=tuple(
            ModelError(
                model=model,
                predicted_j=energy_j,
                difference_j=measured.net_j.value - energy_j,
            )
            for model, energy_j in predicted.by_model_j.items()
        ),
        server_wait_s=server_wait_s,
        outputs=outputs,
    )
