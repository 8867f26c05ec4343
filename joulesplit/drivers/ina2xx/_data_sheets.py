"""Limits of the errors of the chips, from their data sheets, and of the shunts beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from joulesplit.drivers._hwmon_bounds import CHIP_BOUNDS

Grade = Literal["A", "B"]
"""Printed on an INA219: B has the tighter bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorLimits:
    """By how much one chip may be off in one of its ranges, at 25 °C unless it says otherwise.

    Attributes:
        sheet: Data sheet and section.
        named: Which chip is meant and in which range, for people; empty if there is one only.
        named_chip: The same without the range.
        offset_v: Largest offset of the shunt voltage, V.
        current_error: Largest relative error of the shunt voltage.
        bus_error: Largest relative error of the bus voltage.
        bus_offset_v: Largest offset of the bus voltage beside it, drift and supply included, V.
        cmrr_v_per_v: Smallest rejection of the common mode, V/V.
        psrr_v_per_v: Rejection of the supply, typical, V/V; the sheets state no largest one.
        offset_drift_v_per_k: Drift of the offset, V/K.
        gain_drift_per_k: Drift of the shunt voltage's gain, 1/K.
        bus_drift_per_k: Drift of the bus voltage's gain, 1/K; 0 if the sheet states none.
    """

    sheet: str
    named: str
    named_chip: str
    offset_v: float
    current_error: float
    bus_error: float
    bus_offset_v: float
    cmrr_v_per_v: float
    psrr_v_per_v: float
    offset_drift_v_per_k: float
    gain_drift_per_k: float
    bus_drift_per_k: float

    def bus_bound(self, bus_v: float) -> float:
        """Return the largest relative error of a bus voltage, V, not 0."""
        return self.bus_error + self.bus_offset_v / bus_v


OFFSET_BUS_V = 12.0
"""Bus voltage at which the sheets of all of them specify the offset, V."""
OFFSET_SUPPLY_V = 3.3
"""Supply of the chip at which they do, V."""

OFFSET_V: dict[Grade, tuple[float, ...]] = {
    "A": (100e-6, 125e-6, 150e-6, 200e-6),
    "B": (50e-6, 75e-6, 75e-6, 100e-6),
}
"""Largest offset of an INA219 at gain /1, /2, /4, /8, V."""

_CURRENT_ERROR: dict[Grade, float] = {"A": 0.005, "B": 0.003}


def ina219_limits(grade: Grade | None, divider: int) -> ErrorLimits:
    """Return the limits of an INA219 (TI SBOS448G, 6.5).

    Args:
        grade: As printed; None if unknown, which gets the wider bounds.
        divider: Of its shunt amplifier: 1, 2, 4 or 8.
    """
    bounds: Grade = grade or "A"
    named = "grade unknown, taken as A" if grade is None else f"grade {grade}"
    return ErrorLimits(
        sheet="TI SBOS448G section 6.5",
        named=f"{named}, gain /{divider}",
        named_chip=named,
        offset_v=OFFSET_V[bounds][divider.bit_length() - 1],
        current_error=_CURRENT_ERROR[bounds],
        bus_error=0.005,
        bus_offset_v=0.0,
        cmrr_v_per_v=10e-6,  # 100 dB
        psrr_v_per_v=10e-6,
        offset_drift_v_per_k=0.1e-6,  # typical
        gain_drift_per_k=10e-6,  # typical
        bus_drift_per_k=0.0,
    )


TEMPERATURE_SPAN_K = 20.0
"""How far chip and shunt may be from 25 °C, where they are specified: beside a computer."""

_INA226 = CHIP_BOUNDS["ina226"]
INA226_LIMITS = ErrorLimits(
    sheet=_INA226.source,
    named="",
    named_chip="",
    offset_v=_INA226.shunt_offset_v,
    current_error=_INA226.shunt_gain,
    bus_error=_INA226.bus_gain,
    # With 40 µV/K, and 0.5 mV/V typical from 3.3 V to the 5.5 V that the chip may be fed with.
    bus_offset_v=_INA226.bus_offset_v
    + 40e-6 * TEMPERATURE_SPAN_K
    + 0.5e-3 * (5.5 - OFFSET_SUPPLY_V),
    cmrr_v_per_v=_INA226.cmrr_v_per_v,
    psrr_v_per_v=2.5e-6,  # typical
    offset_drift_v_per_k=0.1e-6,
    gain_drift_per_k=50e-6,
    bus_drift_per_k=50e-6,
)
"""Of an INA226."""


def limits_of(kind: str, divider: int) -> ErrorLimits:
    """Return the widest limits of a chip.

    Args:
        kind: Its ``--sensor``.
        divider: Of its shunt amplifier; 1 for a chip without one.
    """
    return INA226_LIMITS if kind == "ina226" else ina219_limits(None, divider)


SHUNT_DRIFT_PER_K = 100e-6
"""Temperature coefficient of a thick-film current-sense resistor: a class of parts, as breakouts
do not say which one they carry."""

SHUNT_HEATING_K_PER_W = 100.0
"""A 1 W resistor of size 2512 is rated at 70 °C and derated to 155 °C: 85 K/W and a margin."""

SENSE_PATH_OHM = 0.3e-3
"""What the place of the sense taps makes of a breakout's shunt, at most, either way: solder and
copper inside them add to it, taps at the inner ends of the pads read less than its maker did.
DFRobot states 3 % for its 10 mΩ board before any calibration, all errors together (SEN0291). A
shunt on wires of one's own can have a milliohm more: add it to the tolerance."""

CLOCK_ERROR = 100e-6
"""Largest error of the crystal behind the time stamps, relative."""
