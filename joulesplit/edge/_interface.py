"""Which network interface the route to the server uses, and what it has counted."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from joulesplit.edge.errors import InterfaceNotFoundError

LOOPBACK_INTERFACE = "lo"
"""The interface by which nothing goes on the air."""
# Discard protocol, RFC 863. Connecting a UDP socket sends nothing.
DISCARD_PORT = 9
IPV6 = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceCounters:
    """What an interface has carried since it came up, link-layer headers included.

    Attributes:
        interface: Its name.
        tx_bytes: Sent, byte.
        rx_bytes: Received, byte.
        tx_packets: Sent, packets.
        rx_packets: Received, packets.
    """

    interface: str
    tx_bytes: int
    rx_bytes: int
    tx_packets: int
    rx_packets: int


def interface_counters(interface: str, root: Path = Path("/sys")) -> InterfaceCounters:
    """Return the kernel's counters of ``interface`` (Documentation/ABI sysfs-class-net-statistics).

    Args:
        interface: Its name, e.g. ``wlan0``.
        root: Where sysfs is mounted.

    Raises:
        InterfaceNotFoundError: There is no such interface.
    """
    statistics = root / "class" / "net" / interface / "statistics"

    def read(counter: str) -> int:
        return int((statistics / counter).read_text(encoding="ascii"))

    try:
        return InterfaceCounters(
            interface=interface,
            tx_bytes=read("tx_bytes"),
            rx_bytes=read("rx_bytes"),
            tx_packets=read("tx_packets"),
            rx_packets=read("rx_packets"),
        )
    except (OSError, ValueError) as error:
        raise InterfaceNotFoundError(
            f"interface {interface!r} has no counters in {statistics}; see `ip -s link`"
        ) from error


def route_interface(host: str) -> str:
    """Return the name of the interface by which packets to ``host`` leave.

    Nothing is sent: the kernel picks the route when a UDP socket is connected.

    Raises:
        InterfaceNotFoundError: The name does not resolve, or there is no route.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, DISCARD_PORT, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
            local_address = str(probe.getsockname()[0])
    except (OSError, UnicodeError) as error:
        raise InterfaceNotFoundError(
            f"no route to {host} ({error}); check the name and `ip route get {host}`"
        ) from error
    return interface_of_route(str(address[0]), local_address, _interface_addresses())


def interface_of_route(
    remote_address: str, local_address: str, addresses: Mapping[str, Iterable[str]]
) -> str:
    """Return the interface of a route, given the addresses of all interfaces.

    A machine reaches its own addresses over loopback, whichever interface carries them.

    Args:
        remote_address: IP address of the server.
        local_address: IP address the kernel would send from.
        addresses: IP addresses by interface.

    Raises:
        InterfaceNotFoundError: No interface carries the local address.
    """
    if remote_address == local_address or ip_address(_unscoped(remote_address)).is_loopback:
        return LOOPBACK_INTERFACE
    for interface, candidates in addresses.items():
        if _unscoped(local_address) in {_unscoped(candidate) for candidate in candidates}:
            return interface
    raise InterfaceNotFoundError(
        f"no interface carries {local_address}, the source address for {remote_address}; "
        "see `ip address`"
    )


def reachable_urls(
    url: str, addresses: Mapping[str, Iterable[str]] | None = None
) -> tuple[str, ...]:
    """Return the URLs under which other machines may reach a server of this one.

    Args:
        url: Where it listens, an address and a port; one that stands for all addresses, as
            ``http://0.0.0.0:8517``, becomes all that this machine has.
        addresses: IP addresses by interface; those of this machine if left out.

    Returns:
        None on loopback; link-local addresses are left out, they need a zone.
    """
    parts = urlsplit(url)
    address = ip_address(_unscoped(parts.hostname or ""))
    if address.is_loopback:
        return ()
    if not address.is_unspecified:
        return (url,)
    here = _interface_addresses() if addresses is None else addresses
    found = (ip_address(_unscoped(text)) for texts in here.values() for text in texts)
    return tuple(
        parts._replace(netloc=f"{f'[{one}]' if one.version == IPV6 else one}:{parts.port}").geturl()
        for one in sorted(set(found), key=lambda one: (one.version, one.packed))
        if not (one.is_loopback or one.is_link_local) and (one.version <= address.version)
    )


def _unscoped(address: str) -> str:
    """Return an address without its IPv6 zone (``fe80::1%wlan0``)."""
    return address.partition("%")[0]


def _interface_addresses() -> dict[str, list[str]]:
    import psutil

    families = (socket.AF_INET, socket.AF_INET6)
    return {
        interface: [entry.address for entry in entries if entry.family in families]
        for interface, entries in psutil.net_if_addrs().items()
    }
