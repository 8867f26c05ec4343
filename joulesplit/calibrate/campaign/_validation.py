"""Run chosen splits for real and hold what they cost against what the profile predicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot, inf
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

from joulesplit.calibrate.campaign._plan import QUICK
from joulesplit.calibrate.campaign._split_times import (
    ANSWER_SHARE,
    TRANSFER_SHARE,
    ComparedTime,
    PredictedTimes,
    compare_time,
)
from joulesplit.calibrate.campaign._validating import MeasuredSplit, ValidationPlan, measure_split
from joulesplit.calibrate.errors import NoSuchSplitError
from joulesplit.calibrate.estimates import coverage_factor
from joulesplit.calibrate.instrument import SplitRunner, runtime_difference
from joulesplit.calibrate.windows import WindowTiming
from joulesplit.metrology import budget_of, effective_degrees_of_freedom

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joulesplit.calibrate.instrument import Instrument
    from joulesplit.partition import Encoding


class Prediction(Protocol):
    """What a profile predicts of a split, by whoever predicts: net energy per inference."""

    @property
    def block(self) -> int:
        """Last block on the device, l."""

    @property
    def energy_j(self) -> float:
        """Predicted net energy, J."""

    @property
    def u_stat_j(self) -> float | None:
        """Standard uncertainty of it from statistics, J; None if it has none."""

    @property
    def degrees_of_freedom(self) -> float | None:
        """Effective ones behind it; None if it has none, or no limit."""

    @property
    def by_model_j(self) -> Mapping[Any, float]:
        """The same by every compute model that the profile allows, J."""


Predicted = TypeVar("Predicted", bound=Prediction)

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

    model: str
    predicted_j: float
    difference_j: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitValidation(Generic[Predicted]):
    """Predicted and measured, side by side.

    Attributes:
        predicted: What the profile says.
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
        transfer: The upload's time, predicted and measured; None if nothing was sent or predicted.
        encoding: Name of the encoding of what was sent; None if as it is, or nothing was.
        sent_bits: Of an upload as it was sent, bit; 0 if nothing was.
        encoded_outputs: The result beside the whole network's, where an encoding may change it:
            ``outputs`` then holds it against what follows from the tensors as they arrive.
        sent: The time until the last bit was sent likewise; None on a simulated device too, which
            computes at this machine's pace.
    """

    predicted: Predicted
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
    transfer: ComparedTime | None = None
    sent: ComparedTime | None = None
    encoding: str | None = None
    sent_bits: int = 0
    encoded_outputs: OutputComparison | None = None

    @property
    def in_time(self) -> bool:
        """No time is another one than predicted."""
        return all(time.agrees for time in (self.transfer, self.sent) if time is not None)

    @property
    def passed(self) -> bool:
        """Energy, times and results are what they should be."""
        return self.agrees and self.in_time and self.outputs.agree


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


def require_split(instrument: Instrument, split: int) -> None:
    """Check that a network can be split at l.

    Raises:
        NoSuchSplitError: It cannot.
    """
    last = len(instrument.network.blocks)
    if not 0 <= split <= last:
        raise NoSuchSplitError(
            f"there is no split {split}: choose from 0 (all on the server) to {last} (all on "
            "the device)"
        )


def server_runtime_difference(instrument: Instrument, splits: Sequence[int]) -> str | None:
    """Return how the server's runtime differs from the device's, in words.

    None if it does not, or if none of the splits sends anything.
    """
    if min(splits) == len(instrument.network.blocks):
        return None
    return runtime_difference(instrument.network.runtime, instrument.server.runtime)


def validate_split(
    instrument: Instrument,
    predicted: Predicted,
    rate_bit_per_s: float | None,
    on_window: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    times: PredictedTimes | None = None,
    encoding: Encoding | None = None,
) -> SplitValidation[Predicted]:
    """Run one split end to end, and hold what it costs and gives against what is predicted.

    Args:
        instrument: Running instrument.
        predicted: What the profile predicts, by the net account.
        rate_bit_per_s: Rate that the prediction is for, bit/s; None sends as fast as the link
            takes it.
        on_window: Told (windows done, windows in all).
        times: How long it is predicted to take; None compares no time.
        encoding: How what crosses is sent; None for as it is.

    Raises:
        NoSuchSplitError: The network has no such split.
        CalibrationError: The windows give no energy.
        EdgeError: The server failed.
    """
    require_split(instrument, predicted.block)
    runner = SplitRunner(instrument, predicted.block, rate_bit_per_s, encoding)
    measured = measure_split(
        runner.workload(),
        ValidationPlan(timing=TIMING),
        instrument.clock,
        instrument.sampler,
        budget=budget_of(instrument.sampler.description.accuracy),
        on_window=on_window,
    )
    outputs = compare_outputs(runner.expected(), runner.outputs)
    compared = _compared(predicted, measured, outputs, runner.server_wait_s)
    compared = _with_encoding(compared, instrument, runner, encoding)
    differ = server_runtime_difference(instrument, (predicted.block,))
    simulated = instrument.device.link_rate_bit_per_s is not None
    return _with_times(
        replace(compared, runtimes_differ=differ), times or PredictedTimes(), simulated=simulated
    )


def _with_encoding(
    validation: SplitValidation[Predicted],
    instrument: Instrument,
    runner: SplitRunner,
    encoding: Encoding | None,
) -> SplitValidation[Predicted]:
    """Tell how it was sent, and what that did to the result."""
    if encoding is None or not runner.sent_bits:
        return replace(validation, sent_bits=runner.sent_bits)
    whole = instrument.network.crossing(len(instrument.network.blocks))
    changed = None if encoding.is_lossless else compare_outputs(whole, runner.outputs)
    return replace(
        validation, sent_bits=runner.sent_bits, encoding=encoding.name, encoded_outputs=changed
    )


def _with_times(
    validation: SplitValidation[Predicted], times: PredictedTimes, *, simulated: bool
) -> SplitValidation[Predicted]:
    found = validation.measured
    moved = transfer = None
    if found.transfer_s is not None:
        transfer = (found.transfer_s, found.u_transfer_s or 0.0)
    if not simulated:
        # What the server takes is not in the prediction.
        moved = (found.latency_s - (validation.server_wait_s or 0.0), found.u_latency_s)
    return replace(
        validation,
        transfer=compare_time(
            times.transfer_s,
            transfer,
            found.windows,
            share=TRANSFER_SHARE,
            level=CONTRADICTION,
        ),
        sent=compare_time(
            times.sent_s, moved, found.windows, share=ANSWER_SHARE, level=CONTRADICTION
        ),
    )


def _compared(
    predicted: Predicted,
    measured: MeasuredSplit,
    outputs: OutputComparison,
    server_wait_s: float | None,
) -> SplitValidation[Predicted]:
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
