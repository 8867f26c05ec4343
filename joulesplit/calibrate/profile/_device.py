"""The measured machine and the way to the server, as a profile records them. Plain data.

Part of the data contract. An unknown fact is None or absent, never a guess; facts that
a file does not have came with a later tool.
"""

from __future__ import annotations

from typing import Literal

import msgspec

InterfaceKind = Literal["wifi", "ethernet", "loopback", "other"]
"""``other`` is anything virtual: a bridge, tunnel or container's end."""


class FrequencyPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Processors that share one clock (cpufreq).

    Attributes:
        name: As the kernel names it, e.g. ``policy0``.
        processors: How many it rules; None if not said.
        minimum_hz, maximum_hz: Bounds that the governor keeps to, Hz.
        current_hz: When the device was described, Hz.
        hardware_maximum_hz: What the processor could do, Hz.
    """

    name: str
    governor: str | None
    processors: int | None = None
    minimum_hz: int | None = None
    maximum_hz: int | None = None
    current_hz: int | None = None
    hardware_maximum_hz: int | None = None


class WifiLink(msgspec.Struct, frozen=True, kw_only=True):
    """A radio and its association; neither network name nor addresses are recorded.

    Attributes:
        driver: Kernel driver.
        power_save: ``on`` or ``off``.
        signal_dbm: RSSI, dBm.
        link_quality: As ``/proc/net/wireless`` gives it (for most drivers of 70).
        tx_rate_bit_per_s, rx_rate_bit_per_s: PHY rates, bit/s.
        frequency_hz: Of the channel, Hz.
    """

    interface: str
    driver: str | None = None
    power_save: str | None = None
    signal_dbm: float | None = None
    link_quality: float | None = None
    tx_rate_bit_per_s: float | None = None
    rx_rate_bit_per_s: float | None = None
    frequency_hz: float | None = None


class TunedSetting(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was set for the campaign, and set back when it ended.

    Attributes:
        target: ``governor`` or ``wifi-power-save``.
        name: Of the frequency policy or interface.
        before: What it was.
        during: What it was set to.
    """

    target: str
    name: str
    before: str
    during: str


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that was measured; an unknown fact is None, never a guess.

    Attributes:
        machine: The kernel's architecture.
        userland_bits: Of the programs; 32-bit ones may run under a 64-bit kernel.
        revision: Revision code of a Raspberry Pi, hexadecimal.
        soc: System on chip, as the device tree names it.
        temperatures_c: By thermal zone, °C.
        throttled_bits: As ``vcgencmd get_throttled`` gives them.
        under_voltage: The kernel's alarm of the supply (``rpi_volt``).
        swap_bytes, swap_used_bytes: Swap space and what of it was in use, byte.
        usb: Devices by vendor and product, hubs of the board included.
        displays: Connectors with something attached.
        i2c_clock_hz: By bus, Hz.
        libraries: Versions of what takes part in a measurement.
        load_average: Over 1, 5 and 15 min.
        tuned: What ``calibrate --tune`` had set; empty if it set nothing.
    """

    board: str | None
    machine: str
    kernel: str
    python: str
    cpu_count: int | None
    memory_bytes: int | None
    governor: str | None
    wifi_power_save: str | None
    hostname: str | None = None
    revision: str | None = None
    soc: str | None = None
    system: str | None = None
    frequencies: tuple[FrequencyPolicy, ...] | None = None
    temperatures_c: dict[str, float] | None = None
    throttled_bits: int | None = None
    under_voltage: bool | None = None
    swap_bytes: int | None = None
    swap_used_bytes: int | None = None
    usb: tuple[str, ...] | None = None
    displays: tuple[str, ...] | None = None
    wifi: WifiLink | None = None
    i2c_clock_hz: dict[str, int] | None = None
    libraries: dict[str, str] | None = None
    load_average: tuple[float, float, float] | None = None
    userland_bits: int | None = None
    tuned: tuple[TunedSetting, ...] = ()


class MergedSource(msgspec.Struct, frozen=True, kw_only=True):
    """One of the profiles that a merged profile was pooled from.

    Attributes:
        created: As it says itself, ISO 8601.
        sha256: Of its content, to recognise it.
        compute_weight, link_weight, idle_weight: Its share of each part; they sum to 1 over the
            profiles. None where the profiles lack the part.
    """

    created: str
    sha256: str
    compute_weight: float
    link_weight: float | None
    idle_weight: float | None
