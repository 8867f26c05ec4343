"""Systematic terms of an INA219's uncertainty, from the data sheet's section 6.5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from drivers.ina219.limits import (
    BUS_ERROR,
    CMRR_V_PER_V,
    CURRENT_ERROR,
    OFFSET_BUS_V,
    OFFSET_V,
    SOURCE,
    Grade,
)
from drivers.ina219.registers import Gain
from drivers.readings import AccuracyTerm

if TYPE_CHECKING:
    from drivers.ina219.correction import Correction

SHUNT = "shunt tolerance"
CURRENT_GAIN = "current gain"
BUS_GAIN = "bus voltage gain"
OFFSET = "shunt offset"
COMMON_MODE = "common mode"


def accuracy_terms(
    *,
    grade: Grade | None,
    gain: Gain,
    shunt_ohm: float,
    shunt_tolerance: float,
    bus_voltage_v: float,
) -> tuple[AccuracyTerm, ...]:
    """Return the systematic terms of a power reading; an unknown grade gets the wider bounds.

    Args:
        grade: Grade printed on the package, which no register tells.
        gain: Amplifier gain in use.
        shunt_ohm: Nominal shunt, ohm.
        shunt_tolerance: Relative tolerance of the shunt.
        bus_voltage_v: Voltage at which offsets in V become offsets in W, V.
    """
    bounds: Grade = grade or "A"
    named = f"grade {grade}" if grade else "grade unknown, taken as A"
    offset_v = OFFSET_V[bounds][gain]
    common_mode_v = CMRR_V_PER_V * abs(bus_voltage_v - OFFSET_BUS_V)
    watt_per_volt = bus_voltage_v / shunt_ohm
    return (
        _bound(SHUNT, "scale", shunt_tolerance, "maker's tolerance of the shunt"),
        _bound(CURRENT_GAIN, "scale", CURRENT_ERROR[bounds], f"{SOURCE}, {named}, 25 °C"),
        _bound(BUS_GAIN, "scale", BUS_ERROR, f"{SOURCE}, 25 °C"),
        _bound(
            OFFSET,
            "offset",
            offset_v * watt_per_volt,
            f"{SOURCE}, {named}, gain /{gain.divider}, {offset_v * 1e6:.0f} µV "
            f"at {bus_voltage_v:.2f} V",
        ),
        _bound(
            COMMON_MODE,
            "offset",
            common_mode_v * watt_per_volt,
            f"{SOURCE}, 100 dB from 12 V to {bus_voltage_v:.2f} V",
        ),
    )


def corrected_terms(
    terms: tuple[AccuracyTerm, ...],
    correction: Correction,
    *,
    shunt_ohm: float,
    bus_voltage_v: float,
) -> tuple[AccuracyTerm, ...]:
    """Return the terms with those that a correction measured replaced by what it left.

    Args:
        terms: As ``accuracy_terms`` gives them.
        correction: What was measured.
        shunt_ohm: Shunt in use, ohm.
        bus_voltage_v: Voltage at which offsets in V become offsets in W, V.
    """
    gone: set[str] = set()
    new: list[AccuracyTerm] = []
    if correction.shunt_ohm is not None:
        gone |= {SHUNT, CURRENT_GAIN}
        new.append(_known("current span", "scale", correction.u_shunt_rel, correction.shunt_source))
    if correction.bus_factor is not None:
        gone.add(BUS_GAIN)
        new.append(_known("bus voltage span", "scale", correction.u_bus_rel, correction.bus_source))
    if correction.offset_v is not None:
        gone |= {OFFSET, COMMON_MODE}
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
