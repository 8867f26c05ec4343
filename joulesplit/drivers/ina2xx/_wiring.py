"""What the user states about a chip and its wiring, and how the sensor describes itself."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers._request import simulated_kind
from joulesplit.drivers.errors import SensorConfigurationError
from joulesplit.drivers.ina2xx._accuracy import Circuit, accuracy_terms, corrected_terms
from joulesplit.drivers.ina2xx._chip import Chip, ChipSettings
from joulesplit.drivers.ina2xx._correction import Correction
from joulesplit.drivers.ina2xx._data_sheets import ErrorLimits
from joulesplit.drivers.ina2xx._phase_lock import Lock
from joulesplit.drivers.ina2xx._register_link import LOAD_SIDE, NO_RAIL_V
from joulesplit.drivers.readings import AccuracyTerm, SensorDescription

ADDRESSES = range(0x40, 0x50)
"""The sixteen addresses that A0 and A1 can choose, of every chip of the family with both."""
NOMINAL_RAIL_V = 5.0
INCLUDES = (
    "everything the device draws through the shunt, measured on the load side: the shunt's own "
    "loss is left out, the sensor's supply is included if the device feeds it"
)
JOINED = "the voltage is that of the pin VBUS, which belongs to VIN−"
Settings = dict[str, str | int | float | bool | None]
"""What else is needed to repeat a measurement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring(ABC):
    """Facts about a board that no register tells.

    Attributes:
        address: 7-bit address.
        shunt_ohm: Shunt resistance, ohm.
        shunt_tolerance: Its relative tolerance.
        expected_peak_a: Largest current to expect, A; None takes the coarsest range.
        shunt_samples: Shunt samples averaged per conversion.
        rail: What the shunt is wired into.
        simulated: True if no physical chip is there.
        correction: What comparisons found out; None if there were none.

    Raises:
        SensorConfigurationError: A value that the chip could not work with.
    """

    chip: ClassVar[Chip]

    address: int
    shunt_ohm: float
    shunt_tolerance: float
    expected_peak_a: float | None
    shunt_samples: int
    rail: str
    simulated: bool
    correction: Correction | None = None

    def __post_init__(self) -> None:
        if self.address not in ADDRESSES:
            raise SensorConfigurationError(
                f"an {self.chip.name} cannot be at 0x{self.address:02X}; its address is 0x40 to "
                "0x4F (pins A0 and A1)"
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
        peak_a = self.expected_peak_a
        if peak_a is not None and not (math.isfinite(peak_a) and peak_a > 0):
            raise SensorConfigurationError(
                f"an expected peak of {peak_a} A cannot be; give the largest "
                "current of the device (1.5 A for a Raspberry Pi 4, 3 A for a Pi 5)"
            )
        self._check_ranges()

    @abstractmethod
    def _check_ranges(self) -> None:
        """Refuse ranges that the chip does not have.

        Raises:
            SensorConfigurationError: There is one.
        """

    @property
    @abstractmethod
    def settings(self) -> ChipSettings:
        """How the chip is to be set."""

    @property
    @abstractmethod
    def divider(self) -> int:
        """Divider of the shunt amplifier in use; 1 of a chip without one."""

    @property
    @abstractmethod
    def observed_fraction(self) -> float:
        """Share of a cycle in which the current is observed."""

    @property
    @abstractmethod
    def limits(self) -> ErrorLimits:
        """By how much the chip may be off in the range in use."""

    @abstractmethod
    def own_settings(self) -> Settings:
        """Return the settings that other chips do not have."""

    @property
    def full_scale_v(self) -> float:
        """Largest shunt voltage in the range in use, V."""
        return self.settings.shunt_limit_code * self.chip.shunt_step_v

    @property
    def peak_a(self) -> float:
        """Largest current to reckon with, A: the one expected, or else the end of the range."""
        if self.expected_peak_a is not None:
            return self.expected_peak_a
        return self.full_scale_v / self.shunt_ohm

    @property
    def applied(self) -> Correction | None:
        """The correction, if it was found at the gain in use; it holds for no other."""
        correction = self.correction
        return correction if correction and correction.gain == self.divider else None

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


def describe(
    wiring: Wiring, place: str, lock: Lock | None, bus_v: float = NOMINAL_RAIL_V
) -> SensorDescription:
    """Return the description of the sensor; without a lock, with typical times.

    Args:
        wiring: Facts about the board.
        place: Where the chip is.
        lock: What was found of it when it was opened.
        bus_v: Voltage at IN−, V; that of no rail counts as 5 V.
    """
    if bus_v < NO_RAIL_V:
        bus_v = NOMINAL_RAIL_V
    chip, shunt_ohm = wiring.chip, wiring.effective_shunt_ohm
    return SensorDescription(
        kind=simulated_kind(chip.kind) if wiring.simulated else chip.kind,
        name=("simulated " if wiring.simulated else "") + f"{chip.name} at {place}",
        rail=wiring.rail,
        includes=INCLUDES if chip.voltage_pin == LOAD_SIDE else f"{INCLUDES}; {JOINED}",
        simulated=wiring.simulated,
        modelled=False,
        cycle_s=lock.period_ns / NS_PER_S if lock else wiring.settings.cycle_s,
        observed_fraction=wiring.observed_fraction,
        voltage_resolution_v=chip.bus_step_v,
        current_resolution_a=chip.shunt_step_v / shunt_ohm,
        full_scale_a=wiring.full_scale_v / shunt_ohm,
        accuracy=_accuracy(wiring, bus_v),
        settings={**_settings(wiring, lock), **_corrections(wiring)},
    )


def uncorrected_terms(wiring: Wiring, bus_v: float) -> tuple[AccuracyTerm, ...]:
    """Return the systematic terms of a wired chip before any zero or span.

    Args:
        wiring: Facts about the board.
        bus_v: Voltage at IN−, V.
    """
    return accuracy_terms(
        Circuit(
            limits=wiring.limits,
            shunt_ohm=wiring.effective_shunt_ohm,
            shunt_tolerance=wiring.shunt_tolerance,
            peak_current_a=wiring.peak_a,
            bus_voltage_v=bus_v,
        )
    )


def _accuracy(wiring: Wiring, bus_v: float) -> tuple[AccuracyTerm, ...]:
    terms = uncorrected_terms(wiring, bus_v)
    if wiring.applied is None:
        return terms
    shunt_ohm = wiring.effective_shunt_ohm
    return corrected_terms(terms, wiring.applied, shunt_ohm=shunt_ohm, bus_voltage_v=bus_v)


def _corrections(wiring: Wiring) -> Settings:
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


def _settings(wiring: Wiring, lock: Lock | None) -> Settings:
    return {
        "address": f"0x{wiring.address:02X}",
        "configuration": f"0x{wiring.settings.word:04X}",
        "full_scale_a": wiring.full_scale_v / wiring.shunt_ohm,
        "shunt_ohm": wiring.shunt_ohm,
        "shunt_tolerance": wiring.shunt_tolerance,
        "expected_peak_a": wiring.expected_peak_a,
        "shunt_samples": wiring.shunt_samples,
        **wiring.own_settings(),
        "typical_cycle_s": wiring.settings.cycle_s,
        "ready_bit_cleared_by": lock.cleared_by if lock else None,
        "transaction_s": lock.transaction_ns / NS_PER_S if lock else None,
        "raw0": "shunt voltage register 0x01",
        "raw1": "bus voltage register 0x02",
    }
