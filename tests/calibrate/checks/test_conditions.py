from __future__ import annotations

import msgspec
import pytest

from joulesplit.calibrate.checks import condition_checks
from joulesplit.calibrate.environment import Conditions
from machine_state import STEADY

BEFORE = msgspec.structs.replace(STEADY, throttled_bits=0x50000)
AFTER = msgspec.structs.replace(
    BEFORE,
    uptime_s=200.0,
    temperatures_c={"cpu-thermal": 55.0},
    capacity_ticks=80_000,
    busy_ticks=11_000,
    own_ticks=10_000,
    received_bytes=60_000,
    sent_bytes=1_120_000,
)
OWN_BYTES = 1_000_000


def outcomes(before, after):
    return {check.name: check for check in condition_checks(before, after, own_bytes=OWN_BYTES)}


def test_a_quiet_campaign_passes_every_check_although_the_board_was_throttled_before():
    checks = outcomes(BEFORE, AFTER)

    assert set(checks) == {
        "frequency-moved", "temperature-moved", "temperature", "throttled-during", "supply-alarm",
        "power-save-changed", "route-changed", "foreign-cpu", "foreign-traffic",
    }  # fmt: skip
    assert {check.outcome for check in checks.values()} == {"pass"}
    assert all(not check.advice for check in checks.values())


@pytest.mark.parametrize(
    ("name", "outcome", "changes"),
    [
        ("frequency-moved", "warn", {"frequencies_hz": {"policy0": 1_500_000_000}}),
        ("temperature-moved", "warn", {"temperatures_c": {"cpu-thermal": 39.0}}),
        ("throttled-during", "fail", {"throttled_bits": 0xD0000}),
        ("throttled-during", "fail", {"throttled_bits": 0x50002}),
        ("supply-alarm", "fail", {"under_voltage": True}),
        ("power-save-changed", "fail", {"power_save": "on"}),
        ("foreign-cpu", "warn", {"own_ticks": 900}),
        ("foreign-traffic", "warn", {"received_bytes": 1_200_000}),
    ],
)
def test_what_moved_trips_its_own_check_alone_and_says_what_to_do(name, outcome, changes):
    checks = outcomes(BEFORE, msgspec.structs.replace(AFTER, **changes))
    troubled = {check.name: check for check in checks.values() if check.outcome != "pass"}

    assert list(troubled) == [name]
    assert troubled[name].outcome == outcome
    assert troubled[name].advice
    assert troubled[name].value > troubled[name].limit


def test_a_route_that_moved_is_told_and_its_traffic_is_not_compared():
    checks = outcomes(BEFORE, msgspec.structs.replace(AFTER, interface="eth0"))

    assert checks["route-changed"].outcome == "fail"
    assert "from wlan0 to eth0" in checks["route-changed"].advice
    assert "foreign-traffic" not in checks


def test_a_hot_board_is_told_even_if_it_stayed_as_hot():
    hot = {"temperatures_c": {"cpu-thermal": 82.0}}
    checks = outcomes(msgspec.structs.replace(BEFORE, **hot), msgspec.structs.replace(AFTER, **hot))

    assert checks["temperature"].outcome == "warn"
    assert checks["temperature-moved"].outcome == "pass"


def test_foreign_load_is_what_neither_idled_nor_was_ours():
    """10,000 ticks were charged, 9,100 of them to us, of 40,000 that the processors had."""
    assert outcomes(BEFORE, AFTER)["foreign-cpu"].value == pytest.approx(900 / 40_000)


def test_foreign_traffic_is_what_our_own_payload_does_not_explain():
    """1.15 MB went over the interface for 1 MB of ours; 50 kB/s more for 100 s is foreign."""
    assert outcomes(BEFORE, AFTER)["foreign-traffic"].value == pytest.approx(0.0, abs=1e-6)
    noisy = msgspec.structs.replace(AFTER, sent_bytes=AFTER.sent_bytes + 5_000_000)
    assert outcomes(BEFORE, noisy)["foreign-traffic"].value == pytest.approx(50_000)


def test_what_is_not_known_at_both_moments_is_not_checked():
    bare = Conditions(uptime_s=None, temperatures_c={}, frequencies_hz={}, under_voltage=None)

    assert condition_checks(bare, bare) == ()
    assert condition_checks(bare, AFTER)[0].name == "supply-alarm"


@pytest.mark.parametrize(
    ("name", "limit", "changes"),
    [
        ("frequency-moved", 0.01, lambda x: {"frequencies_hz": {"policy0": 1.8e9 * (1 - x)}}),
        ("temperature-moved", 10.0, lambda x: {"temperatures_c": {"cpu-thermal": 50.0 + x}}),
        ("temperature", 80.0, lambda x: {"temperatures_c": {"cpu-thermal": x}}),
        ("foreign-cpu", 0.05, lambda x: {"own_ticks": 900 + 10_000 - round(40_000 * x)}),
        ("foreign-traffic", 10e3, lambda x: {"received_bytes": 60_000 + round(100 * x)}),
    ],
)
def test_just_inside_its_limit_a_check_passes_and_just_outside_it_does_not(name, limit, changes):
    inside, outside = (
        outcomes(BEFORE, msgspec.structs.replace(AFTER, **changes(share * limit)))[name]
        for share in (0.99, 1.01)
    )

    assert (inside.value, outside.value) == pytest.approx((0.99 * limit, 1.01 * limit))
    assert (inside.outcome, outside.outcome) == ("pass", "warn")


@pytest.mark.parametrize("bits", [0x50001, 0x50002, 0x50004, 0x50008, 0x70000, 0xD0000])
def test_any_bit_of_throttling_that_holds_or_appeared_fails(bits):
    checks = outcomes(BEFORE, msgspec.structs.replace(AFTER, throttled_bits=bits))
    assert checks["throttled-during"].outcome == "fail"
