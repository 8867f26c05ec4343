"""Limits of an INA219's errors, from the data sheet's section 6.5. Plain figures."""

from __future__ import annotations

from typing import Literal

Grade = Literal["A", "B"]
"""Printed on the chip: A has the tighter bounds."""

DATA_SHEET = "TI SBOS448G section 6.5"
# Largest offset at gain /1, /2, /4, /8, V.
OFFSET_V: dict[Grade, tuple[float, ...]] = {
    "A": (100e-6, 125e-6, 150e-6, 200e-6),
    "B": (50e-6, 75e-6, 75e-6, 100e-6),
}
# Largest error of a current measurement at 25 °C.
CURRENT_ERROR: dict[Grade, float] = {"A": 0.005, "B": 0.003}
BUS_ERROR = 0.005
CMRR_V_PER_V = 10e-6  # 100 dB, the smallest
OFFSET_BUS_V = 12.0  # bus voltage at which the offset is specified
PSRR_V_PER_V = 10e-6  # typical; the sheet states no largest one
OFFSET_SUPPLY_V = 3.3  # supply of the chip at which the offset is specified
OFFSET_DRIFT_V_PER_K = 0.1e-6  # typical
GAIN_DRIFT_PER_K = 10e-6  # typical

TEMPERATURE_SPAN_K = 20.0
"""How far chip and shunt may be from 25 °C, where they are specified: beside a computer."""

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
