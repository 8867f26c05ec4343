"""What an INA219 is tested for besides what all chips of the family are: it has no identity."""

from __future__ import annotations

from joulesplit.drivers.ina2xx import RegisterLink
from joulesplit.drivers.ina219._registers import (
    CALIBRATION_VOID_BIT,
    POWER_ON_CONFIGURATION,
    UNUSED_CONFIGURATION_BIT,
    WORD_MASK,
    Register,
)


class Ina219Link(RegisterLink):
    """Register access to one INA219."""

    def reset_and_check(self) -> None:
        """Reset the chip and check that it works as an INA219.

        Raises:
            WrongDeviceError: Its registers do not behave as the data sheet says (8.6.2.1, 8.6.4.1).
            BusError: The bus failed.
        """
        super().reset_and_check()
        self.write(Register.CONFIGURATION, POWER_ON_CONFIGURATION | UNUSED_CONFIGURATION_BIT)
        if self.read(Register.CONFIGURATION) & UNUSED_CONFIGURATION_BIT:
            raise self.wrong("bit 14 of its configuration can be set")
        self.write(Register.CALIBRATION, WORD_MASK)
        found = self.read(Register.CALIBRATION)
        if found != WORD_MASK & ~CALIBRATION_VOID_BIT:
            raise self.wrong(f"its calibration register took 0xFFFF as 0x{found:04X}, not 0xFFFE")
