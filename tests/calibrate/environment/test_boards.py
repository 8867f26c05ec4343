"""What is read on four boards. Their listings are in ``machines``, with where they come from."""

from __future__ import annotations

import os

import pytest

from joulesplit.calibrate.environment import (
    UNKNOWN,
    Machine,
    describe_device,
    interface_kind,
    require_link,
    snapshot,
)
from joulesplit.calibrate.environment._network import wifi_link
from joulesplit.calibrate.errors import LinkKindError
from joulesplit.calibrate.profile import FrequencyPolicy, WifiLink

BOARDS = ("pi3", "pi4", "pi5", "zero2w")


@pytest.mark.parametrize(
    ("board", "revision", "soc", "memory_kb", "swap_kb"),
    [
        ("pi3", "a020d3", "BCM2837", 931012, 102396),
        ("pi4", "c03114", "BCM2711", 3884352, 524272),
        ("pi5", "d04170", "BCM2712", 8256368, 2097136),
        ("zero2w", "902120", "BCM2837", 437744, 102396),
    ],
)
def test_a_board_is_told_by_its_device_tree(
    machine_of, *, board, revision, soc, memory_kb, swap_kb
):
    device = describe_device(machine_of(board), "wlan0")

    assert (device.revision, device.soc) == (revision, soc)
    assert device.memory_bytes == memory_kb * 1024
    assert device.swap_bytes == swap_kb * 1024
    assert device.swap_used_bytes == 1024 * 1024
    assert device.system.startswith("Debian GNU/Linux 1")


@pytest.mark.parametrize("board", BOARDS)
def test_a_recorded_tree_says_nothing_of_the_machine_that_reads_it(machine_of, board):
    device = describe_device(machine_of(board), None)

    assert (device.machine, device.cpu_count, device.hostname) == ("aarch64", 4, board)
    assert device.kernel.endswith("+rpt-rpi-2712" if board == "pi5" else "+rpt-rpi-v8")


def test_every_board_says_its_clocks_and_what_its_governor_allows(machine_of):
    frequencies = {board: describe_device(machine_of(board), None).frequencies for board in BOARDS}

    assert frequencies["pi5"] == (
        FrequencyPolicy(
            name="policy0",
            governor="ondemand",
            processors=4,
            minimum_hz=1_500_000_000,
            maximum_hz=2_400_000_000,
            current_hz=2_400_000_000,
            hardware_maximum_hz=2_400_000_000,
        ),
    )
    tops = [policies[0].hardware_maximum_hz for policies in frequencies.values()]
    assert tops == [1_400_000_000, 1_800_000_000, 2_400_000_000, 1_000_000_000]


def test_throttling_and_the_supply_alarm_are_told_apart_from_a_healthy_board(machine_of):
    sick, healthy = (describe_device(machine_of(board), None) for board in ("pi3", "pi4"))

    assert (sick.throttled_bits, sick.under_voltage) == (0x50005, True)
    assert (healthy.throttled_bits, healthy.under_voltage) == (0, False)


def test_what_hangs_on_the_board_is_listed(machine_of):
    pi4, pi5, zero = (describe_device(machine_of(b), None) for b in ("pi4", "pi5", "zero2w"))

    assert pi4.displays == ("HDMI-A-1",)
    assert pi5.displays == ()
    assert zero.displays is None, "no display driver: not known to be without display"
    assert pi4.usb[0] == "2109:3431 USB2.0 Hub"
    assert pi5.i2c_clock_hz == {"i2c-1": 400_000, "i2c-13": 97_500, "i2c-14": 97_500}
    assert [name.split()[0] for name in pi5.usb] == ["1d6b:0002", "1d6b:0003"] * 2
    assert zero.i2c_clock_hz is None
    assert pi4.temperatures_c == {"cpu-thermal": 48.686}
    assert pi4.load_average == (0.08, 0.03, 0.01)
    assert pi4.libraries["numpy"]


def test_the_radio_is_read_without_the_network_s_name_or_address(machine_of):
    device = describe_device(machine_of("pi5"), "wlan0")

    assert device.wifi == WifiLink(
        interface="wlan0",
        driver="brcmfmac",
        power_save="on",
        signal_dbm=-46.0,
        link_quality=64.0,
        tx_rate_bit_per_s=433.3e6,
        rx_rate_bit_per_s=325e6,
        frequency_hz=5500e6,
    )
    assert "Example" not in repr(device)
    assert "02:00" not in repr(device)


def test_signal_is_known_without_iw(machine_of):
    silent = Machine(root=machine_of("zero2w").root, run=lambda _: None)
    link = wifi_link(silent, "wlan0")

    assert (link.signal_dbm, link.link_quality) == (-66.0, 44.0)
    assert (link.power_save, link.tx_rate_bit_per_s, link.frequency_hz) == (None, None, None)


