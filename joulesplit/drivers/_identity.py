"""Which chip answers at an I2C address where an INA219 may be: told by reading, never by writing.

A servo board (PCA9685) has the same default address as the power monitors, and to write to it
moves what hangs on it. So a chip is known by its identity registers, or by what its registers
hold, before anything is written. Sources: the data sheets of the chips named.
"""

from __future__ import annotations

from dataclasses import dataclass

from joulesplit.drivers.protocols import I2cBus, SharedBus

NAMELESS = "INA219"
"""The chip of the family without an identity."""
TI = 0x5449
"""Manufacturer's identity, "TI"."""

CONFIGURATION = 0x00
CALIBRATION = 0x05
RESET_AND_UNUSED = 0xC000
VOID = 0x0001
"""Bits that an INA219 always reads as 0 (SBOS448G, 8.6.2.1 and 8.6.4.1)."""

READ_HERE = (NAMELESS, "INA226")
"""Chips that a driver of ours reads."""

_IDENTITY_REGISTERS = ((0x3E, 0x3F), (0xFE, 0xFF))
"""Manufacturer and device, in the newer and in the older chips of the family."""

_FAMILY = {
    0x226: "INA226", 0x227: "INA260", 0x322: "INA3221", 0x228: "INA228", 0x229: "INA229",
    0x237: "INA237", 0x238: "INA238", 0x239: "INA239", 0x232: "INA232", 0xA08: "INA236",
    0xA48: "INA234",
}  # fmt: skip
"""By the device's identity without its revision, the lowest four bits."""

_THRESHOLDS = {
    (0x4B00, 0x5000): "temperature sensor (LM75, TMP102 or alike)",
    (0x8000, 0x7FFF): "ADS1115",
    (0x8000, 0x7FF0): "ADS1015",
}
"""Registers 2 and 3 as after power-on: hysteresis and limit, low and high threshold."""

_PCA9685_BYTES = {2: 0xE2, 3: 0xE4, 5: 0xE0}
"""Its sub-addresses and its all-call address, in registers of a byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipIdentity:
    """What answers.

    Attributes:
        name: Of the chip, or what is known of it.
        advice: What to do; empty for an INA219.
        configuration: Its register 0.
    """

    name: str
    advice: str
    configuration: int

    @property
    def is_ina219(self) -> bool:
        """Whether ``--sensor ina219`` reads it."""
        return self.sensor == "ina219"

    @property
    def sensor(self) -> str | None:
        """The ``--sensor`` that reads it here; None if none does."""
        return self.name.lower() if self.name in READ_HERE else None


def identify(bus: I2cBus, address: int) -> ChipIdentity:
    """Return what answers at an address; nothing is written.

    Reading the results of a chip may clear a ready bit that another program waits for.

    Raises:
        DeviceNotRespondingError: Nothing does.
        BusError: The bus failed.
    """
    word = bus.read_word(address, CONFIGURATION)
    name = _by_identity(bus, address) or _by_contents(bus, address)
    if name is not None:
        return ChipIdentity(name=name, advice=_advice(name), configuration=word)
    void = bus.read_word(address, CALIBRATION) & VOID
    if word == 0 or word & RESET_AND_UNUSED or void:
        return ChipIdentity(
            name=f"chip that is no INA219 (register 0 is 0x{word:04X})",
            advice="look up what is wired to this address; an INA219 can be given another one by "
            "its jumpers A0 and A1",
            configuration=word,
        )
    return ChipIdentity(name=NAMELESS, advice="", configuration=word)


def identify_free(bus: I2cBus, address: int) -> ChipIdentity:
    """Do the same with a chip that no other program measures with, and not with one that is.

    Raises:
        BusBusyError: Another program does.
        BusError: As ``identify``.
    """
    if not isinstance(bus, SharedBus):
        return identify(bus, address)
    bus.claim(address)
    try:
        return identify(bus, address)
    finally:
        bus.release(address)


def _by_identity(bus: I2cBus, address: int) -> str | None:
    for manufacturer, device in _IDENTITY_REGISTERS:
        if bus.read_word(address, manufacturer) == TI:
            found = bus.read_word(address, device)
            return _FAMILY.get(found >> 4, f"power monitor of TI (device 0x{found:04X})")
    return None


def _by_contents(bus: I2cBus, address: int) -> str | None:
    if all(bus.read_word(address, at) >> 8 == byte for at, byte in _PCA9685_BYTES.items()):
        return "PCA9685"
    return _THRESHOLDS.get((bus.read_word(address, 2), bus.read_word(address, 3)))


def _advice(name: str) -> str:
    if name in READ_HERE:
        return f"read it with --sensor {name.lower()} and its --shunt-ohm"
    if name.startswith(("INA", "power monitor")):
        return (
            "this driver does not read it: let the kernel's, with sudo modprobe ina2xx "
            "(INA260), ina238 (INA228, INA237, INA238) or ina3221, and use --sensor hwmon"
        )
    what = "drives servos or LEDs" if name == "PCA9685" else "measures something else"
    return f"it {what}: leave it alone, and give the address of the INA219 with --address"
