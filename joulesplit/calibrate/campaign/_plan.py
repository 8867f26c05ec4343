"""What a campaign measures, how often, in which order and until when. Plain data."""

from __future__ import annotations

from math import isfinite
from typing import Literal

import msgspec

from joulesplit.calibrate.errors import PlanError
from joulesplit.calibrate.windows import WindowTiming
from joulesplit.partition import SENDABLE

UNLIMITED: Literal["unlimited"] = "unlimited"
"""In place of a rate: as fast as the link takes it."""

INPUT_FORMS = "input"
"""In place of encodings: those that a decision offers for the network's input unasked."""

Rate = float | Literal["unlimited"]
StopKind = Literal["fixed", "precision", "decision"]
HeadChoice = Literal["candidates", "winner"]
"""Which heads are measured as one network: all that can win, or the one that does."""

BlockCut = Literal["residual", "every-cut"]
"""Where blocks end: at the network's residual blocks, or at every cut there is."""


class StopPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When enough has been measured.

    Attributes:
        rule: ``fixed`` runs the plan once; ``precision`` until E_d and E_c are known well enough;
            ``decision`` until more measuring cannot change the split by more than a regret.
        relative_half_width: Of the statistical 95 % intervals of E_d and E_c, for ``precision``.
        relative_regret: What the chosen split may cost above the best one, relative to it.
        looks: Rounds at most. There is a look after each, and each look's test is made stricter
            by their number (Bonferroni), so that looking often does not stop by luck.
    """

    rule: StopKind = "fixed"
    relative_half_width: float = 0.01
    relative_regret: float = 0.01
    looks: int = 8


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a campaign keeps to.

    Attributes:
        duration_s: Longest time of all windows and of the waits before them together, s.
        temperature_c: Band of the processor's temperature that windows begin in, °C.
        warm_up_s: Longest wait for warmth, s.
        cool_down_s: Longest wait before a window for the band, s; a campaign whose device is
            too hot then is cut short.
        edge_term: Largest (T_cycle/√6)/D: what an edge that is caught by one sensor cycle makes
            of a window of work D, relative. Lengths that are too short for it are stretched.
    """

    duration_s: float = 3 * 3600.0
    temperature_c: tuple[float, float] = (0.0, 75.0)
    warm_up_s: float = 120.0
    cool_down_s: float = 600.0
    edge_term: float = 0.005

    def with_cool_down(self, left_s: float) -> Limits:
        """Return limits whose longest wait for the band fits into the time that is left, s."""
        longest_s = max(0.0, min(self.cool_down_s, left_s))
        return msgspec.structs.replace(self, cool_down_s=longest_s)


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A campaign's plan.

    Attributes:
        name: Preset or file it came from.
        timing: Idle parts of every window.
        work_s: Lengths of work a block is measured at, s; at least two, spread at least twofold.
        repeats: Windows per block and length, and per upload size and rate, in each round.
        rates_bit_per_s: Upload rates, ``unlimited`` among them if E_c is to be stated as an
            inference uploads; without it E_c is stated at the last number.
        fit_rates: Paced rates that the link does not carry give way to fractions of what it takes;
            else a plan with one is refused.
        lone_uploads: Each size goes up alone as well, unpaced and after a pause, as an inference
            now and then does.
        upload_sizes: How many payload sizes, spread over those of the cuts at l = 0 … L.
        upload_sizes_bits: These sizes in place of the cuts' own, bit; none takes the cuts'.
        upload_grid: Further sizes, evenly by ratio from half the smallest to twice the largest.
        upload_s: Target length of an upload window, s.
        upload_spread: Uploads are measured at this many times that length too, to tell what a
            burst of uploads costs once (waking the radio, its tail); 1 for one length only. What
            a burst costs is best known from short windows, and what a bit costs from long ones.
        control_every: A control window after so many others.
        order_seed: Of the shuffle.
        blocks: Where the network is cut into blocks: a rule, or the operators that end one.
        heads: Last blocks of heads that are also measured as one network; ``candidates`` takes
            those that only a smaller upload can follow, ``winner`` of these only the one that
            wins, once a first round has shown which (none where nobody decides).
        whole: Measure the whole network as one too.
        phases: Measure loading, allocation, first inference, input and connection apart.
        encodings: Names of encodings of which making the bytes is measured, of the network's input
            and of what crosses after each block that a smaller upload can follow; ``input`` takes
            those that a decision offers for the input unasked, of the input alone.
        downloads: Measure downloads of the same sizes, at the slowest, the stated and the link's
            own rate.
        layouts: How often in a round the network's memory is laid out anew, as a new start of a
            program does: where tensors lie decides what a block costs by a per cent or two. 1
            keeps what there is, and the intervals say nothing of other layouts.
        rests: How often in the first round the device is left alone after a block of computing,
            and as often after one of uploads (after downloads once), to see what it still draws
            seconds later; 0 never, and what comes later than some windows' ends are watched for
            is then in no interval.
        stop: When enough has been measured.
        limits: What it keeps to.
    """

    name: str
    timing: WindowTiming
    work_s: tuple[float, ...]
    repeats: int
    rates_bit_per_s: tuple[Rate, ...]
    upload_sizes: int
    upload_s: float
    control_every: int
    order_seed: int
    blocks: BlockCut | tuple[int, ...] = "residual"
    heads: HeadChoice | tuple[int, ...] = ()
    whole: bool = False
    phases: bool = False
    encodings: tuple[str, ...] = ()
    downloads: bool = False
    upload_sizes_bits: tuple[int, ...] = ()
    upload_grid: int = 0
    upload_spread: float = 1.0
    layouts: int = 1
    rests: int = 1
    fit_rates: bool = False
    lone_uploads: bool = False
    stop: StopPlan = StopPlan()
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        """Refuse a plan that cannot determine the figures.

        Raises:
            PlanError: Too few work sizes or rates, a length that is not positive, an empty band,
                or more than its longest time allows.
        """
        if len(self.work_s) < 2 or max(self.work_s) < 2 * min(self.work_s):
            raise PlanError(
                f"plan '{self.name}': work_s needs two lengths that differ at least twofold, to "
                f"tell the cost of an inference from the cost of a window; it has {self.work_s}"
            )
        if len(set(self.rates_bit_per_s)) < 2 or not self.paced_rates_bit_per_s:
            raise PlanError(
                f"plan '{self.name}': uploads at one rate cannot tell energy per bit from energy "
                "per second on the air; give at least two rates, one of them a number"
            )
        self._require_positive()
        self._require_encodings()
        self._require_sizes()
        self._require_waits()
        self._require_band()
        self._require_time()

    def _require_positive(self) -> None:
        lengths = (
            *self.work_s,
            *self.paced_rates_bit_per_s,
            *(self.upload_s, self.upload_spread, self.timing.idle_s),
            *(self.stop.relative_half_width, self.stop.relative_regret),
            *(self.limits.duration_s, self.limits.edge_term),
        )
        counts = (
            *(self.repeats, self.upload_sizes, self.control_every),
            *(self.stop.looks, self.layouts),
        )
        if not all(isfinite(x) and x > 0 for x in lengths) or min(counts) < 1:
            raise PlanError(f"plan '{self.name}': lengths, rates and counts must be positive")

    def _require_encodings(self) -> None:
        known = (INPUT_FORMS, *SENDABLE)
        unknown = [name for name in self.encodings if name not in known]
        if unknown:
            raise PlanError(
                f"plan '{self.name}': there is no encoding {unknown[0]!r}: give {', '.join(known)}"
            )

    def _require_sizes(self) -> None:
        if self.rests < 0:
            raise PlanError(f"plan '{self.name}': rests is {self.rests}: give a number, or 0")
        if self.upload_grid < 0 or any(b <= 0 or b % 8 for b in self.upload_sizes_bits):
            raise PlanError(
                f"plan '{self.name}': upload_sizes_bits must be multiples of 8 bit above zero, "
                "and upload_grid a number of sizes, or 0"
            )

    def _require_waits(self) -> None:
        waits = {
            "timing.settle_s": self.timing.settle_s,
            "timing.upload_settle_s": self.timing.upload_settle_s or 0.0,
            "limits.warm_up_s": self.limits.warm_up_s,
            "limits.cool_down_s": self.limits.cool_down_s,
        }
        for name, seconds in waits.items():
            if not (isfinite(seconds) and seconds >= 0):
                raise PlanError(
                    f"plan '{self.name}': {name} is {seconds:g}: give a number of seconds, or 0"
                )

    def _require_band(self) -> None:
        low_c, high_c = self.limits.temperature_c
        if not (isfinite(low_c) and isfinite(high_c) and low_c < high_c):
            raise PlanError(
                f"plan '{self.name}': temperature_c is the band from {low_c:g} to {high_c:g} °C: "
                "give two numbers, the lower one first"
            )

    def _require_time(self) -> None:
        """Refuse a plan of which no round ends, whatever the network: one block is too much."""
        around_s = 2 * self.timing.idle_s + self.timing.settle_s
        block_s = self.repeats * sum(seconds + around_s for seconds in self.work_s)
        if block_s > self.limits.duration_s:
            raise PlanError(
                f"plan '{self.name}': a block alone takes {block_s:.0f} s, {self.repeats} times "
                f"each of {len(self.work_s)} lengths, and duration_s is "
                f"{self.limits.duration_s:g}: give fewer repeats, less work_s or more duration_s"
            )

    @property
    def paced_rates_bit_per_s(self) -> tuple[float, ...]:
        """The upload rates that are numbers, bit/s."""
        return tuple(rate for rate in self.rates_bit_per_s if rate != UNLIMITED)

    @property
    def stated_rate_bit_per_s(self) -> float:
        """Rate that E_c is stated at, bit/s."""
        return self.paced_rates_bit_per_s[-1]

    def sent_rate_bit_per_s(self, link_bit_per_s: float) -> float:
        """Return the rate that E_c is of on a link that takes so much, bit/s: unpaced if it can.

        Args:
            link_bit_per_s: What unpaced uploads come to, bit/s.
        """
        unpaced = UNLIMITED in self.rates_bit_per_s
        return link_bit_per_s if unpaced else self.stated_rate_bit_per_s

    @property
    def upload_lengths_s(self) -> tuple[float, ...]:
        """Lengths of upload windows, s."""
        return tuple(dict.fromkeys((self.upload_s, self.upload_s * self.upload_spread)))


QUICK = Plan(
    name="quick",
    # A radio stays awake for 100 ms after the last frame (mac80211's dynamic power save).
    timing=WindowTiming(idle_s=0.16, settle_s=0.03, upload_settle_s=0.15),
    work_s=(0.12, 0.24, 0.48),
    repeats=1,
    # Unpaced as an inference uploads, and two paces that tell what time on the air costs.
    rates_bit_per_s=(5e6, 10e6, UNLIMITED),
    fit_rates=True,
    lone_uploads=True,
    upload_sizes=3,
    upload_s=0.33,
    upload_spread=2.5,
    control_every=15,
    order_seed=1,
    heads="winner",
    whole=True,
    encodings=(INPUT_FORMS,),
    # One for each length of work: every subject's windows meet several, as in standard.
    layouts=3,
    # So short windows leave the edges to the sum over whole readings (calibrate.windows).
    limits=Limits(edge_term=0.04, warm_up_s=2.0),
)
"""Under three minutes for 20 blocks; for a look and for the demo."""

STANDARD = Plan(
    name="standard",
    timing=WindowTiming(idle_s=1.0, settle_s=0.2, upload_settle_s=0.5),
    work_s=(0.8, 1.6, 3.2),
    repeats=1,
    rates_bit_per_s=(2e6, 5e6, 10e6, 20e6, UNLIMITED),
    fit_rates=True,
    lone_uploads=True,
    upload_sizes=4,
    upload_grid=2,
    upload_s=0.2,
    control_every=12,
    order_seed=1,
    heads="candidates",
    whole=True,
    phases=True,
    encodings=(INPUT_FORMS,),
    downloads=True,
    upload_spread=20.0,
    layouts=3,
    rests=2,
    stop=StopPlan(rule="precision", relative_half_width=0.01, looks=6),
    limits=Limits(duration_s=3600.0),
)
"""A quarter of an hour for 20 blocks, longer where the windows scatter."""

RIGOROUS = Plan(
    name="rigorous",
    timing=WindowTiming(idle_s=1.5, settle_s=0.2, upload_settle_s=0.8),
    work_s=(1.0, 2.0, 4.0),
    repeats=3,
    rates_bit_per_s=(1e6, 2e6, 5e6, 10e6, 20e6, UNLIMITED),
    fit_rates=True,
    lone_uploads=True,
    upload_sizes=5,
    upload_grid=4,
    upload_s=0.2,
    control_every=10,
    order_seed=1,
    heads="candidates",
    whole=True,
    phases=True,
    encodings=(INPUT_FORMS,),
    downloads=True,
    upload_spread=20.0,
    layouts=9,
    rests=4,
    stop=StopPlan(rule="precision", relative_half_width=0.005, relative_regret=0.005, looks=4),
)
"""An hour and a quarter for 20 blocks, and on until E_d and E_c are known to half a per cent."""

PLANS = {plan.name: plan for plan in (QUICK, STANDARD, RIGOROUS)}
"""The presets by name, the shortest first."""


def for_decision(plan: Plan, relative_regret: float | None = None) -> Plan:
    """Return a plan that stops when the split is certain.

    Its rounds are single windows of the two shortest lengths: a choice needs far less than figures
    do. What splits are priced by stays: heads run as one network, uploads, the way back.

    Args:
        plan: What it is made from.
        relative_regret: See ``StopPlan``; None keeps the plan's.
    """
    regret = plan.stop.relative_regret if relative_regret is None else relative_regret
    return msgspec.structs.replace(
        plan,
        name=f"{plan.name}, for the decision",
        work_s=_twofold(plan.work_s),
        repeats=1,
        rates_bit_per_s=_extremes(plan.rates_bit_per_s),
        upload_sizes=min(plan.upload_sizes, 3),
        upload_grid=0,
        phases=False,
        stop=msgspec.structs.replace(plan.stop, rule="decision", relative_regret=regret),
    )


def _twofold(work_s: tuple[float, ...]) -> tuple[float, ...]:
    """Return the shortest length and the next one that is at least twice as long."""
    shortest = min(work_s)
    return shortest, min(seconds for seconds in work_s if seconds >= 2 * shortest)


def _extremes(rates: tuple[Rate, ...]) -> tuple[Rate, ...]:
    """Return the slowest and fastest rate, the one E_c is stated at, and no limit, if given."""
    paced = [rate for rate in rates if rate != UNLIMITED]
    kept = {min(paced), max(paced), paced[-1], UNLIMITED}
    return tuple(rate for rate in rates if rate in kept)
