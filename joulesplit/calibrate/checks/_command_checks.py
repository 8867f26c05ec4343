"""Named checks over the runs of a command: may their energy be used? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from joulesplit.calibrate.checks._results import WIDTH_LIMIT, relative_half_width
from joulesplit.calibrate.checks._sensor import idle_power_checks, reading_checks
from joulesplit.calibrate.checks._spec import FLAG, CheckSpec, quality_of
from joulesplit.calibrate.checks._steadiness import IDLE_DRIFT, idle_drift
from joulesplit.calibrate.estimates import RunFigures
from joulesplit.calibrate.profile import Check, Quality, Quantity
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.drivers.readings import SensorDescription

FEWEST_CYCLES = 10.0
"""Shortest run in cycles of the sensor. Where 6 % of a cycle are not observed, as in an INA219 at
its default, so many leave a standard uncertainty of d/√(3·10), a hundredth of the net energy."""

FEWEST_FOR_DRIFT = 3
"""Runs that a straight line says something of."""

POWER_FOLLOWS = CheckSpec(
    name="power-follows",
    finds="the power is simulated and does not follow the command",
    unit=FLAG,
    limit=0,
    advice="a simulated board knows nothing of the command, so its energies are not the command's: "
    "measure with a sensor that is wired in",
    severity="fail",
)
REPEATED_RUNS = CheckSpec(
    name="repeated-runs",
    finds="runs of the command",
    unit="runs",
    limit=2,
    minimum=True,
    advice="a single run has no scatter, so its energy has no interval: give --runs 3 or more",
)
RUN_LENGTH = CheckSpec(
    name="run-length",
    finds="length of the shortest run, in cycles of the sensor",
    unit="cycles",
    limit=FEWEST_CYCLES,
    minimum=True,
    advice="the command is too short for the sensor: measure a loop of it, as in sh -c 'for i in "
    "$(seq 100); do COMMAND; done', and divide",
)
NET_ABOVE_ZERO = CheckSpec(
    name="net-above-zero",
    finds="the runs' mean net energy is zero or less",
    unit=FLAG,
    limit=0,
    advice="the command does not show above idle: measure a longer one or a loop of it, lengthen "
    "--idle-s, stop what else runs, and check that the sensor measures the right rail",
    severity="fail",
)
NET_INTERVAL = CheckSpec(
    name="net-interval",
    finds="half-width of the net energy's 95 % interval, relative",
    unit="1",
    limit=WIDTH_LIMIT,
    advice="the runs differ, or the sensor is not known better: raise --runs, measure a longer "
    "command or a loop of it, stop what else runs; if u_sys is the larger part, calibrate the "
    "sensor",
)
IDLE_SIDES = CheckSpec(
    name="idle-sides",
    finds="what a run's step of the idle power, before to after, puts in doubt of net energy, "
    "relative",
    unit="1",
    limit=WIDTH_LIMIT,
    advice="the idle power after a run is not that before it: if the command leaves work behind, "
    "lengthen --settle-s; else lengthen --idle-s and stop what else runs",
)


def judge_runs(
    records: Sequence[WindowRecord],
    figures: RunFigures,
    sampling: SamplerStatistics,
    sensor: SensorDescription,
    extra: Iterable[Check] = (),
    *,
    board: str | None = None,
) -> Quality:
    """Run every check and give the verdict.

    Args:
        records: One window per run, one at least.
        figures: What came of them.
        sampling: How the sampler fared.
        sensor: As opened.
        extra: Checks that others have made, e.g. of the machine's state.
        board: Model of the board, as its device tree has it; None if unknown.
    """
    shortest_s = min(record.work_s for record in records)
    return quality_of(
        (
            *reading_checks(records, sampling, sensor),
            *idle_power_checks(records, board, sensor),
            POWER_FOLLOWS.judge(float(sensor.simulated)),
            REPEATED_RUNS.judge(len(records)),
            RUN_LENGTH.judge(shortest_s / sensor.cycle_s),
            *_idle(records, figures),
            *_net(figures.net_j),
            *extra,
        )
    )


def _idle(records: Sequence[WindowRecord], figures: RunFigures) -> Iterator[Check]:
    if len(records) >= FEWEST_FOR_DRIFT:
        yield IDLE_DRIFT.judge(idle_drift(records))
    if figures.net_j.value > 0:
        # A step at one end of the run and a straight line differ by half the step over the run.
        doubt_j = max(abs(record.idle_step_w) / 2 * record.work_s for record in records)
        yield IDLE_SIDES.judge(doubt_j / figures.net_j.value)


def _net(net_j: Quantity) -> Iterator[Check]:
    yield NET_ABOVE_ZERO.judge(float(net_j.value <= 0))
    if net_j.value > 0 and net_j.ci95 is not None:
        yield NET_INTERVAL.judge(relative_half_width(net_j))
