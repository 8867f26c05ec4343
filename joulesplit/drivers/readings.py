"""What a power sensor delivers, and what it says about itself. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from typing import Literal, NamedTuple


class ReadingFlag(IntFlag):
    """What is wrong with a reading; 0 is a clean one. The value stays as measured."""

    NONE = 0
    GAP_BEFORE = 1
    """One or more conversions before this one were not read."""
    SHUNT_CLIPPED = 2
    """The shunt register, or a single sample of those behind the averages just before, stood at
    full scale: the current is a lower bound."""
    BUS_CLIPPED = 4
    """The bus register stood at full scale: the voltage is a lower bound."""
    DOUBTFUL_WORDS = 8
    """Words contradicted each other, or were others when read again. What two of three reads
    agreed on is in this reading; where none agreed, the conversion before it was left out."""
    CHIP_RESET = 16
    """The chip was found reset and was configured again before this reading. The reading before
    may already have been made at its power-on settings, none earlier than that."""
    STUCK = 32
    """The raw words have not changed for longer than noise allows."""
    RETRIED = 64
    """The transaction needed more than one try."""
    CLOCK_STEP = 128
    """The clock or the conversions jumped since the last look at their phase, a few readings ago
    at most: how many conversions were lost is unknown."""
    FOREIGN_WRITER = 256
    """Another program had configured the chip, which was configured again before this reading.
    Readings of the second before it may have been made at that program's settings."""
    LATE_READER = 512
    """This machine has woken up so late of late that no conversion is seen to end: ``t_ns`` may be
    off by half a cycle, and more conversions be lost than are told."""


class Reading(NamedTuple):
    """One conversion of a power sensor; a tuple, since one is made for every conversion.

    Attributes:
        t_ns: CLOCK_MONOTONIC at the end of the conversion, ns.
        raw: Register words as read, in the order the sensor documents; empty if it has none.
        voltage_v: Bus voltage on the load side, V.
        current_a: Current into the load, A (signed).
        flags: What is wrong with it.
    """

    t_ns: int
    raw: tuple[int, ...]
    voltage_v: float
    current_a: float
    flags: ReadingFlag = ReadingFlag.NONE

    @property
    def power_w(self) -> float:
        """Power into the load, W: the product of this reading's voltage and current."""
        return self.voltage_v * self.current_a


Correlation = Literal["common", "load-dependent"]
"""How a systematic term in one figure goes with the same term in another figure of one campaign:
``common`` ones are the same in all of them, so that a scale cancels in a ratio and an offset in a
difference; ``load-dependent`` ones change with the current, so that they remain in both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyTerm:
    """One systematic (type B) term of a sensor's uncertainty.

    Attributes:
        name: What it is, e.g. ``shunt tolerance``.
        kind: ``scale`` terms multiply every power by the same unknown factor; ``offset`` terms
            add the same unknown power to every reading.
        half_width: Half-width of the bound; relative (1) for ``scale``, W for ``offset``.
        distribution: ``rectangular`` (u = a/√3) or ``normal`` (half_width is the standard
            uncertainty itself).
        source: Data-sheet table, certificate or record the bound comes from.
        correlation: See ``Correlation``.
        at_power_w: Of a ``load-dependent`` scale: the power at which ``half_width`` holds, W; it
            grows with the square of the power. None if it is not known how it grows.
    """

    name: str
    kind: Literal["scale", "offset"]
    half_width: float
    distribution: Literal["rectangular", "normal"]
    source: str
    correlation: Correlation = "common"
    at_power_w: float | None = None

    @property
    def standard_uncertainty(self) -> float:
        """Standard uncertainty in the unit of ``half_width`` (GUM 4.3.7 for rectangular)."""
        return self.half_width / 3**0.5 if self.distribution == "rectangular" else self.half_width


REPLAY_KIND = "replay"
"""Kind of a sensor that delivers a recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorDescription:
    """What a sensor measures and how good it is.

    Attributes:
        kind: Name of the backend, as given to ``--sensor``.
        name: The instrument, for people: ``INA219 at 0x40 on bus 1``.
        rail: Which supply rail is measured.
        includes: What the figure includes and leaves out, one sentence.
        simulated: True if no physical quantity was measured.
        modelled: True if the source estimates rather than measures.
        replayed: True if the readings were recorded at another time, perhaps on another machine:
            they say nothing of what runs now.
        cycle_s: Nominal time from one reading to the next, s.
        observed_fraction: Share of a cycle in which the current is observed (0 to 1).
        voltage_resolution_v: Size of one voltage step, V.
        current_resolution_a: Size of one current step, A.
        full_scale_a: Largest current the range can show, A (``inf`` if unbounded).
        accuracy: Systematic terms.
        settings: Anything else needed to repeat the measurement, JSON-compatible.
    """

    kind: str
    name: str
    rail: str
    includes: str
    simulated: bool
    modelled: bool
    cycle_s: float
    observed_fraction: float
    voltage_resolution_v: float
    current_resolution_a: float
    full_scale_a: float
    accuracy: tuple[AccuracyTerm, ...]
    replayed: bool = False
    settings: dict[str, str | int | float | bool | None] = field(default_factory=dict)
