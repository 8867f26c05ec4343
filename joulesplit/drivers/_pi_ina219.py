"""An INA219 through the PyPI library ``pi-ina219`` (module ``ina219``), for those who use it.

The library knows nothing of conversions: this module polls its ``is_conversion_ready`` and reads
each conversion once. It needs twice the transactions of ``drivers.ina219`` and cannot notice
a chip that reset itself, so prefer that one. Zeros and spans hold for the chip and its shunt,
whoever reads them: both drivers apply the same records.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from joulesplit.drivers._bus_claim import BusClaim
from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers._i2c import translate_os_error
from joulesplit.drivers._polling import LATE_CYCLES, LATE_NS, POLL_STEP
from joulesplit.drivers.errors import (
    ConversionTimeoutError,
    RangeExceededError,
    SensorError,
    SensorUnavailableError,
)
from joulesplit.drivers.ina2xx import Chip, Correction, Grade, describe
from joulesplit.drivers.ina219 import (
    BUS_LSB_V,
    INA219,
    SHUNT_LSB_V,
    Configuration,
    Ina219Wiring,
    bus_word,
    shunt_word,
)
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import Reading, ReadingFlag, SensorDescription

FIRST_POLL = 0.8
GAP_PERIODS = 1.6
"""Two conversions are at least 1.8 typical periods apart if one between them was missed."""
SHUNT_STEP_MV = 0.01

DeviceFactory = Callable[[float, float, int, int], Any]


def open_library_device(
    shunt_ohm: float, expected_peak_a: float, bus_number: int, address: int
) -> Any:
    """Return the library's device object.

    Raises:
        SensorUnavailableError: The library is not installed.
    """
    try:
        from ina219 import INA219
    except ImportError as error:
        raise SensorUnavailableError(
            "the sensor pi-ina219 needs the PyPI library of that name; install it with: "
            f"{sys.executable} -m pip install pi-ina219, or use --sensor ina219, which does not"
        ) from error
    return INA219(shunt_ohm, expected_peak_a, busnum=bus_number, address=address)


class PiIna219:
    """The library's INA219 as a power sensor; one reading per conversion while it keeps up.

    ``Reading.t_ns`` is when the conversion was seen to be ready, up to a tenth of a cycle late.
    ``Reading.raw`` is (shunt word, bus word) as the library must have read them.

    Args:
        bus_number: N of ``/dev/i2c-N``.
        address: 7-bit address.
        shunt_ohm: Shunt resistance, ohm.
        shunt_tolerance: Its relative tolerance.
        expected_peak_a: Largest current to expect, A; chooses the gain. None takes the coarsest.
        bus_range_v: Range of the bus voltage, 16 or 32 V.
        grade: ``A`` or ``B`` as printed on the chip, None if unknown.
        clock: Time.
        correction: What comparisons with references found out about this chip and its shunt.
        rail: What the shunt is wired into.
        open_device: Makes the library's object.

    Raises:
        SensorConfigurationError: A parameter no INA219 could work with.
    """

    def __init__(  # noqa: PLR0913 - one keyword per fact that only the user knows
        self,
        bus_number: int,
        *,
        address: int = 0x40,
        shunt_ohm: float,
        shunt_tolerance: float,
        expected_peak_a: float | None = None,
        bus_range_v: int = 16,
        grade: Grade | None = None,
        clock: Clock,
        correction: Correction | None = None,
        rail: str = "5 V supply",
        open_device: DeviceFactory = open_library_device,
    ) -> None:
        self._wiring = Ina219Wiring(
            address=address,
            shunt_ohm=shunt_ohm,
            shunt_tolerance=shunt_tolerance,
            expected_peak_a=expected_peak_a,
            bus_range_v=bus_range_v,
            grade=grade,
            shunt_samples=16,
            rail=rail,
            simulated=False,
            correction=correction,
        )
        self._configuration = self._wiring.configuration
        self._bus_number = bus_number
        self._clock = clock
        self._open_device = open_device
        self._device: Any = None
        self._claim: BusClaim | None = None
        self._period_ns = self._configuration.cycle_s * NS_PER_S
        self._previous_ns: int | None = None

    @property
    def configuration(self) -> Configuration:
        """The fields written to the chip."""
        return self._configuration

    @property
    def chip(self) -> Chip:
        """Which chip it is."""
        return INA219

    @property
    def gain_divider(self) -> int:
        """Divider of the shunt amplifier."""
        return self._wiring.divider

    @property
    def description(self) -> SensorDescription:
        """What the sensor measures and how good it is."""
        place = f"0x{self._wiring.address:02X} on I2C bus {self._bus_number}"
        described = describe(self._wiring, place, None)
        return replace(described, kind="pi-ina219")

    def __enter__(self) -> Self:
        """Open the library's device and configure it.

        Raises:
            SensorUnavailableError: The library is not installed.
            BusBusyError: Another program holds the device.
            BusError: The device or its bus failed, as ``joulesplit.drivers._i2c`` tells it.
        """
        with _Translated(self._bus_number, self._wiring.address):
            self.close()
            with suppress(FileNotFoundError):  # what is not there the library tells itself
                self._claim = BusClaim(self._bus_number, self._wiring.address)
        try:
            self._configure()
        except SensorError:
            self.close()
            raise
        return self

    def _configure(self) -> None:
        wiring, configuration = self._wiring, self._configuration
        with _Translated(self._bus_number, wiring.address):
            device = self._open_device(
                wiring.shunt_ohm,
                configuration.gain.full_scale_v / wiring.shunt_ohm,
                self._bus_number,
                wiring.address,
            )
            device.configure(
                voltage_range=int(configuration.bus_range),
                gain=int(configuration.gain),
                bus_adc=configuration.bus_adc,
                shunt_adc=configuration.shunt_adc,
            )
        self._device = device
        self._previous_ns = None
        # The first result may belong to the settings before.
        self._clock.sleep_until_ns(self._clock.now_ns() + round(2.2 * self._period_ns))
        with _Translated(self._bus_number, wiring.address):
            self._clear_ready()

    def __exit__(self, *exception: object) -> None:
        """Let go of the device."""
        self.close()

    def close(self) -> None:
        """Let go of the device; calling it again does nothing."""
        self._device = None
        claim, self._claim = self._claim, None
        if claim is not None:
            claim.release()

    def read(self) -> Reading:
        """Wait for the next conversion and return it.

        Raises:
            RangeExceededError: The shunt voltage left the range; the library gives no value then.
            ConversionTimeoutError: No conversion in time.
            BusError: The device or its bus failed, as ``joulesplit.drivers._i2c`` tells it.
            SensorError: The sensor is not open.
        """
        if self._device is None:
            raise SensorError("the sensor pi-ina219 is not open; read it inside a with block")
        wiring = self._wiring
        with _Translated(self._bus_number, wiring.address):
            t_ns = self._wait_ready()
            bus_code = round(self._device.voltage() / BUS_LSB_V)
            code = round(self._device.shunt_voltage() / SHUNT_STEP_MV)
            self._clear_ready()
        previous_ns, self._previous_ns = self._previous_ns, t_ns
        missed = previous_ns is not None and t_ns - previous_ns > GAP_PERIODS * self._period_ns
        return Reading(
            t_ns=t_ns,
            raw=(shunt_word(code), bus_word(bus_code)),
            voltage_v=bus_code * BUS_LSB_V * wiring.bus_factor,
            current_a=(code * SHUNT_LSB_V - wiring.offset_v) / wiring.effective_shunt_ohm,
            flags=ReadingFlag.GAP_BEFORE if missed else ReadingFlag.NONE,
        )

    def _wait_ready(self) -> int:
        give_up_ns = self._clock.now_ns() + LATE_CYCLES * self._period_ns + LATE_NS
        if self._previous_ns is not None:
            first_ns = self._previous_ns + round(FIRST_POLL * self._period_ns)
            self._clock.sleep_until_ns(first_ns)
        while not self._device.is_conversion_ready():
            now_ns = self._clock.now_ns()
            if now_ns > give_up_ns:
                raise ConversionTimeoutError(
                    f"the INA219 at 0x{self._wiring.address:02X} on I2C bus {self._bus_number} "
                    f"finished no conversion in {LATE_CYCLES} cycles; check its supply and "
                    "whether another program configures it"
                )
            self._clock.sleep_until_ns(now_ns + round(POLL_STEP * self._period_ns))
        return self._clock.now_ns()

    def _clear_ready(self) -> None:
        # power() reads the bus and the power register: one of the two clears the ready bit.
        self._device.power()


class _Translated:
    """Turns what the library lets through into errors of this layer."""

    def __init__(self, bus_number: int, address: int) -> None:
        self._bus_number = bus_number
        self._address = address

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Raise the translation of what happened, if it has one."""
        place = f"0x{self._address:02X} on I2C bus {self._bus_number}"
        if exception is None or isinstance(exception, SensorError):
            return
        if type(exception).__name__ == "DeviceRangeError":
            raise RangeExceededError(
                f"the current through the shunt of the INA219 at {place} exceeds the range; "
                "raise the expected peak current or use a smaller shunt"
            ) from exception
        if isinstance(exception, OSError):
            is_opening = exception.filename is not None
            address = None if is_opening else self._address
            raise translate_os_error(exception, self._bus_number, address) from exception
