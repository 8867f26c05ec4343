"""Systematic terms of an INA219's uncertainty, from the data sheet's section 6.5."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from joulesplit.drivers.ina219._datasheet import (
    BUS_ERROR,
    CLOCK_ERROR,
    CMRR_V_PER_V,
    CURRENT_ERROR,
    DATA_SHEET,
    GAIN_DRIFT_PER_K,
    OFFSET_BUS_V,
    OFFSET_DRIFT_V_PER_K,
    OFFSET_SUPPLY_V,
    OFFSET_V,
    PSRR_V_PER_V,
    SENSE_PATH_OHM,
    SHUNT_DRIFT_PER_K,
    SHUNT_HEATING_K_PER_W,
    TEMPERATURE_SPAN_K,
    Grade,
)
from joulesplit.drivers.ina219._registers import Gain
from joulesplit.drivers.readings import AccuracyTerm

if TYPE_CHECKING:
    from joulesplit.drivers.ina219._correction import Correction

SHUNT = "shunt tolerance"
SENSE_PATH = "sense path"
SHUNT_DRIFT = "shunt temperature"
SHUNT_HEATING = "shunt self-heating"
CURRENT_GAIN = "current gain"
GAIN_DRIFT = "gain drift"
BUS_GAIN = "bus voltage gain"
CLOCK = "clock"
SHUNT_OFFSET = "shunt offset"
COMMON_MODE = "common mode"
SUPPLY = "supply rejection"
OFFSET_DRIFT = "offset drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """What the errors of a reading depend on.

    Attributes:
        grade: Grade printed on the package, which no register tells; None if unknown.
        gain: Amplifier gain in use.
        shunt_ohm: Nominal shunt, ohm.
        shunt_tolerance: Its relative tolerance.
        peak_current_a: Largest current that lasts, A: it heats the shunt.
        bus_voltage_v: Voltage at which offsets in V become offsets in W, and the largest that
            the chip itself is supplied with, V.
    """

    grade: Grade | None
    gain: Gain
    shunt_ohm: float
    shunt_tolerance: float
    peak_current_a: float
    bus_voltage_v: float

    @property
    def watt_per_volt(self) -> float:
        """Power that a volt over the shunt stands for, W/V."""
        return self.bus_voltage_v / self.shunt_ohm


def accuracy_terms(circuit: Circuit) -> tuple[AccuracyTerm, ...]:
    """Return the systematic terms of a power reading; an unknown grade gets the wider bounds."""
    return (*_scale_terms(circuit), *_offset_terms(circuit))


def _scale_terms(circuit: Circuit) -> tuple[AccuracyTerm, ...]:
    bounds, named = _graded(circuit)
    heat_w = circuit.peak_current_a**2 * circuit.shunt_ohm
    return (
        _bound(SHUNT, "scale", circuit.shunt_tolerance, "maker's tolerance of the shunt"),
        _bound(
            SENSE_PATH,
            "scale",
            SENSE_PATH_OHM / circuit.shunt_ohm,
            f"place of the sense taps, {SENSE_PATH_OHM * 1e3:g} mΩ either way",
        ),
        _bound(
            SHUNT_DRIFT,
            "scale",
            SHUNT_DRIFT_PER_K * TEMPERATURE_SPAN_K,
            f"{SHUNT_DRIFT_PER_K * 1e6:.0f} ppm/K over {TEMPERATURE_SPAN_K:g} K",
        ),
        replace(
            _bound(
                SHUNT_HEATING,
                "scale",
                SHUNT_DRIFT_PER_K * SHUNT_HEATING_K_PER_W * heat_w,
                f"{heat_w:.2g} W at {circuit.peak_current_a:.3g} A, {SHUNT_HEATING_K_PER_W:.0f} "
                f"K/W, {SHUNT_DRIFT_PER_K * 1e6:.0f} ppm/K",
            ),
            correlation="load-dependent",
            at_power_w=circuit.peak_current_a * circuit.bus_voltage_v,
        ),
        _bound(CURRENT_GAIN, "scale", CURRENT_ERROR[bounds], f"{DATA_SHEET}, {named}, 25 °C"),
        _bound(
            GAIN_DRIFT,
            "scale",
            GAIN_DRIFT_PER_K * TEMPERATURE_SPAN_K,
            f"{DATA_SHEET}, {GAIN_DRIFT_PER_K * 1e6:.0f} ppm/K over {TEMPERATURE_SPAN_K:g} K",
        ),
        _bound(BUS_GAIN, "scale", BUS_ERROR, f"{DATA_SHEET}, 25 °C"),
        _bound(CLOCK, "scale", CLOCK_ERROR, "crystal behind CLOCK_MONOTONIC"),
    )


def _offset_terms(circuit: Circuit) -> tuple[AccuracyTerm, ...]:
    bounds, named = _graded(circuit)
    offset_v = OFFSET_V[bounds][circuit.gain]
    bus_v = circuit.bus_voltage_v
    at = f"at {bus_v:.2f} V"

    def term(name: str, volts: float, source: str) -> AccuracyTerm:
        return _bound(name, "offset", volts * circuit.watt_per_volt, f"{DATA_SHEET}, {source}")

    return (
        term(
            SHUNT_OFFSET,
            offset_v,
            f"{named}, gain /{circuit.gain.divider}, {offset_v * 1e6:.0f} µV {at}",
        ),
        term(
            COMMON_MODE,
            CMRR_V_PER_V * abs(bus_v - OFFSET_BUS_V),
            f"100 dB from {OFFSET_BUS_V:g} V to {bus_v:.2f} V",
        ),
        term(
            SUPPLY,
            PSRR_V_PER_V * abs(bus_v - OFFSET_SUPPLY_V),
            f"{PSRR_V_PER_V * 1e6:.0f} µV/V typical, chip supplied with {OFFSET_SUPPLY_V} V to "
            f"{bus_v:.2f} V",
        ),
        term(
            OFFSET_DRIFT,
            OFFSET_DRIFT_V_PER_K * TEMPERATURE_SPAN_K,
            f"{OFFSET_DRIFT_V_PER_K * 1e6:.1f} µV/K over {TEMPERATURE_SPAN_K:g} K",
        ),
    )


def _graded(circuit: Circuit) -> tuple[Grade, str]:
    """Return the grade whose bounds hold, and how it is named."""
    if circuit.grade is None:
        return "A", "grade unknown, taken as A"
    return circuit.grade, f"grade {circuit.grade}"


SPANNED = (SHUNT, SENSE_PATH, CURRENT_GAIN)
"""Terms that the current of a span replaces."""

DRIFTING = (SHUNT_DRIFT, SHUNT_HEATING, GAIN_DRIFT)
"""What may have moved between the maker's figures and a span."""


