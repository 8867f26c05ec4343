"""Limits of an INA219's errors, from the data sheet's section 6.5. Plain figures."""

from __future__ import annotations

from typing import Literal

Grade = Literal["A", "B"]

SOURCE = "TI SBOS448G section 6.5"
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
