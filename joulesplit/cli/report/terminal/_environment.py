"""The machine's environment in a profile, for people; what was not recorded is left out."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from joulesplit.calibrate.environment import throttled_reasons
from joulesplit.calibrate.profile import Device, FrequencyPolicy, WifiLink
from joulesplit.metrology import si

Row = tuple[str, RenderableType]


def environment_rows(device: Device) -> list[Row]:
    """Return what is recorded of a device's environment beyond its basic facts."""
    return [*_board(device), *_state(device), *_attached(device)]


def _board(device: Device) -> Iterator[Row]:
    if device.soc or device.revision:
        yield "SoC, revision", f"{device.soc or '?'}, {device.revision or '?'}"
    if device.system:
        yield "distribution", device.system
    for policy in device.frequencies or ():
        yield f"clock {policy.name}", _policy(policy)
    if device.swap_bytes is not None:
        used = si(device.swap_used_bytes or 0, "byte")
        total = si(device.swap_bytes, "byte")
        yield "swap", f"{total}, {used} in use" if device.swap_bytes else "none"


def _policy(policy: FrequencyPolicy) -> str:
    bounds = [hertz for hertz in (policy.minimum_hz, policy.maximum_hz) if hertz is not None]
    text = " … ".join(si(hertz, "Hz") for hertz in bounds) or "bounds unknown"
    now = f", {si(policy.current_hz, 'Hz')} when described" if policy.current_hz else ""
    return f"{policy.governor or 'unknown'}, {text}{now}"


def _state(device: Device) -> Iterator[Row]:
    for setting in device.tuned:
        what = f"{setting.during} while measured, {setting.before} before and after"
        yield f"tuned {setting.name}", what
    for zone, celsius in (device.temperatures_c or {}).items():
        yield f"temperature {zone}", f"{celsius:.1f} °C"
    if device.throttled_bits is not None:
        reasons = ", ".join(throttled_reasons(device.throttled_bits)) or "never since boot"
        yield "throttling", reasons
    if device.under_voltage is not None:
        yield "supply", "under voltage" if device.under_voltage else "voltage sufficient"
    if device.load_average is not None:
        yield "load average", " ".join(f"{load:.2f}" for load in device.load_average)
    if device.wifi is not None:
        yield f"radio {device.wifi.interface}", _radio(device.wifi)


def _radio(wifi: WifiLink) -> str:
    parts = [wifi.driver, f"power save {wifi.power_save}" if wifi.power_save else None]
    if wifi.signal_dbm is not None:
        parts.append(f"{wifi.signal_dbm:.0f} dBm".replace("-", "−"))
    if wifi.tx_rate_bit_per_s is not None:
        parts.append(f"sends at {si(wifi.tx_rate_bit_per_s, 'bit/s')} PHY")
    if wifi.frequency_hz is not None:
        parts.append(f"on {si(wifi.frequency_hz, 'Hz', 4)}")
    return ", ".join(part for part in parts if part) or "nothing known"


def _attached(device: Device) -> Iterator[Row]:
    if device.usb is not None:
        yield "USB", ", ".join(device.usb) or "nothing"
    if device.displays is not None:
        yield "displays", ", ".join(device.displays) or "none"
    for bus, hertz in (device.i2c_clock_hz or {}).items():
        yield f"clock {bus}", si(hertz, "Hz")
    if device.libraries:
        yield "libraries", ", ".join(f"{name} {v}" for name, v in device.libraries.items())
