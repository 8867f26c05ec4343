"""The INA219 over I2C.

The chip converts shunt, then bus voltage. The ready bit is in the bus register: the voltage is from
the very word that showed it and the current from the shunt register, two transfers, and every
fourth time a third that looks just before the end. The chip's own arithmetic is used for one thing:
by its overflow bit a reset shows.
"""

from __future__ import annotations

from joulesplit.drivers.ina2xx import PROBE_EVERY, Correction, Grade, Ina2xx
from joulesplit.drivers.ina219._chip_table import INA219, Ina219Wiring
from joulesplit.drivers.ina219._link import Ina219Link
from joulesplit.drivers.ina219._registers import Configuration
from joulesplit.drivers.ina219._word_check import WordCheck
from joulesplit.drivers.protocols import Clock, I2cBus


class Ina219(Ina2xx):
    """A wired INA219 as a power sensor.

    ``Reading.t_ns`` is the estimated end of the conversion: the previous end plus whole measured
    periods, kept between the last poll that was not ready and the one that was. ``Reading.raw``
    is (shunt word of register 0x01, bus word of 0x02); ``ina2xx.convert_words`` converts recorded
    words again.

    A chip that resets itself keeps measuring on the same scale at its power-on settings. Above
    21 mV over the shunt its own words give that away, and nothing measured so is delivered; below,
    one such reading may be. The reading after recovery carries ``CHIP_RESET`` and ``GAP_BEFORE``.

    Args:
        bus: The bus; it stays the caller's and is not closed here.
        address: 7-bit address, 0x40 to 0x4F.
        shunt_ohm: Shunt resistance, ohm; printed on the resistor (R100 is 0.1 ohm).
        shunt_tolerance: Its relative tolerance (0.01 for 1 %), or the relative half-width that a
            calibration left.
        expected_peak_a: Largest current to expect, A; chooses the gain. None takes the coarsest:
            at 111 means a second its step costs nothing, and too fine a range costs the truth.
        bus_range_v: Range of the bus voltage, 16 or 32 V.
        probe_every: Conversions from one look at single samples to the next; 0 for none.
        grade: ``A`` or ``B`` as printed on the chip, None if unknown.
        shunt_samples: Shunt samples averaged per conversion: 1, 2, 4 … 128.
        clock: Time.
        simulated: True if no physical chip is behind the bus.
        correction: What comparisons with references found out about this chip and its shunt.
        rail: What the shunt is wired into.

    Raises:
        SensorConfigurationError: A parameter no INA219 could work with.
    """

    def __init__(  # noqa: PLR0913 - one keyword per fact that only the user knows
        self,
        bus: I2cBus,
        *,
        address: int = 0x40,
        shunt_ohm: float,
        shunt_tolerance: float,
        expected_peak_a: float | None = None,
        bus_range_v: int = 16,
        probe_every: int = PROBE_EVERY,
        grade: Grade | None = None,
        shunt_samples: int = 16,
        clock: Clock,
        simulated: bool = False,
        correction: Correction | None = None,
        rail: str = "5 V supply",
    ) -> None:
        wiring = Ina219Wiring(
            address=address,
            shunt_ohm=shunt_ohm,
            shunt_tolerance=shunt_tolerance,
            expected_peak_a=expected_peak_a,
            bus_range_v=bus_range_v,
            grade=grade,
            shunt_samples=shunt_samples,
            rail=rail,
            simulated=simulated,
            correction=correction,
        )
        link = Ina219Link(INA219, bus, address, clock)
        super().__init__(link, WordCheck(link, wiring.settings), wiring, clock, probe_every)
        self._configuration = wiring.configuration

    @property
    def configuration(self) -> Configuration:
        """The fields written to the chip."""
        return self._configuration
