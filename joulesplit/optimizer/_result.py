"""What a decision consists of: plain data, ready to be written or shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from joulesplit.calibrate.profile import Account, Source, Verdict
from joulesplit.optimizer._agreement import Agreement
from joulesplit.optimizer._cost import ComputeModel, Where
from joulesplit.optimizer._encoding import MadeBy
from joulesplit.optimizer._hull import Sensitivity
from joulesplit.optimizer._model_error import BlocksInsideError
from joulesplit.optimizer._paper import PaperSplit
from joulesplit.optimizer._robustness import Robustness
from joulesplit.optimizer._size_prices import UploadSource
from joulesplit.optimizer._texts import decision_html, decision_text
from joulesplit.optimizer._usage import Usage

if TYPE_CHECKING:
    from joulesplit.optimizer._battery import BatteryLife


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One split with everything known about it; energies by the decision's account.

    Attributes:
        block: l, from 0 to L.
        name: Name of block l; ``input`` for l = 0.
        where: ``server`` (l = 0), ``split`` or ``device`` (l = L).
        energy_j: The device's energy per inference, J: the sum of the next eight.
        compute_j: Of blocks 1 … l, J.
        encode_j: Of encoding what goes up, J; 0 if it is sent as it is.
        upload_j: Of the bits that go up, J.
        upload_fixed_j: Of an upload whatever its size, J, with its share of a burst and of a
            connection.
        answer_j: Of receiving the result, J.
        wait_j: Idle while the server works, J; 0 by the net account, or if not known.
        idle_j: Of the idle power until the next inference, J, beyond what the others hold; 0
            unless the usage counts it.
        start_j: Of an inference that starts alone, J; 0 unless the usage has a period.
        idle_s: Time whose idle power is in the energies of computing and sending, s: 0 by the
            net account; None if not known.
        priced_by: What computing was priced by, in words.
        by_model_j: The whole energy by each compute model that the profile allows, J.
        upload_bits: What goes up, bit.
        upload_priced_by: What the price of an upload of that size is from: ``own windows``, the
            ``line through sizes`` where all that were measured are on one, ``between sizes`` or
            ``beyond sizes`` of these, with what it may be off by in the intervals. None if nothing
            goes up, or at another rate than was measured.
        sent_as: Name of the encoding it goes up in; None if as it is, or nothing does.
        agreement: How often the answer stays what it is without that; None where no number
            changes, and where nothing tells it.
        made_by: What the price of making these bytes rests on: ``measured``, ``scaled by size``
            from where the profile measured the same encoding, ``as stated``, ``assumed`` from a
            time on another machine or at the mean power of computing, or ``not measured``: then
            it is not in the price. None if there is nothing to make.
        latency_s: Time on the device and on the air, with the wait and the answer where they are
            known, on average, s; None if the profile does not know the blocks' times.
        latency_u_s: Its standard uncertainty, s; None likewise, or if the profile knows no more of
            uploads than their rate.
        latency_ci95_s: Its 95 % interval, s; None likewise.
        compute_s: What of it is the device's computing and encoding, s; None if not known.
        encode_s: What of that is making the bytes that go up, s; 0 if it is not known.
        upload_s: What of it is the upload, with its share of a burst and of a connection, s; 0 if
            nothing is sent, None if not known.
        latency_p50_s, latency_p95_s, latency_p99_s: So many in a hundred inferences take no
            longer, by the transfer times that the profile has, computing as on average, s; None if
            it has none, or nothing is sent.
        latency_limit_s: What a limit on latency is held against, s: the upper end of the 95 %
            interval of the percentile that the limits name, of the mean without percentiles.
        u_stat_j: Standard uncertainty from statistics, J, the model's own error with it; None if
            the source states none, or nothing tells how far the model is off.
        u_sys_j: Standard uncertainty from everything else, J; None likewise.
        degrees_of_freedom: Behind ``u_stat_j``; None likewise, or if there is no limit.
        coverage_factor: k, half of the interval over both together; None likewise.
        ci95_j: Interval of both, 95 %, J; None likewise.
        times_best_ci95: 95 % interval of its energy over that of the choice, 1: what both have
            in common cancels; None likewise, and for the choice itself.
        violates: Limits that it breaks; empty if it is allowed.
        probability_best: That it costs least of the allowed ones; None likewise, for all of them
            if for one.
    """

    block: int
    name: str
    where: Where
    energy_j: float
    compute_j: float
    encode_j: float = 0.0
    upload_j: float
    upload_fixed_j: float
    answer_j: float
    wait_j: float
    idle_j: float = 0.0
    start_j: float = 0.0
    idle_s: float | None = None
    priced_by: str
    by_model_j: dict[ComputeModel, float]
    upload_bits: int
    upload_priced_by: UploadSource | None = None
    sent_as: str | None = None
    agreement: Agreement | None = None
    made_by: MadeBy | None = None
    latency_s: float | None
    latency_u_s: float | None = None
    latency_ci95_s: tuple[float, float] | None = None
    compute_s: float | None = None
    encode_s: float = 0.0
    upload_s: float | None = None
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    latency_p99_s: float | None = None
    latency_limit_s: float | None = None
    u_stat_j: float | None
    u_sys_j: float | None
    degrees_of_freedom: float | None = None
    coverage_factor: float | None = None
    ci95_j: tuple[float, float] | None
    times_best_ci95: tuple[float, float] | None = None
    violates: tuple[str, ...]
    probability_best: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerUp:
    """The second best of the allowed candidates.

    Attributes:
        block: Its l.
        excess_j: What it costs above the best, J.
        excess_u_j: Standard uncertainty of that difference, shared errors cancelled, the
            scale's share of it counted, J; None if the source states none.
        excess_ci95_j: Its 95 % interval, J; None likewise.
        probability_cheaper: That it really costs less than the chosen one; None likewise.
    """

    block: int
    excess_j: float
    excess_u_j: float | None
    excess_ci95_j: tuple[float, float] | None
    probability_cheaper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Faster:
    """An allowed split that takes less time than every one that costs no more.

    Attributes:
        block: Its l.
        latency_s: Its time on the device and on the air, s, as in ``Candidate``.
        saved_s: How much less that is than the choice's, s.
        excess_j: What it costs above the choice, J.
        excess_u_j: Standard uncertainty of that, shared errors cancelled, the scale's share of
            it counted, J; None if the source states none.
        excess_ci95_j: Its 95 % interval, J; None likewise.
    """

    block: int
    latency_s: float
    saved_s: float
    excess_j: float
    excess_u_j: float | None
    excess_ci95_j: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedForm:
    """A form in which full offload can send the input, and what it then costs.

    Attributes:
        name: Of its encoding; ``as-is`` for the network's own numbers.
        bits: As sent, bit.
        is_lossless: The result is the same; another one is taken only where that is allowed.
        energy_j: Of full offload so, J.
        breaks_limits: It is not allowed.
        made_by: What the price of making it rests on, see ``Candidate``.
    """

    name: str
    bits: int
    is_lossless: bool
    energy_j: float
    breaks_limits: bool
    made_by: MadeBy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """What a compute model chooses under the same limits.

    Attributes:
        model: The model.
        block: l it chooses.
        energy_j: What it says that this costs, J.
        regret_j: What this choice costs above the best one, by ``Decision.judged_by``, J.
        regret_u_j: Standard uncertainty of that, J; None if the source states none.
        regret_ci95_j: Its 95 % interval, J; None likewise.
    """

    model: ComputeModel
    block: int
    energy_j: float
    regret_j: float
    regret_u_j: float | None
    regret_ci95_j: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where to split, how sure that is, and what would change it.

    Attributes:
        best: The choice.
        candidates: All L + 1, at position l, allowed or not.
        runner_up: The next best; None if only one candidate is allowed.
        faster: What time would cost, cheapest first; None if the times are not known.
        account: ``net`` or ``gross``; every energy here follows it.
        compute_model: What computing was priced by.
        source: Where the profile's figures come from.
        simulated: True if any of them did not come from a physical measurement of power.
        verdict: The profile's own verdict.
        e_d_flop_per_j: E_d, FLOP/J.
        e_c_bit_per_j: E_c, bit/J.
        rate_bit_per_s: The rate E_c is stated at, bit/s.
        ratio_flop_per_bit: E_d/E_c, FLOP/bit.
        ratio_u_flop_per_bit: Its standard uncertainty, the common scale cancelled; None if the
            source states none.
        ratio_ci95_flop_per_bit: Its 95 % interval, FLOP/bit; None likewise.
        scale_flatness: Shape of the distribution of ``scale_u_rel``: 1 for a single bound (all
            values between its ends alike), 0 for a normal distribution.
        rest_flatness: Of what the sensor may be off by besides.
        robustness: How sure the choice is; None likewise, or if ``unsure_because``.
        unsure_because: Why nothing tells how far the model is off what splits compute, or what the
            choice's bytes cost to make, and what to measure; None if it is known.
        model_error: What the measured heads tell of that; None if nothing does.
        sensitivity: What would change it.
        paper: The paper's own model with this E_d and E_c, float32 outputs, l from 1; None if the
            work of an operator is unknown: the paper prices all of it by E_d.
        models: What each compute model that the profile allows chooses.
        judged_by: The one of them that is nearest to what a split really computes.
        usage: How often what is not per upload was taken to fall on one.
        input_as_uint8_j: Uploading the input as 8-bit values, J; what it costs as it is sent where
            it is no floats, or 8-bit values were no fewer bits.
        input_forms: Forms that full offload could send the input in; empty if there was no choice.
        scale_u_rel: Relative standard uncertainty common to all energies; cancels in the choice.
        notes: What a reader must know, one sentence each.
        explanation: Why it won and what would change it, one paragraph.
        idle_power_w: P_0, W; None if the profile has none.
        battery: What a battery pays for at the choice; None if none was asked about.
    """

    best: Candidate
    candidates: tuple[Candidate, ...]
    runner_up: RunnerUp | None
    faster: tuple[Faster, ...] | None
    account: Account
    compute_model: ComputeModel
    source: Source
    simulated: bool
    verdict: Verdict
    e_d_flop_per_j: float
    e_c_bit_per_j: float
    rate_bit_per_s: float
    ratio_flop_per_bit: float
    ratio_u_flop_per_bit: float | None
    ratio_ci95_flop_per_bit: tuple[float, float] | None
    robustness: Robustness | None
    unsure_because: str | None = None
    model_error: BlocksInsideError | None = None
    sensitivity: Sensitivity
    paper: PaperSplit | None
    models: tuple[ModelChoice, ...]
    judged_by: ComputeModel
    usage: Usage
    input_as_uint8_j: float
    scale_u_rel: float
    scale_flatness: float = 0.0
    rest_flatness: float = 0.0
    notes: tuple[str, ...] = ()
    explanation: str = ""
    idle_power_w: float | None = None
    battery: BatteryLife | None = None
    input_forms: tuple[PricedForm, ...] = ()

    @property
    def lossy_form(self) -> PricedForm | None:
        """The cheapest form that costs less than the choice and may change the result, if any.

        None where such forms are allowed: then they were candidates.
        """
        if self.usage.allow_lossy_input:
            return None
        cheaper = [
            form
            for form in self.input_forms
            if not (form.is_lossless or form.breaks_limits) and form.energy_j < self.best.energy_j
        ]
        return min(cheaper, key=lambda form: form.energy_j, default=None)

    @property
    def probability_best(self) -> float | None:
        """That the choice costs least of the allowed ones; None if it cannot be known."""
        return self.best.probability_best

    @property
    def expected_regret_j(self) -> float | None:
        """What the choice costs on average above the truly best, J; None likewise."""
        return self.robustness.expected_regret_j if self.robustness else None

    @property
    def too_close_to_call(self) -> bool | None:
        """True below ``robustness.TOO_CLOSE_PROBABILITY``; None likewise."""
        return self.robustness.too_close_to_call if self.robustness else None

    def __repr__(self) -> str:
        return (
            f"<Decision: l = {self.best.block} of {len(self.candidates) - 1} "
            f"({self.best.name!r}), {self.best.energy_j} J {self.account}>"
        )

    def __str__(self) -> str:
        """Return the choice, how sure it is, what comes next, and what must be known."""
        return decision_text(self)

    def _repr_html_(self) -> str:
        return decision_html(self)
