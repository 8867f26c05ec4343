"""Power sources: I2C buses and the chips on them, kernel monitors, counters. Read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from joulesplit.calibrate.environment import Machine
from joulesplit.cli._finding import Finding
from joulesplit.drivers import (
    SIMULATED_KINDS,
    DiscoveredSources,
    HwmonChip,
    I2cBusFinding,
    find_plugins,
    identify_free,
)
from joulesplit.drivers.errors import DeviceNotRespondingError, SensorError
from joulesplit.drivers.ina2xx import ADDRESSES
from joulesplit.drivers.ina219 import INA219
from joulesplit.drivers.ina226 import INA226
from joulesplit.drivers.protocols import I2cBus

OpenBus = Callable[[int], I2cBus]
"""Opens an I2C bus by number."""

FAST_BUS_HZ = 400_000
"""At the default of 100 kHz the bus is busy for most of a fast conversion."""

POWER_ON_WORDS = {chip.kind: chip.power_on_word for chip in (INA219, INA226)}
"""Configurations after a reset."""

DEFAULT_ADDRESS = 0x40

PI_5 = "Raspberry Pi 5"


def sensor_findings(
    found: DiscoveredSources, machine: Machine, open_bus: OpenBus
) -> Iterator[Finding]:
    """Yield what there is to say about power sources.

    Args:
        found: What ``joulesplit.drivers._discovery`` saw without touching anything.
        machine: Where facts are read from.
        open_bus: Opens a bus; on an opened one a register is read, nothing is written.
    """
    yield from _buses(found)
    for bus in found.buses:
        if bus.usable and not bus.display:
            yield from _chips(bus.number, open_bus)
    yield from _kernel_monitors(found)
    yield from _plugins()
    yield _counters(found)
    yield _board_supply(found, machine)


def ready_for(
    kinds: Sequence[str], found: DiscoveredSources, machine: Machine, findings: Sequence[Finding]
) -> dict[str, bool]:
    """Return, per value of ``--sensor``, whether it can be used here now."""
    ready = {finding.name for finding in findings if finding.state == "ok"}
    known = {
        "ina219": "ina219" in ready,
        "pi-ina219": "ina219" in ready and _installed("ina219"),
        "ina226": "ina226" in ready,
        "hwmon": bool(found.hwmon_chips),
        "pi5-pmic": _has_pmic(found, machine),
        "rapl": found.rapl_readable,
        "replay": True,
        **dict.fromkeys(SIMULATED_KINDS, True),
    }
    return {kind: known.get(kind, False) for kind in kinds}


def _buses(found: DiscoveredSources) -> Iterator[Finding]:
    if all(bus.display for bus in found.buses):
        yield Finding(
            name="i2c",
            state="info",
            found="no I2C bus on the pins",
            fix="on a Raspberry Pi: sudo raspi-config nonint do_i2c 0, then reboot",
        )
    for bus in found.buses:
        yield _bus(bus)


def _bus(bus: I2cBusFinding) -> Finding:
    if bus.display:
        found = f"{bus.path} belongs to an HDMI socket: not looked at"
        return Finding(name="i2c", state="info", found=found)
    if not bus.usable:
        return Finding(
            name="i2c",
            state="error",
            found=f"{bus.path} belongs to the group {bus.group}, and this user is not in it",
            fix=f"sudo usermod -aG {bus.group} $USER, then log in again",
        )
    if bus.clock_hz is not None and bus.clock_hz < FAST_BUS_HZ:
        return Finding(
            name="i2c",
            state="warn",
            found=f"{bus.path} at {bus.clock_hz / 1000:.0f} kHz",
            fix="dtparam=i2c_arm_baudrate=400000 in /boot/firmware/config.txt, then reboot",
        )
    return Finding(name="i2c", state="ok", found=f"{bus.path} can be used")


def _chips(number: int, open_bus: OpenBus) -> Iterator[Finding]:
    try:
        bus = open_bus(number)
    except SensorError as error:
        yield Finding(name="ina219", state="warn", found=str(error))
        return
    try:
        seen = [_chip(bus, address) for address in ADDRESSES]
    finally:
        bus.close()
    chips = [finding for finding in seen if finding is not None]
    yield from chips
    if not chips:
        yield Finding(
            name="ina219",
            state="info",
            found=f"nothing answers at 0x40 to 0x4F on bus {number}",
            fix="wire VCC to 3.3 V, GND, SDA to pin 3, SCL to pin 5; then run this again",
        )


def _chip(bus: I2cBus, address: int) -> Finding | None:
    place = f"at 0x{address:02X} on bus {bus.number}"
    try:
        chip = identify_free(bus, address)
    except DeviceNotRespondingError:
        return None
    except SensorError as error:
        return Finding(name="ina219", state="warn", found=str(error))
    if chip.sensor is None:
        return Finding(name="i2c-chip", state="info", found=f"{chip.name} {place}", fix=chip.advice)
    word = chip.configuration
    is_fresh = word == POWER_ON_WORDS[chip.sensor]
    state = "as after power-on" if is_fresh else f"configured before (0x{word:04X})"
    use = "" if chip.is_ina219 else f": {_use(chip.sensor, address)}"
    return Finding(name=chip.sensor, state="ok", found=f"{chip.name} {place}, {state}{use}")


def _use(sensor: str, address: int) -> str:
    """Return how to measure with a chip that has a pin of its own for the voltage."""
    where = f" --address 0x{address:02X}" if address != DEFAULT_ADDRESS else ""
    return f"--sensor {sensor}{where}, and the --shunt-ohm of its board; join its pin VBUS to VIN−"


def _kernel_monitors(found: DiscoveredSources) -> Iterator[Finding]:
    if not found.hwmon_chips:
        yield Finding(name="hwmon", state="info", found="no power monitor of the kernel")
    several = len(found.hwmon_chips) > 1
    for chip in found.hwmon_chips:
        choose = f": --hwmon-chip {chip.directory.name}" if several else ""
        channels = _channels(chip)
        found_here = f"{chip.name} in {chip.directory}{channels}{choose}"
        usable = any(channel.is_complete for channel in chip.channels)
        yield Finding(name="hwmon", state="ok" if usable else "info", found=found_here)


def _channels(chip: HwmonChip) -> str:
    """Return shunt or channels of a kernel monitor, and which of them can be measured."""
    if len(chip.channels) == 1:
        (only,) = chip.channels
        if not only.is_complete:
            return ", a current whose voltage no label tells"
        return f", shunt {only.shunt_ohm:g} ohm" if only.shunt_ohm else ""
    said = []
    for channel in chip.channels:
        shunt = f" {channel.shunt_ohm:g} ohm" if channel.shunt_ohm else ""
        off = "" if chip.is_on(channel) else " off"
        said.append(f"{channel.title}{shunt}{off}")
    return f", --hwmon-channel {', '.join(said)}"


def _plugins() -> Iterator[Finding]:
    for name, entry in find_plugins().items():
        yield Finding(
            name="plug-in", state="ok", found=f"--sensor {name}, brought by {entry.value}"
        )


def _counters(found: DiscoveredSources) -> Finding:
    if not found.rapl_packages:
        return Finding(name="rapl", state="info", found="no processor energy counters")
    names = ", ".join(package.name for package in found.rapl_packages)
    if found.rapl_readable:
        return Finding(name="rapl", state="ok", found=names)
    return Finding(
        name="rapl",
        state="info",
        found=f"{names}, readable by root alone",
        fix="sudo chmod a+r /sys/class/powercap/intel-rapl*/energy_uj (until the next boot)",
    )


def _has_pmic(found: DiscoveredSources, machine: Machine) -> bool:
    return found.vcgencmd is not None and (machine.board or "").startswith(PI_5)


def _board_supply(found: DiscoveredSources, machine: Machine) -> Finding:
    if _has_pmic(found, machine):
        return Finding(
            name="pi5-pmic",
            state="ok",
            found="the Raspberry Pi 5's own power chip: an estimate that leaves out 5 V loads",
        )
    return Finding(name="pi5-pmic", state="info", found="not a Raspberry Pi 5 with vcgencmd")


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None
