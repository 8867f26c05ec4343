"""The INA226 over I2C.

The chip converts shunt and bus voltage in turn, averages pairs of them, and puts both means into
their registers at once. The ready bit is in the mask register: three transfers, and every fourth
time a fourth that looks just before the end. A bit of that register that has no effect marks the
chip: a reset clears it, and so shows in the very word that says that a conversion is ready.
"""

from __future__ import annotations

from joulesplit.drivers.ina2xx import PROBE_EVERY, Correction, Ina2xx, RegisterLink
from joulesplit.drivers.ina226._chip_table import INA226, Ina226Wiring
from joulesplit.drivers.ina226._registers import Ina226Configuration
from joulesplit.drivers.ina226._word_check import Ina226WordCheck
from joulesplit.drivers.protocols import Clock, I2cBus


class Ina226(Ina2xx):
    """A wired INA226 as a power sensor.

    ``Reading.raw`` is (shunt word of register 0x01, bus word of 0x02); ``ina2xx.convert_words``
    converts recorded words again. Nothing that a chip measured after it had reset itself is
    delivered, whatever the current, as long as the rail stands. While it is open the chip's
    ALERT pin stays silent; what it was set to comes back when it is closed.

    Args:
        bus: The bus; it stays the caller's and is not closed here.
        address: 7-bit address, 0x40 to 0x4F.
        shunt_ohm: Shunt resistance, ohm; printed on the resistor (R010 is 0.01 ohm).
        shunt_tolerance: Its relative tolerance (0.01 for 1 %), or the relative half-width that a
            calibration left.
        expected_peak_a: Largest current to expect, A; refused beyond the only range. None expects
            the end of the range.
        probe_every: Conversions from one look at single samples to the next; 0 for none.
        shunt_samples: Half milliseconds of shunt conversion per reading: 1, 2, 4 … 128.
        clock: Time.
        simulated: True if no physical chip is behind the bus.
        correction: What comparisons with references found out about this chip and its shunt.
        rail: What the shunt is wired into.

    Raises:
        SensorConfigurationError: A parameter no INA226 could work with.
    """

    def __init__(  # noqa: PLR0913 - one keyword per fact that only the user knows
        self,
        bus: I2cBus,
        *,
        address: int = 0x40,
        shunt_ohm: float,
        shunt_tolerance: float,
        expected_peak_a: float | None = None,
        probe_every: int = PROBE_EVERY,
        shunt_samples: int = 16,
        clock: Clock,
        simulated: bool = False,
        correction: Correction | None = None,
        rail: str = "5 V supply",
    ) -> None:
        wiring = Ina226Wiring(
            address=address,
            shunt_ohm=shunt_ohm,
            shunt_tolerance=shunt_tolerance,
            expected_peak_a=expected_peak_a,
            shunt_samples=shunt_samples,
            rail=rail,
            simulated=simulated,
            correction=correction,
        )
        link = RegisterLink(INA226, bus, address, clock)
        super().__init__(link, Ina226WordCheck(link, wiring.settings), wiring, clock, probe_every)
        self._configuration = wiring.configuration

    @property
    def configuration(self) -> Ina226Configuration:
        """The fields written to the chip."""
        return self._configuration