def test_a_wired_interface_has_no_radio(machine_of):
    device = describe_device(machine_of("pi4"), "eth0")

    assert device.wifi is None
    assert device.wifi_power_save is None


@pytest.mark.parametrize(
    ("interface", "kind"),
    [
        ("lo", "loopback"),
        ("wlan0", "wifi"),
        ("eth0", "ethernet"),
        ("wg0", "other"),
        ("docker0", "other"),
        ("nosuch0", None),
        ("", None),
    ],
)
def test_an_interface_is_what_its_hardware_says_and_not_its_name(machine_of, interface, kind):
    assert interface_kind(machine_of("pi4"), interface) == kind


@pytest.mark.parametrize("signs", [("wireless",), ("phy80211",), ("wireless", "phy80211")])
def test_a_radio_is_one_by_either_sign_of_the_kernel(tmp_path, signs):
    for sign in signs:
        (tmp_path / "sys/class/net/wlan1" / sign).mkdir(parents=True)
    (tmp_path / "sys/class/net/eth0").mkdir()
    machine = Machine(root=tmp_path, run=lambda _: None)

    assert machine.wireless_interfaces == ("wlan1",)
    assert interface_kind(machine, "wlan1") == "wifi"


@pytest.mark.parametrize(
    ("online", "count"), [("0", 1), ("0-3", 4), ("0,2-3", 3), ("0-1,4-7,9", 7)]
)
def test_processors_are_counted_by_their_ranges(tmp_path, online, count):
    file = tmp_path / "sys/devices/system/cpu/online"
    file.parent.mkdir(parents=True)
    file.write_text(f"{online}\n")
    assert describe_device(Machine(root=tmp_path), None).cpu_count == count


@pytest.mark.parametrize("kind", ["ethernet", "loopback", "other", None])
def test_an_upload_that_leaves_otherwise_is_not_called_wifi(kind):
    with pytest.raises(LinkKindError, match="leaves by eth7") as refused:
        require_link("wifi", "eth7", kind)
    assert "\n" not in str(refused.value)


def test_an_upload_over_the_expected_link_goes_ahead():
    require_link("wifi", "wlan0", "wifi")


@pytest.mark.parametrize("board", BOARDS)
def test_a_snapshot_reads_the_state_and_asks_commands_only_if_thorough(machine_of, board):
    machine = machine_of(board)
    silent = Machine(root=machine.root, run=lambda line: pytest.fail(f"ran {line}"))

    cheap = snapshot(silent, interface="wlan0")
    thorough = snapshot(machine, interface="wlan0", thorough=True)

    assert cheap.uptime_s == pytest.approx(3600.25)
    assert (cheap.capacity_ticks, cheap.busy_ticks) == (1_428_900, 28_100)
    assert (cheap.received_bytes, cheap.sent_bytes) == (1_200_000, 900_000)
    assert cheap.temperatures_c == thorough.temperatures_c
    assert cheap.frequencies_hz["policy0"] >= 600_000_000
    assert (cheap.throttled_bits, cheap.power_save) == (None, None)
    assert thorough.power_save in ("on", "off")
    assert thorough.throttled_bits in (0, 0x50005)


def test_our_own_processor_time_includes_what_we_started(tmp_path):
    ticks = {10: (100, 20), 11: (30, 5), 12: (7, 1), 99: (9999, 9999)}
    for process, (user, kernel) in ticks.items():
        path = tmp_path / f"proc/{process}/task/{process}/children"
        path.parent.mkdir(parents=True)
        path.write_text({10: "11 ", 11: "12 "}.get(process, ""))
        # The name of a command may look like the fields that follow it.
        fields = f"{process} (a) b (c) S 1 1 1 0 -1 0 0 0 0 0 {user} {kernel} 0 0 20 0 1 0 5"
        (tmp_path / f"proc/{process}/stat").write_text(fields)

    state = snapshot(Machine(root=tmp_path, run=lambda _: None), own_processes=[10])

    assert state.own_ticks == 163


def test_this_very_machine_can_be_looked_at():
    machine = Machine()
    state = snapshot(machine, interface="lo", own_processes=[os.getpid()])

    assert state.own_ticks >= 0
    assert state.busy_ticks <= state.capacity_ticks
    assert state.sent_bytes == state.received_bytes
    assert interface_kind(machine, "lo") == "loopback"
    device = describe_device(machine, "lo")
    assert (device.kernel, device.hostname) == (os.uname().release, os.uname().nodename)
    assert device.cpu_count == os.cpu_count()
    assert device.machine != UNKNOWN
