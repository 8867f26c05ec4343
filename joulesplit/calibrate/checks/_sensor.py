"""Checks of the sensor and its readings: none lost, clipped, spoilt by a reset, stuck. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from joulesplit.calibrate.checks._board_power import board_power_checks
from joulesplit.calibrate.checks._evidence import Evidence
from joulesplit.calibrate.checks._spec import CheckSpec
from joulesplit.calibrate.estimates import edge_share
from joulesplit.calibrate.profile import Check
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.drivers.readings import SensorDescription

LOST_LIMIT = 0.01
"""Largest share of conversions that may be lost."""

HEADROOM_LIMIT = 0.9
"""Largest share of the range that a single sample may take. The samples looked at are few of all,
and the rest may be larger."""

DOUBTFUL_LIMIT = 5e-4
"""Largest share of readings with wrong words. Those that step by less than a quarter go unnoticed:
so few of them move an energy by a few parts in a hundred thousand."""

LATE_READER_LIMIT = 0.01
"""Largest share of readings whose times may be off by half a cycle."""

RANGE_LIMIT = 1.25
"""Largest reading over the end of the range: a span may correct a current by a fifth, no more."""

EDGE_LIMIT = 0.005
"""Largest standard uncertainty of the shortest window of work from its edges, relative."""


LOST_CONVERSIONS = CheckSpec(
    name="lost-conversions",
    finds="share of the sensor's conversions that were not read",
    unit="1",
    limit=LOST_LIMIT,
    advice="free a processor for the sampler, or set the I2C clock to 400 kHz",
)
CLIPPED_READINGS = CheckSpec(
    name="clipped-readings",
    finds="readings at full scale",
    unit="readings",
    limit=0,
    advice="leave out --peak-current-a for the widest range, or use a smaller shunt: clipped "
    "current is a lower bound",
    severity="fail",
)
HEADROOM = CheckSpec(
    name="headroom",
    finds="largest single sample of the current that was looked at, over the end of the range",
    unit="1",
    limit=HEADROOM_LIMIT,
    advice="samples that nobody looked at may have been cut off, which no average shows: leave out "
    "--peak-current-a for the widest range, or use a smaller shunt",
)
READINGS_IN_RANGE = CheckSpec(
    name="readings-in-range",
    finds="largest current of a reading, over the end of the range",
    unit="1",
    limit=RANGE_LIMIT,
    advice="the source gave more than it can measure, so what it gives is not understood: read it "
    "by itself (`joulesplit monitor`), check its units and its cable, or use another sensor",
    severity="fail",
)
CHIP_RESETS = CheckSpec(
    name="chip-resets",
    finds="times the sensor lost its configuration",
    unit="resets",
    limit=0,
    advice="the sensor browned out: shorten its supply leads and add a capacitor",
    severity="fail",
)
FOREIGN_WRITER = CheckSpec(
    name="foreign-writer",
    finds="times that another program had configured the sensor",
    unit="times",
    limit=0,
    advice="two programs on one chip spoil each other's readings: end the other one (sudo fuser "
    "-v /dev/i2c-1 lists who has the bus open), and run again",
    severity="fail",
)
CLOCK_STEPS = CheckSpec(
    name="clock-steps",
    finds="jumps of the clock that times the readings",
    unit="jumps",
    limit=0,
    advice="the machine was suspended or its clock stood still: keep it awake, and run again",
    severity="fail",
)
STUCK_READINGS = CheckSpec(
    name="stuck-readings",
    finds="readings whose words had not changed for longer than noise allows",
    unit="readings",
    limit=0,
    advice="the sensor gave the same words over and over: switch its supply off and on, check the "
    "wiring of the shunt, and run again",
    severity="fail",
)
DOUBTFUL_WORDS = CheckSpec(
    name="doubtful-words",
    finds="share of readings with words that were others when read again",
    unit="1",
    limit=DOUBTFUL_LIMIT,
    advice="the bus delivers wrong words: what was noticed was read again or left out, and smaller "
    "errors go unnoticed; shorten the wires, check ground and pull-ups, lower the bus clock",
)
LATE_READER = CheckSpec(
    name="late-reader",
    finds="share of readings taken while this machine woke up too late for the sensor's cycle",
    unit="1",
    limit=LATE_READER_LIMIT,
    advice="when these readings ended is known to half a cycle only, and more may be lost than is "
    "counted: reduce the load, give the sampler a core of its own, or average more samples "
    "(--shunt-samples)",
)
EDGE_TERM = CheckSpec(
    name="edge-term",
    finds="what the edges of the shortest window of work may be off by, relative",
    unit="1",
    limit=EDGE_LIMIT,
    advice="the shortest windows are too short for the sensor: lengthen work_s in the plan, or "
    "choose less averaging",
)


def sensor_checks(evidence: Evidence) -> Iterator[Check]:
    """Return whether the readings are whole, and the windows long enough for the sensor."""
    yield from reading_checks(evidence.records, evidence.sampling, evidence.sensor)
    yield from _edge_term(evidence)
    if evidence.sensor is not None:
        yield from idle_power_checks(evidence.records, evidence.board, evidence.sensor)


def idle_power_checks(
    records: Sequence[WindowRecord], board: str | None, sensor: SensorDescription
) -> Iterator[Check]:
    """Return whether the idle power around the windows is one of this board.

    Args:
        records: Every window.
        board: Its model, as the device tree has it.
        sensor: As opened.
    """
    if records:
        mean_w = sum(record.idle_power_w for record in records) / len(records)
        yield from board_power_checks(mean_w, board, sensor)


def reading_checks(
    records: Sequence[WindowRecord],
    sampling: SamplerStatistics,
    sensor: SensorDescription | None,
) -> Iterator[Check]:
    """Return whether the readings are whole.

    Args:
        records: Every window.
        sampling: How the sampler fared.
        sensor: As opened; None leaves out what only it can tell.
    """
    yield LOST_CONVERSIONS.judge(lost_share(sampling.readings, sampling.lost))
    yield CLIPPED_READINGS.judge(sampling.clipped)
    if sensor is not None and sampling.peak_a is not None:
        yield HEADROOM.judge(sampling.peak_a / sensor.full_scale_a)
    if sensor is not None and sampling.largest_a is not None:
        yield READINGS_IN_RANGE.judge(sampling.largest_a / sensor.full_scale_a)
    yield CHIP_RESETS.judge(sum(record.resets for record in records))
    yield FOREIGN_WRITER.judge(sampling.foreign_writes)
    yield CLOCK_STEPS.judge(sum(record.clock_steps for record in records))
    yield STUCK_READINGS.judge(sampling.stuck)
    yield DOUBTFUL_WORDS.judge(sampling.doubtful / max(sampling.readings + sampling.lost, 1))
    yield LATE_READER.judge(sampling.late / max(sampling.readings, 1))


def lost_share(readings: int, lost: int) -> float:
    """Return the share of conversions that were not read.

    Args:
        readings: Conversions that were.
        lost: Those that were not.
    """
    return lost / max(readings + lost, 1)


def _edge_term(evidence: Evidence) -> Iterator[Check]:
    windows = evidence.of_kind("compute")
    if evidence.sensor is None or not windows:
        return
    yield EDGE_TERM.judge(edge_share(evidence.sensor, min(record.work_s for record in windows)))
