"""How often does an interval hold what comes late? Rests and windows drawn, no chip under them.

When a plan runs what is taken from a campaign in virtual time; what the board then draws is put
together anew for each campaign: work, what comes late of it, warmth, background. From there on it
is what a calibration makes of its records. Left out are the chip's own errors, what scatters from
window to window but the background (work, clocks, the link), idle power that wanders for minutes,
and shares that differ from one window to the next. Run it from the top folder; it prints the table
of docs/uncertainty.md:

    python -m proof.late_work
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, hypot, sqrt

import msgspec
import numpy as np

from joulesplit.calibrate.campaign import QUICK, STANDARD, Plan
from joulesplit.calibrate.estimates import RESTED, RestedWork, late_work
from joulesplit.calibrate.windows import Rest, WindowRecord
from joulesplit.metrology import Array
from proof.markdown import percent, table
from proof.stage import proof_blocks
from proof.virtual import run_virtual
from proof.worlds import perfect_sensor_world

STEP_S = 0.01
"""Of the grid that powers are put together on, s."""

IDLE_W = 2.6
LEVEL_W: Mapping[RestedWork, float] = {"computing": 1.3, "uploads": 0.8, "downloads": 0.8}

WARMTH: Mapping[float, float] = {55.0: 0.018, 330.0: 0.02}
"""What a warm board draws more, over the work's power, by time constant, s. A board of 46 g and
0.9 J/(g K) behind 8 K/W takes 330 s, the sixth of it that is around the chip 55 s; 2.2 and 2.5 K/W
of that at 8 mW/K of leakage make the shares."""

BEFORE_W = 0.7
"""Mean power of the work that has warmed the board before the first window, W."""

BACKGROUND_W, BACKGROUND_S = 8e-3, 0.05
"""Standard deviation, W, and correlation time, s, of what else the board does."""

OTHER_CAUSES = 0.005
"""Half-width of what else the figure is uncertain by, relative."""

NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class Late:
    """What comes late of a kind of work: its share, and how long it lasts or fades over, s."""

    share: float
    seconds: float
    fades: bool
    work: RestedWork = "computing"

    def __str__(self) -> str:
        """Return it in words."""
        if not self.share:
            return f"nothing, {self.work}"
        how = "fading over" if self.fades else "that ends after"
        return f"{percent(self.share, 0)} of {self.work} {how} {self.seconds:g} s"


LATE = (
    Late(0.0, 1.0, fades=False),
    Late(0.01, 2.3, fades=False),
    *(Late(0.01, seconds, fades=True) for seconds in (3.0, 6.0, 8.0, 10.0)),
    *(Late(0.02, seconds, fades=True) for seconds in (8.0, 10.0, 15.0, 20.0)),
    Late(0.0, 1.0, fades=False, work="uploads"),
    Late(0.03, 2.0, fades=False, work="uploads"),
    *(Late(0.03, seconds, fades=True, work="uploads") for seconds in (2.0, 5.0, 8.0)),
    *(Late(0.1, seconds, fades=True, work="uploads") for seconds in (5.0, 8.0, 12.0)),
)

PLANS: Mapping[str, Plan] = {"quick": QUICK, "standard": STANDARD}


class DrawnCampaigns:
    """Campaigns of one plan on a board that does what it is told late.

    Args:
        plan: Whose windows and rests they have.
    """

    def __init__(self, plan: Plan) -> None:
        records = run_virtual(plan, proof_blocks(), perfect_sensor_world(1))[0].records
        first_s = min(_begins_s(record) for record in records) - 5.0
        self._records = [_on_the_grid(record, first_s) for record in records]
        last = self._records[-1]
        self._count = _cell(last.started_ns * 1e-9 + last.span_s) + 1
        self._work_w = {work: np.zeros(self._count) for work in RESTED}
        for record in self._records:
            work = work_of(record)
            own_w, level_w = self._work_w[work], LEVEL_W[work]
            starts_s = record.started_ns * 1e-9 + record.idle_s / 2
            own_w[_cell(starts_s) : _cell(starts_s + record.work_s)] = level_w
            if record.rest:
                over_s = record.rest.work_ended_ns * 1e-9
                own_w[_cell(over_s - record.rest.work_s) : _cell(over_s)] = level_w

    def steady_w(self, late: Late) -> Array:
        """Return what the board draws but for its background, W, shape (cells,)."""
        own_w, all_w = self._work_w[late.work], sum(self._work_w.values(), np.zeros(self._count))
        if late.fades:
            late_w = _filtered(own_w, late.seconds)
        else:
            late_w = np.concatenate([np.zeros(_cell(late.seconds)), own_w])[: self._count]
        warm_w = [share * self._warmed_w(all_w, seconds) for seconds, share in WARMTH.items()]
        drawn_w: Array = IDLE_W + all_w + np.sum(warm_w, axis=0)
        return drawn_w + late.share * (late_w - own_w)

    def _warmed_w(self, power_w: Array, seconds: float) -> Array:
        """Return a power that comes after a delay, and what is left of that from before, W."""
        left_w = BEFORE_W * np.exp(-STEP_S / seconds * np.arange(self._count))
        warmed_w: Array = _filtered(power_w, seconds) + left_w
        return warmed_w

    def drawn(self, steady_w: Array, random: np.random.Generator) -> list[WindowRecord]:
        """Return the records of a campaign with a background of its own."""
        kept = exp(-STEP_S / BACKGROUND_S)
        noise = random.standard_normal(self._count + 500)
        background_w = (
            BACKGROUND_W * sqrt((1 + kept) / (1 - kept)) * _filtered_by(noise, kept)[500:]
        )
        energy_j = np.concatenate([[0.0], np.cumsum(steady_w + background_w) * STEP_S])
        return [_seen(record, energy_j) for record in self._records]


def work_of(record: WindowRecord) -> RestedWork:
    """Return which kind of work a window is of; what is no transfer is computing."""
    found = [work for work, kinds in RESTED.items() if record.task.kind in kinds]
    return found[0] if found else "computing"


def _filtered(power_w: Array, seconds: float) -> Array:
    """Return a power that comes after an exponential delay, W."""
    return _filtered_by(power_w, exp(-STEP_S / seconds))


def _filtered_by(values: Array, kept: float) -> Array:
    out, state = [], 0.0
    for value in values.tolist():
        state = kept * state + (1 - kept) * value
        out.append(state)
    return np.array(out)


def _cell(when_s: float) -> int:
    return round(when_s / STEP_S)


def _begins_s(record: WindowRecord) -> float:
    """Return when a window begins, or the block of work before its rest, s."""
    if record.rest is None:
        return record.started_ns * 1e-9
    return record.rest.work_ended_ns * 1e-9 - record.rest.work_s


def _on_the_grid(record: WindowRecord, first_s: float) -> WindowRecord:
    """Return when a window ran from the beginning of the grid, in whole cells; unmeasured."""
    rest = record.rest
    if rest is not None:
        over_ns = _whole_ns(rest.work_ended_ns * 1e-9 - first_s)
        work_s = _cell(rest.work_s) * STEP_S
        rest = msgspec.structs.replace(rest, work_ended_ns=over_ns, work_s=work_s, sampler=None)
    return msgspec.structs.replace(
        record,
        started_ns=_whole_ns(record.started_ns * 1e-9 - first_s),
        work_s=_cell(record.work_s) * STEP_S,
        idle_s=2 * _cell(record.idle_s / 2) * STEP_S,
        settle_s=_cell(record.settle_s) * STEP_S,
        rest=rest,
    )


def _whole_ns(when_s: float) -> int:
    return round(_cell(when_s) * STEP_S * 1e9)


def _seen(record: WindowRecord, energy_j: Array) -> WindowRecord:
    """Return a window and the rest before it as a perfect sensor sees them."""

    def mean_w(from_s: float, until_s: float) -> float:
        drawn_j = energy_j[_cell(until_s)] - energy_j[_cell(from_s)]
        return float(drawn_j) / (_cell(until_s) - _cell(from_s)) / STEP_S

    start_s, side_s = record.started_ns * 1e-9, record.idle_s / 2
    ends_s = start_s + side_s + record.work_s
    settled_s = ends_s + record.settle_s
    before_w, after_w = mean_w(start_s, start_s + side_s), mean_w(settled_s, settled_s + side_s)
    middle = (side_s + record.work_s) / 2 / (side_s + record.work_s + record.settle_s)
    idle_w = before_w + (after_w - before_w) * middle
    rest = record.rest
    if rest is not None:
        rest = _rested(rest, record.settle_s, mean_w)
    return msgspec.structs.replace(
        record,
        net_j=(mean_w(start_s + side_s, settled_s) - idle_w) * (record.work_s + record.settle_s),
        idle_power_w=idle_w,
        idle_step_w=after_w - before_w,
        rest=rest,
    )


def _rested(rest: Rest, settle_s: float, mean_w: Callable[[float, float], float]) -> Rest:
    over_s = rest.work_ended_ns * 1e-9
    edges_s = over_s + settle_s + rest.bin_s * np.arange(len(rest.power_w) + 1)
    bins = zip(edges_s[:-1].tolist(), edges_s[1:].tolist(), strict=True)
    return msgspec.structs.replace(
        rest,
        work_power_w=mean_w(over_s - rest.work_s, over_s),
        power_w=tuple(mean_w(start_s, end_s) for start_s, end_s in bins),
    )


def held(campaigns: DrawnCampaigns, late: Late, count: int) -> tuple[float, float]:
    """Return in which share of campaigns the interval holds, and its median half-width.

    Args:
        campaigns: Of a plan.
        late: What comes late.
        count: How many campaigns.
    """
    steady_w, inside, halves = campaigns.steady_w(late), 0, []
    for seed in range(count):
        random = np.random.default_rng([seed, 20])
        records = campaigns.drawn(steady_w, random)
        told = late_work(records, late.work)
        assert told is not None
        own = [record for record in records if work_of(record) == late.work]
        true_j = LEVEL_W[late.work] * sum(record.work_s for record in own)
        error = sum(record.net_j for record in own) / true_j - 1
        error += OTHER_CAUSES / NORMAL_95 * random.standard_normal()
        halves.append(hypot(NORMAL_95 * told.worth, OTHER_CAUSES))
        inside += abs(error) < halves[-1]
    return inside / count, float(np.median(halves))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--campaigns", type=int, default=100, help="for each figure")
    count = parser.parse_args().campaigns
    drawn = [DrawnCampaigns(plan) for plan in PLANS.values()]
    rows = []
    for late in LATE:
        found = [held(campaigns, late, count) for campaigns in drawn]
        rows.append([str(late), *(f"{percent(p, 0)} (± {percent(u, 1)})" for p, u in found)])
    print(table(["drawn late", *(f"`{name}`" for name in PLANS)], rows))


if __name__ == "__main__":
    main()
