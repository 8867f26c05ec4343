"""Systematic terms of a chip's uncertainty, from its data sheet and its shunt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log10
from typing import TYPE_CHECKING, Literal

from joulesplit.drivers.ina2xx._data_sheets import (
    CLOCK_ERROR,
    OFFSET_BUS_V,
    OFFSET_SUPPLY_V,
    SENSE_PATH_OHM,
    SHUNT_DRIFT_PER_K,
    SHUNT_HEATING_K_PER_W,
    TEMPERATURE_SPAN_K,
    ErrorLimits,
)
from joulesplit.drivers.readings import AccuracyTerm

if TYPE_CHECKING:
    from joulesplit.drivers.ina2xx._correction import Correction

SHUNT = "shunt tolerance"
SENSE_PATH = "sense path"
SHUNT_DRIFT = "shunt temperature"
SHUNT_HEATING = "shunt self-heating"
CURRENT_GAIN = "current gain"
GAIN_DRIFT = "gain drift"
BUS_GAIN = "bus voltage gain"
BUS_OFFSET = "bus voltage offset"
BUS_DRIFT = "bus voltage drift"
CLOCK = "clock"
SHUNT_OFFSET = "shunt offset"
COMMON_MODE = "common mode"
SUPPLY = "supply rejection"
OFFSET_DRIFT = "offset drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """What the errors of a reading depend on.

    Attributes:
        limits: Of the chip, in the range in use.
        shunt_ohm: Nominal shunt, ohm.
        shunt_tolerance: Its relative tolerance.
        peak_current_a: Largest current that lasts, A: it heats the shunt.
        bus_voltage_v: Voltage at which offsets in V become offsets in W, and the largest that
            the chip itself is supplied with, V.
    """

    limits: ErrorLimits
    shunt_ohm: float
    shunt_tolerance: float
    peak_current_a: float
    bus_voltage_v: float

    @property
    def watt_per_volt(self) -> float:
        """Power that a volt over the shunt stands for, W/V."""
        return self.bus_voltage_v / self.shunt_ohm


def accuracy_terms(circuit: Circuit) -> tuple[AccuracyTerm, ...]:
    """Return the systematic terms of a power reading."""
    return (*_scale_terms(circuit), *_offset_terms(circuit))


def _scale_terms(circuit: Circuit) -> Iterator[AccuracyTerm]:
    limits = circuit.limits
    heat_w = circuit.peak_current_a**2 * circuit.shunt_ohm
    at_25 = f"{limits.sheet}, {_joined(limits.named_chip, '25 °C')}"
    yield _bound(SHUNT, "scale", circuit.shunt_tolerance, "maker's tolerance of the shunt")
    yield _bound(
        SENSE_PATH,
        "scale",
        SENSE_PATH_OHM / circuit.shunt_ohm,
        f"place of the sense taps, {SENSE_PATH_OHM * 1e3:g} mΩ either way",
    )
    yield _drift(SHUNT_DRIFT, SHUNT_DRIFT_PER_K, "")
    yield replace(
        _bound(
            SHUNT_HEATING,
            "scale",
            SHUNT_DRIFT_PER_K * SHUNT_HEATING_K_PER_W * heat_w,
            f"{heat_w:.2g} W at {circuit.peak_current_a:.3g} A, {SHUNT_HEATING_K_PER_W:.0f} "
            f"K/W, {SHUNT_DRIFT_PER_K * 1e6:.0f} ppm/K",
        ),
        correlation="load-dependent",
        at_power_w=circuit.peak_current_a * circuit.bus_voltage_v,
    )
    yield _bound(CURRENT_GAIN, "scale", limits.current_error, at_25)
    yield _drift(GAIN_DRIFT, limits.gain_drift_per_k, f"{limits.sheet}, ")
    yield from _bus_terms(limits, circuit.bus_voltage_v)
    yield _bound(CLOCK, "scale", CLOCK_ERROR, "crystal behind CLOCK_MONOTONIC")


def _bus_terms(limits: ErrorLimits, bus_v: float) -> Iterator[AccuracyTerm]:
    """Yield what the bus voltage is off by; its offset counts as a scale, as the rail is steady."""
    yield _bound(BUS_GAIN, "scale", limits.bus_error, f"{limits.sheet}, 25 °C")
    if limits.bus_offset_v:
        yield _bound(
            BUS_OFFSET,
            "scale",
            limits.bus_offset_v / bus_v,
            f"{limits.sheet}, {limits.bus_offset_v * 1e3:.1f} mV of {bus_v:.2f} V",
        )
    if limits.bus_drift_per_k:
        yield _drift(BUS_DRIFT, limits.bus_drift_per_k, f"{limits.sheet}, ")


def _drift(name: str, per_k: float, source: str) -> AccuracyTerm:
    return _bound(
        name,
        "scale",
        per_k * TEMPERATURE_SPAN_K,
        f"{source}{per_k * 1e6:.0f} ppm/K over {TEMPERATURE_SPAN_K:g} K",
    )


def _offset_terms(circuit: Circuit) -> tuple[AccuracyTerm, ...]:
    limits, bus_v = circuit.limits, circuit.bus_voltage_v

    def term(name: str, volts: float, source: str) -> AccuracyTerm:
        return _bound(name, "offset", volts * circuit.watt_per_volt, f"{limits.sheet}, {source}")

    return (
        term(
            SHUNT_OFFSET,
            limits.offset_v,
            _joined(limits.named, f"{limits.offset_v * 1e6:.0f} µV at {bus_v:.2f} V"),
        ),
        term(
            COMMON_MODE,
            limits.cmrr_v_per_v * abs(bus_v - OFFSET_BUS_V),
            f"{-20 * log10(limits.cmrr_v_per_v):.0f} dB from {OFFSET_BUS_V:g} V to {bus_v:.2f} V",
        ),
        term(
            SUPPLY,
            limits.psrr_v_per_v * abs(bus_v - OFFSET_SUPPLY_V),
            f"{limits.psrr_v_per_v * 1e6:g} µV/V typical, chip supplied with {OFFSET_SUPPLY_V} V "
            f"to {bus_v:.2f} V",
        ),
        term(
            OFFSET_DRIFT,
            limits.offset_drift_v_per_k * TEMPERATURE_SPAN_K,
            f"{limits.offset_drift_v_per_k * 1e6:.1f} µV/K over {TEMPERATURE_SPAN_K:g} K",
        ),
    )


def _joined(named: str, what: str) -> str:
    return f"{named}, {what}" if named else what


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
        gone |= {BUS_GAIN, BUS_OFFSET}
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
