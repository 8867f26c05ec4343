from __future__ import annotations

import pytest

from joulesplit.calibrate.environment import Machine, describe_device, throttled_reasons


@pytest.fixture
def pi4(tmp_path):
    """The files of a Raspberry Pi 4 that the facts come from."""
    files = {
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        "proc/meminfo": "MemTotal:        3884352 kB\nMemFree:          100 kB\n"
        "MemAvailable:    1048576 kB\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
        "sys/class/thermal/thermal_zone0/temp": "48686\n",
        "sys/class/net/wlan0/wireless/status": "",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    answers = {
        ("vcgencmd", "get_throttled"): "throttled=0x50005\n",
        ("iw", "dev", "wlan0", "get", "power_save"): "Power save: on\n",
    }
    return Machine(root=tmp_path, run=answers.get)


def test_facts_of_a_raspberry_pi_are_read_from_its_files(pi4):
    device = describe_device(pi4, "wlan0")

    assert device.board == "Raspberry Pi 4 Model B Rev 1.4"
    assert device.memory_bytes == 3884352 * 1024
    assert pi4.available_bytes == 2**30
    assert device.governor == "ondemand"
    assert device.wifi_power_save == "on"
    assert pi4.temperature_c == pytest.approx(48.686)


def test_power_save_is_not_asked_of_a_wired_interface(pi4):
    assert describe_device(pi4, "eth0").wifi_power_save is None


def test_throttled_bits_are_told_in_words(pi4):
    assert pi4.throttled_bits == 0x50005
    assert throttled_reasons(0x50005) == (
        "under-voltage now",
        "throttled now",
        "under-voltage has occurred",
        "throttling has occurred",
    )


def test_an_unknown_fact_is_none_and_never_a_guess(tmp_path):
    bare = Machine(root=tmp_path, run=lambda _: None)

    device = describe_device(bare, "wlan0")

    assert device.board is None
    assert (device.machine, device.kernel) == ("unknown", "unknown")
    assert (device.cpu_count, device.hostname) == (None, None)
    assert device.governor is None
    assert device.memory_bytes is None
    assert bare.available_bytes is None
    assert bare.temperature_c is None
    assert bare.throttled_bits is None


@pytest.mark.parametrize(
    "answer",
    ['error=1 error_msg="Command not registered"', 'error=2 error_msg="Invalid arguments"', ""],
)
def test_a_firmware_that_knows_no_throttling_says_nothing_of_it(answer):
    machine = Machine(run=lambda _: answer)
    assert machine.throttled_bits is None
