"""Facts about the machine that a profile records, read through injectable roots.

An unknown fact is None.
"""

from __future__ import annotations

import platform

from joulesplit.calibrate.environment._board import (
    attached_displays,
    i2c_clocks_hz,
    library_versions,
    load_average,
    revision,
    soc,
    swap_bytes,
    system,
    usb_devices,
)
from joulesplit.calibrate.environment._cpu import frequency_policies, temperatures_c, under_voltage
from joulesplit.calibrate.environment._kernel import (
    architecture,
    hostname,
    processor_count,
    release,
    userland_bits,
)
from joulesplit.calibrate.environment._machine import Machine
from joulesplit.calibrate.environment._network import wifi_link
from joulesplit.calibrate.profile import Device, TunedSetting

__all__ = ["THROTTLED_BITS", "Machine", "describe_device", "throttled_reasons"]

THROTTLED_BITS = {
    0: "under-voltage now",
    1: "ARM frequency capped now",
    2: "throttled now",
    3: "soft temperature limit now",
    16: "under-voltage has occurred",
    17: "ARM frequency capping has occurred",
    18: "throttling has occurred",
    19: "soft temperature limit has occurred",
}
"""Bits of `vcgencmd get_throttled` (Raspberry Pi documentation, vcgencmd)."""


UNKNOWN = "unknown"
"""Stands for an unknown fact where the format of profiles asks for a text."""


def throttled_reasons(bits: int) -> tuple[str, ...]:
    """Return what the set bits mean."""
    return tuple(text for bit, text in THROTTLED_BITS.items() if bits >> bit & 1)


def describe_device(
    machine: Machine, link_interface: str | None, *, tuned: tuple[TunedSetting, ...] = ()
) -> Device:
    """Return the facts that a profile records.

    Args:
        machine: Where to read them.
        link_interface: Interface of the uplink, for its radio.
        tuned: What was set for the measurement.
    """
    wifi = wifi_link(machine, link_interface) if link_interface else None
    swap, swap_used = swap_bytes(machine) or (None, None)
    return Device(
        board=machine.board,
        machine=architecture(machine) or UNKNOWN,
        userland_bits=userland_bits(machine),
        kernel=release(machine) or UNKNOWN,
        python=platform.python_version(),
        cpu_count=processor_count(machine),
        memory_bytes=machine.memory_bytes,
        governor=machine.governor,
        wifi_power_save=wifi.power_save if wifi else None,
        hostname=hostname(machine),
        revision=revision(machine),
        soc=soc(machine),
        system=system(machine),
        frequencies=frequency_policies(machine),
        temperatures_c=temperatures_c(machine) or None,
        throttled_bits=machine.throttled_bits,
        under_voltage=under_voltage(machine),
        swap_bytes=swap,
        swap_used_bytes=swap_used,
        usb=usb_devices(machine),
        displays=attached_displays(machine),
        wifi=wifi,
        i2c_clock_hz=i2c_clocks_hz(machine),
        libraries=library_versions(),
        load_average=load_average(machine),
        tuned=tuned,
    )
