"""Bounds of the errors of the chips behind hwmon, from their makers' data sheets.

At 25 °C, the largest figures of section "Electrical Characteristics". An INA219 is bounded in full
by ``joulesplit.drivers.ina219``; a chip that is in no table is as good as its user states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from joulesplit.drivers.readings import AccuracyTerm

PPM_PER_K = 50e-6
"""Largest drift of gain that these sheets state (INA238, INA228: less)."""
WARM_BY_K = 20.0
"""How far from 25 °C: beside a computer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipBounds:
    """What a data sheet allows a chip.

    Attributes:
        source: The sheet.
        shunt_offset_v: Offset of the shunt voltage, V.
        shunt_gain: Relative error of its gain.
        shunt_step_v: Its step, V.
        bus_offset_v: Offset of the bus voltage, V.
        bus_gain: Relative error of its gain.
        cmrr_v_per_v: Shunt voltage per volt of common mode.
        common_mode_v: Common mode at which the offset holds, V.
        watt_per_ampere_step: Step of the power register per step of the current's, W/A; None
            where there is no such register.
        own_shunt_ohm: The shunt, where it is inside the chip.
        clock: Relative error of the oscillator by which the chip counts energy.
    """

    source: str
    shunt_offset_v: float
    shunt_gain: float
    shunt_step_v: float
    bus_offset_v: float
    bus_gain: float
    cmrr_v_per_v: float
    common_mode_v: float = 12.0
    watt_per_ampere_step: float | None = None
    own_shunt_ohm: float | None = None
    clock: float = 0.0

    def current_step_a(self, shunt_ohm: float) -> float:
        """Return the step of the current, A."""
        return self.shunt_step_v / shunt_ohm

    def power_step_w(self, shunt_ohm: float) -> float | None:
        """Return the step of the power register, W; None where there is none."""
        if self.watt_per_ampere_step is None:
            return None
        return self.watt_per_ampere_step * self.current_step_a(shunt_ohm)


_INA226 = ChipBounds(
    source="TI SBOS547B section 5.5",
    shunt_offset_v=10e-6,
    shunt_gain=0.001,
    shunt_step_v=2.5e-6,
    bus_offset_v=7.5e-3,
    bus_gain=0.001,
    cmrr_v_per_v=0.5e-6,  # 126 dB
    watt_per_ampere_step=25.0,
)
_INA230 = ChipBounds(
    source="TI SBOS601 (2012), electrical characteristics",
    shunt_offset_v=50e-6,
    shunt_gain=0.005,
    shunt_step_v=2.5e-6,
    bus_offset_v=30e-3,
    bus_gain=0.005,
    cmrr_v_per_v=10e-6,  # 100 dB
    watt_per_ampere_step=25.0,
)
_INA238 = ChipBounds(
    source="TI SLYS025 section 6.5",
    shunt_offset_v=5e-6,
    shunt_gain=0.001,
    shunt_step_v=5e-6,
    bus_offset_v=5e-3,
    bus_gain=0.001,
    cmrr_v_per_v=0.1e-6,  # 140 dB
    common_mode_v=48.0,
    watt_per_ampere_step=0.2,
)

CHIP_BOUNDS = {
    "ina226": _INA226,
    "ina230": _INA230,
    "ina231": _INA230,  # TI SBOS644 states the same: 50 µV, 0.5 %
    "ina238": _INA238,
    "ina228": ChipBounds(
        source="TI SLYS021A section 6.5",
        shunt_offset_v=1e-6,
        shunt_gain=0.0005,
        shunt_step_v=0.3125e-6,
        bus_offset_v=2.5e-3,
        bus_gain=0.0005,
        cmrr_v_per_v=0.02e-6,  # 154 dB
        common_mode_v=48.0,
        watt_per_ampere_step=3.2,
        clock=0.005,
    ),
    "ina260": ChipBounds(
        source="TI SBOS656C section 7.5",
        shunt_offset_v=5e-3 * 2e-3,  # ±5 mA
        shunt_gain=0.0015,
        shunt_step_v=1.25e-3 * 2e-3,  # 1.25 mA
        bus_offset_v=7.5e-3,
        bus_gain=0.001,
        cmrr_v_per_v=150e-6 * 2e-3,  # 150 µA/V
        watt_per_ampere_step=8.0,  # 10 mW
        own_shunt_ohm=2e-3,
    ),
    "ina3221": ChipBounds(
        source="TI SBOS576B section 7.5",
        shunt_offset_v=80e-6,
        shunt_gain=0.0025,
        shunt_step_v=40e-6,
        bus_offset_v=16e-3,
        bus_gain=0.0025,
        cmrr_v_per_v=3.2e-6,  # 110 dB
    ),
}
"""By the name that the kernel's driver gives the chip."""


def bounds_terms(
    bounds: ChipBounds,
    *,
    shunt_ohm: float,
    shunt_tolerance: float,
    bus_v: float,
    file_step_w: float,
    counts_energy: bool,
) -> tuple[AccuracyTerm, ...]:
    """Return the systematic terms of a power that the kernel reads off such a chip.

    Args:
        bounds: Of the chip.
        shunt_ohm: The shunt, ohm.
        shunt_tolerance: Its relative tolerance; of no matter where it is inside the chip.
        bus_v: Voltage of the rail, at which offsets in V become offsets in W.
        file_step_w: Step by which the kernel's figures change the power, W.
        counts_energy: The power is taken from the chip's energy counter.
    """
    source, watt_per_volt = bounds.source, bus_v / shunt_ohm
    scales = {
        "current gain": bounds.shunt_gain,
        "bus voltage gain": bounds.bus_gain,
        "bus voltage offset": bounds.bus_offset_v / bus_v,
    }
    common_v = bounds.cmrr_v_per_v * abs(bus_v - bounds.common_mode_v)
    offsets = {
        f"shunt offset, {bounds.shunt_offset_v * 1e6:.3g} µV": bounds.shunt_offset_v,
        "common mode": common_v,
    }
    drift = PPM_PER_K * WARM_BY_K
    return (
        *([] if bounds.own_shunt_ohm else [_tolerance(shunt_tolerance)]),
        *(_term(name, "scale", width, source) for name, width in scales.items()),
        _term("gain drift", "scale", drift, f"{source}, over {WARM_BY_K:g} K"),
        *([_term("energy clock", "scale", bounds.clock, source)] if counts_energy else []),
        *(
            _term(name.split(",")[0], "offset", volts * watt_per_volt, f"{source}, {name}")
            for name, volts in offsets.items()
        ),
        _term(
            "step",
            "offset",
            max(file_step_w, bounds.shunt_step_v * watt_per_volt) / 2,
            "half a step of the chip or of the kernel's figures, whichever is larger",
        ),
    )


def _tolerance(half_width: float) -> AccuracyTerm:
    return _term("shunt tolerance", "scale", half_width, "maker's tolerance of the shunt")


def _term(
    name: str, kind: Literal["scale", "offset"], half_width: float, source: str
) -> AccuracyTerm:
    return AccuracyTerm(
        name=name, kind=kind, half_width=half_width, distribution="rectangular", source=source
    )
