"""Network interfaces: what kind, how much they carried, and the state of a radio."""

from __future__ import annotations

import re

from joulesplit.calibrate.environment._machine import RADIO_SIGNS, Machine
from joulesplit.calibrate.errors import LinkKindError
from joulesplit.calibrate.profile import InterfaceKind, WifiLink

NET = "sys/class/net"

LOOPBACK_TYPE, ETHERNET_TYPE = 772, 1
"""ARPHRD_LOOPBACK and ARPHRD_ETHER (kernel, include/uapi/linux/if_arp.h)."""

MBIT = 1e6


def interface_kind(machine: Machine, interface: str) -> InterfaceKind | None:
    """Return what kind of interface it is, by sysfs; None if there is no such interface.

    A wired interface has hardware behind it (``device``); a bridge, a tunnel or the end of a
    container's pair says it is Ethernet too, but has none.
    """
    base = f"{NET}/{interface}"
    if not interface or not (machine.root / base).exists():
        return None
    kind = machine.number(f"{base}/type")
    if kind == LOOPBACK_TYPE:
        return "loopback"
    if any((machine.root / base / name).exists() for name in RADIO_SIGNS):
        return "wifi"
    has_hardware = (machine.root / base / "device").exists()
    return "ethernet" if kind == ETHERNET_TYPE and has_hardware else "other"


def require_link(expected: InterfaceKind, interface: str, kind: InterfaceKind | None) -> None:
    """Refuse to measure a link that is not of the kind it will be called.

    Args:
        expected: What the user says it is.
        interface: By which the route to the server leaves.
        kind: Of that interface.

    Raises:
        LinkKindError: It is another kind, or cannot be told.
    """
    if kind == expected:
        return
    found = f"a {kind} interface" if kind else "an interface of unknown kind"
    instead = f"give --link {kind}" if kind else "leave out --link"
    raise LinkKindError(
        f"the route to the edge server leaves by {interface}, {found}, so its energy per bit is "
        f"not that of {expected}: see `ip route get SERVER` and disable {interface}, or {instead}"
    )


def traffic_bytes(machine: Machine, interface: str) -> tuple[int, int] | None:
    """Return what an interface has received and sent since it came up, byte."""
    received = machine.number(f"{NET}/{interface}/statistics/rx_bytes")
    sent = machine.number(f"{NET}/{interface}/statistics/tx_bytes")
    return None if received is None or sent is None else (received, sent)


def wifi_link(machine: Machine, interface: str) -> WifiLink | None:
    """Return the state of a radio; None if the interface is none."""
    if interface_kind(machine, interface) != "wifi":
        return None
    printed = machine.run(("iw", "dev", interface, "link")) or ""
    quality, level = _quality(machine, interface)
    signal = _number(r"signal:\s*(-?[\d.]+) dBm", printed)
    return WifiLink(
        interface=interface,
        driver=_driver(machine, interface),
        power_save=machine.wifi_power_save(interface),
        signal_dbm=level if signal is None else signal,
        link_quality=quality,
        tx_rate_bit_per_s=_scaled(_number(r"tx bitrate:\s*([\d.]+) MBit/s", printed)),
        rx_rate_bit_per_s=_scaled(_number(r"rx bitrate:\s*([\d.]+) MBit/s", printed)),
        frequency_hz=_scaled(_number(r"freq:\s*([\d.]+)", printed)),
    )


def _driver(machine: Machine, interface: str) -> str | None:
    link = machine.root / NET / interface / "device/driver"
    return link.readlink().name if link.is_symlink() else None


def _quality(machine: Machine, interface: str) -> tuple[float | None, float | None]:
    """Return link quality and level, dBm, from ``/proc/net/wireless``."""
    for line in (machine.text("proc/net/wireless") or "").splitlines():
        name, separator, rest = line.partition(":")
        if separator and name.strip() == interface:
            fields = rest.split()
            return float(fields[1]), float(fields[2])
    return None, None


def _number(pattern: str, text: str) -> float | None:
    match = re.search(pattern, text)
    return float(match[1]) if match else None


def _scaled(value: float | None) -> float | None:
    return None if value is None else value * MBIT