def corrected_terms(
    terms: tuple[AccuracyTerm, ...],
    correction: Correction,
    *,
    shunt_ohm: float,
    bus_voltage_v: float,
) -> tuple[AccuracyTerm, ...]:
    """Return the terms with those that a correction measured replaced by what it left.

    What temperature, load and the clock do remains: the comparison was made at one moment.

    Args:
        terms: As ``accuracy_terms`` gives them.
        correction: What was measured.
        shunt_ohm: Shunt in use, ohm.
        bus_voltage_v: Voltage at which offsets in V become offsets in W, V.
    """
    gone: set[str] = set()
    new: list[AccuracyTerm] = []
    if correction.shunt_ohm is not None:
        gone |= {*SPANNED}
        new.append(_known("current span", "scale", correction.u_shunt_rel, correction.shunt_source))
    if correction.bus_factor is not None:
        gone.add(BUS_GAIN)
        new.append(_known("bus voltage span", "scale", correction.u_bus_rel, correction.bus_source))
    if correction.offset_v is not None:
        gone |= {SHUNT_OFFSET, COMMON_MODE, SUPPLY}
        u_offset_w = correction.u_offset_v * bus_voltage_v / shunt_ohm
        new.append(_known("zero", "offset", u_offset_w, correction.offset_source))
    return (*(term for term in terms if term.name not in gone), *new)


def _bound(
    name: str, kind: Literal["scale", "offset"], half_width: float, source: str
) -> AccuracyTerm:
    return AccuracyTerm(
        name=name, kind=kind, half_width=half_width, distribution="rectangular", source=source
    )


def _known(name: str, kind: Literal["scale", "offset"], u: float, source: str) -> AccuracyTerm:
    return AccuracyTerm(name=name, kind=kind, half_width=u, distribution="normal", source=source)
