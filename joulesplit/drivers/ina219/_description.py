"""What the user states about an INA219 and its wiring, and how the sensor describes itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers.errors import SensorConfigurationError
from joulesplit.drivers.ina219._accuracy import Circuit, accuracy_terms, corrected_terms
from joulesplit.drivers.ina219._correction import Correction
from joulesplit.drivers.ina219._datasheet import OFFSET_V, Grade
from joulesplit.drivers.ina219._link import NO_RAIL_V
from joulesplit.drivers.ina219._phase_lock import Lock
from joulesplit.drivers.ina219._registers import (
    BUS_LSB_V,
    SHUNT_LSB_V,
    BusRange,
    Configuration,
    Gain,
    Mode,
    averaging_code,
    bus_voltage_v,
    select_gain,
)
from joulesplit.drivers.readings import AccuracyTerm, SensorDescription

ADDRESSES = range(0x40, 0x50)
"""The sixteen addresses that A0 and A1 can choose (TI SBOS448G, table 1)."""
NOMINAL_RAIL_V = 5.0
BUS_SAMPLES = 1
BUS_RANGES = {16: BusRange.V16, 32: BusRange.V32}
INCLUDES = (
    "everything the device draws through the shunt, measured on the load side: the shunt's own "
    "loss is left out, the sensor's supply is included if the device feeds it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ina219Wiring:
    """Facts about a board that no register tells.

    Attributes:
        address: 7-bit address.
        shunt_ohm: Shunt resistance, ohm.
        shunt_tolerance: Its relative tolerance.
        expected_peak_a: Largest current to expect, A; None takes the coarsest range.
        grade: Grade printed on the chip, None if unknown.
        shunt_samples: Shunt samples averaged per conversion.
        rail: What the shunt is wired into.
        simulated: True if no physical chip is there.
        correction: What comparisons found out; None if there were none.
        bus_range_v: Range of the bus voltage, 16 or 32 V.

    Raises:
        SensorConfigurationError: A value no INA219 could work with.
    """

    address: int
    shunt_ohm: float
    shunt_tolerance: float
    expected_peak_a: float | None
    grade: Grade | None
    shunt_samples: int
    rail: str
    simulated: bool
    correction: Correction | None = None
    bus_range_v: int = 16

    def __post_init__(self) -> None:
        if self.address not in ADDRESSES:
            raise SensorConfigurationError(
                f"an INA219 cannot be at 0x{self.address:02X}; its address is 0x40 to 0x4F "
                "(pins A0 and A1)"
            )
        if not (math.isfinite(self.shunt_ohm) and self.shunt_ohm > 0):
            raise SensorConfigurationError(
                f"a shunt of {self.shunt_ohm} ohm cannot be; give the resistance printed on it "
                "(R100 is 0.1 ohm, R010 is 0.01 ohm)"
            )
        if not 0 <= self.shunt_tolerance < 1:
            raise SensorConfigurationError(
                f"a shunt tolerance of {self.shunt_tolerance} cannot be; give it as a fraction "
                "(0.01 for 1 %)"
            )
        self._check_ranges()

    def _check_ranges(self) -> None:
        peak_a = self.expected_peak_a
        if peak_a is not None and not (math.isfinite(peak_a) and peak_a > 0):
            raise SensorConfigurationError(
                f"an expected peak of {peak_a} A cannot be; give the largest "
                "current of the device (1.5 A for a Raspberry Pi 4, 3 A for a Pi 5)"
            )
        if self.bus_range_v not in BUS_RANGES:
            raise SensorConfigurationError(
                f"an INA219 has no bus range of {self.bus_range_v} V; choose 16 or 32 V "
                "(--bus-range); its pins take 26 V at most"
            )

    @property
    def gain(self) -> Gain:
        """The finest gain that holds the expected peak; the coarsest if none is expected."""
        if self.expected_peak_a is None:
            return Gain.DIV_8
        return select_gain(self.expected_peak_a, self.shunt_ohm)

    @property
    def peak_a(self) -> float:
        """Largest current to reckon with, A: the one expected, or else the end of the range."""
        if self.expected_peak_a is not None:
            return self.expected_peak_a
        return self.gain.full_scale_v / self.shunt_ohm

    @property
    def applied(self) -> Correction | None:
        """The correction, if it was found at the gain in use; it holds for no other."""
        correction, divider = self.correction, self.configuration.gain.divider
        return correction if correction and correction.gain == divider else None

    @property
    def effective_shunt_ohm(self) -> float:
        """Shunt to compute with, ohm: the one found, or else the one stated."""
        found_ohm = self.applied.shunt_ohm if self.applied else None
        return self.shunt_ohm if found_ohm is None else found_ohm

    @property
    def offset_v(self) -> float:
        """Shunt voltage without current to compute with, V."""
        return (self.applied.offset_v or 0.0) if self.applied else 0.0

    @property
    def bus_factor(self) -> float:
        """Factor of the bus voltage to compute with."""
        return (self.applied.bus_factor or 1.0) if self.applied else 1.0

    @property
    def configuration(self) -> Configuration:
        """Fields to write: the ranges chosen, one bus sample per cycle."""
        return Configuration(
            bus_range=BUS_RANGES[self.bus_range_v],
            gain=self.gain,
            bus_adc=averaging_code(BUS_SAMPLES),
            shunt_adc=averaging_code(self.shunt_samples),
            mode=Mode.BOTH_CONTINUOUS,
        )


def describe(
    wiring: Ina219Wiring, configuration: Configuration, place: str, lock: Lock | None
) -> SensorDescription:
    """Return the description of the sensor; without a lock, with typical times and 5 V."""
    bus_v = bus_voltage_v(lock.bus_word) if lock else NOMINAL_RAIL_V
    if bus_v < NO_RAIL_V:
        bus_v = NOMINAL_RAIL_V
    gain = configuration.gain
    return SensorDescription(
        kind="simulated" if wiring.simulated else "ina219",
        name=("simulated " if wiring.simulated else "") + f"INA219 at {place}",
        rail=wiring.rail,
        includes=INCLUDES,
        simulated=wiring.simulated,
        modelled=False,
        cycle_s=lock.period_ns / NS_PER_S if lock else configuration.cycle_s,
        observed_fraction=configuration.shunt_duty,
        voltage_resolution_v=BUS_LSB_V,
        current_resolution_a=SHUNT_LSB_V / wiring.effective_shunt_ohm,
        full_scale_a=gain.full_scale_v / wiring.effective_shunt_ohm,
        accuracy=_accuracy(wiring, configuration, bus_v),
        settings={**_settings(wiring, configuration, lock), **_corrections(wiring)},
    )


def uncorrected_terms(wiring: Ina219Wiring, gain: Gain, bus_v: float) -> tuple[AccuracyTerm, ...]:
    """Return the systematic terms of a wired chip before any zero or span.

    Args:
        wiring: Facts about the board.
        gain: In use.
        bus_v: Voltage at IN−, V.
    """
    return accuracy_terms(
        Circuit(
            grade=wiring.grade,
            gain=gain,
            shunt_ohm=wiring.effective_shunt_ohm,
            shunt_tolerance=wiring.shunt_tolerance,
            peak_current_a=wiring.peak_a,
            bus_voltage_v=bus_v,
        )
    )


def _accuracy(
    wiring: Ina219Wiring, configuration: Configuration, bus_v: float
) -> tuple[AccuracyTerm, ...]:
    shunt_ohm = wiring.effective_shunt_ohm
    terms = uncorrected_terms(wiring, configuration.gain, bus_v)
    if wiring.applied is None:
        return terms
    return corrected_terms(terms, wiring.applied, shunt_ohm=shunt_ohm, bus_voltage_v=bus_v)


def _corrections(wiring: Ina219Wiring) -> dict[str, str | int | float | bool | None]:
    """Return what was corrected and where that comes from."""
    correction = wiring.applied
    if correction is None:
        found = wiring.correction
        why = f"none holds at this gain, only at /{found.gain}" if found else "none"
        return {"correction": why}
    return {
        "correction": "applied in software, raw words as read",
        "zero_offset_v": correction.offset_v,
        "zero_u_v": correction.u_offset_v,
        "zero_source": correction.offset_source or None,
        "effective_shunt_ohm": correction.shunt_ohm,
        "effective_shunt_u_rel": correction.u_shunt_rel,
        "shunt_source": correction.shunt_source or None,
        "bus_factor": correction.bus_factor,
        "bus_factor_u_rel": correction.u_bus_rel,
        "correction_residual_v": correction.residual_v,
    }


def _settings(
    wiring: Ina219Wiring, configuration: Configuration, lock: Lock | None
) -> dict[str, str | int | float | bool | None]:
    offsets_v = OFFSET_V[wiring.grade or "A"]
    return {
        "address": f"0x{wiring.address:02X}",
        "configuration": f"0x{configuration.word:04X}",
        "gain": f"/{configuration.gain.divider}",
        "bus_range": f"{wiring.bus_range_v} V",
        "full_scale_a": configuration.gain.full_scale_v / wiring.shunt_ohm,
        "range_costs_offset_v": offsets_v[configuration.gain] - offsets_v[Gain.DIV_1],
        "shunt_ohm": wiring.shunt_ohm,
        "shunt_tolerance": wiring.shunt_tolerance,
        "expected_peak_a": wiring.expected_peak_a,
        "grade": wiring.grade,
        "shunt_samples": wiring.shunt_samples,
        "bus_samples": BUS_SAMPLES,
        "typical_cycle_s": configuration.cycle_s,
        "ready_bit_cleared_by": lock.cleared_by if lock else None,
        "transaction_s": lock.transaction_ns / NS_PER_S if lock else None,
        "raw0": "shunt voltage register 0x01",
        "raw1": "bus voltage register 0x02",
    }
