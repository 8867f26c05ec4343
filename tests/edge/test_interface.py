from __future__ import annotations

import pytest

from joulesplit.edge import interface_counters, reachable_urls, route_interface
from joulesplit.edge._interface import interface_of_route
from joulesplit.edge.errors import InterfaceNotFoundError

# `ip -s link` and `ip address` of a Raspberry Pi 4 with both interfaces up.
RECORDED = {
    "lo": {"tx_bytes": 48211, "rx_bytes": 48211, "tx_packets": 512, "rx_packets": 512},
    "wlan0": {
        "tx_bytes": 6_442_451_021,
        "rx_bytes": 812_345_678,
        "tx_packets": 4_411_000,
        "rx_packets": 2_100_345,
    },
}
ADDRESSES = {
    "lo": ["127.0.0.1", "::1"],
    "eth0": ["169.254.7.7", "fe80::2%eth0"],
    "wlan0": ["192.168.1.40", "fe80::1%wlan0"],
}


@pytest.fixture
def recorded_root(tmp_path):
    for interface, counters in RECORDED.items():
        statistics = tmp_path / "class" / "net" / interface / "statistics"
        statistics.mkdir(parents=True)
        for name, count in counters.items():
            (statistics / name).write_text(f"{count}\n", encoding="ascii")
    return tmp_path


def test_counters_are_the_kernels_and_may_exceed_32_bits(recorded_root):
    counters = interface_counters("wlan0", recorded_root)
    assert counters.interface == "wlan0"
    assert {name: getattr(counters, name) for name in RECORDED["wlan0"]} == RECORDED["wlan0"]


def test_an_interface_that_is_not_there_is_named_in_the_error(recorded_root):
    with pytest.raises(InterfaceNotFoundError, match=r"'eth9'.*ip -s link"):
        interface_counters("eth9", recorded_root)


@pytest.mark.parametrize(
    ("remote", "local", "interface"),
    [
        ("192.168.1.7", "192.168.1.40", "wlan0"),
        ("169.254.9.9", "169.254.7.7", "eth0"),
        ("fe80::9%wlan0", "fe80::1%wlan0", "wlan0"),
        ("127.0.0.1", "127.0.0.1", "lo"),
        ("127.0.0.5", "127.0.0.1", "lo"),
        ("::1", "::1", "lo"),
        ("192.168.1.40", "192.168.1.40", "lo"),  # its own address: over loopback
    ],
)
def test_the_interface_of_a_route_carries_the_source_address(remote, local, interface):
    assert interface_of_route(remote, local, ADDRESSES) == interface


def test_a_source_address_nobody_carries_is_an_error():
    with pytest.raises(InterfaceNotFoundError, match=r"10\.0\.0\.1"):
        interface_of_route("10.0.0.2", "10.0.0.1", ADDRESSES)


def test_this_machine_reaches_itself_over_a_loopback_that_counts():
    interface = route_interface("localhost")
    assert interface == "lo"
    assert interface_counters(interface).tx_bytes >= 0


def test_a_host_without_an_address_is_an_error():
    # An empty label: no resolver has to be asked.
    with pytest.raises(InterfaceNotFoundError, match=r"no route to pi\.\.local"):
        route_interface("pi..local")


@pytest.mark.parametrize(
    ("listening", "urls"),
    [
        ("http://0.0.0.0:8517", ["http://10.0.0.2:8517", "http://192.168.1.5:8517"]),
        (
            "http://[::]:8517",
            ["http://10.0.0.2:8517", "http://192.168.1.5:8517", "http://[2001:db8::5]:8517"],
        ),
        ("http://10.0.0.2:8517", ["http://10.0.0.2:8517"]),
        ("http://127.0.0.1:8517", []),
    ],
)
def test_a_server_is_reached_at_each_address_that_leaves_the_machine(listening, urls):
    addresses = {
        "lo": ["127.0.0.1", "::1"],
        "wlan0": ["192.168.1.5", "fe80::1%wlan0", "2001:db8::5"],
        "eth0": ["10.0.0.2", "192.168.1.5"],
    }
    assert list(reachable_urls(listening, addresses)) == urls
