from __future__ import annotations

import msgspec
import pytest

from calibrate.checks import Evidence, judge
from calibrate.profile import Quantity
from calibrate.sampling import SamplerStatistics
from calibrate.window import WindowRecord, WindowTask

QUANTITY = Quantity(value=1e9, unit="FLOP/J", ci95=(0.99e9, 1.01e9), u_stat=1e6, u_sys=5e6, n=9)


def record(number: int, kind: str = "control", **fields) -> WindowRecord:
    plain = WindowRecord(
        task=WindowTask(kind=kind, subject="block 1", block=1, repetitions=5),
        started_ns=number * 10**9,
        work_s=0.5,
        idle_s=0.3,
        airtime_s=0.0,
        payload_bits=0,
        gross_j=1.6,
        net_j=0.6,
        idle_power_w=2.0,
        idle_step_w=0.0,
        peak_power_w=3.2,
        minimum_voltage_v=4.98,
        lost_s=0.0,
        readings=50,
        clipped=0,
        resets=0,
    )
    return msgspec.structs.replace(plain, **fields)


def evidence(**fields) -> Evidence:
    plain = {
        "records": [record(n) for n in range(10)],
        "sampling": SamplerStatistics(readings=500, lost=0, clipped=0, cpu_fraction=0.02),
        "throttled_bits": 0,
        "e_d": QUANTITY,
        "e_c": QUANTITY,
        "loopback": False,
        "simulated": False,
    }
    return Evidence(**(plain | fields))


def test_a_clean_campaign_is_valid():
    quality = judge(evidence())

    assert quality.verdict == "valid"
    assert {check.outcome for check in quality.checks} == {"pass"}


SAMPLING = SamplerStatistics(readings=500, lost=0, clipped=0, cpu_fraction=None)
WIDE = msgspec.structs.replace(QUANTITY, ci95=(0.9e9, 1.1e9))


@pytest.mark.parametrize(
    ("name", "verdict", "fields"),
    [
        (
            "lost-conversions",
            "suspect",
            {"sampling": SamplerStatistics(readings=500, lost=6, clipped=0, cpu_fraction=None)},
        ),
        (
            "clipped-readings",
            "rejected",
            {"sampling": SamplerStatistics(readings=500, lost=0, clipped=1, cpu_fraction=None)},
        ),
        ("chip-resets", "rejected", {"records": [record(1), record(2, resets=1), record(3)]}),
        (
            "idle-drift",
            "suspect",
            {"records": [record(n, idle_power_w=2.0 + 0.01 * n) for n in range(10)]},
        ),
        (
            "control-repeat",
            "suspect",
            {"records": [record(n, net_j=0.6 + 0.005 * n) for n in range(10)]},
        ),
        (
            "supply-voltage",
            "suspect",
            {"records": [record(1), record(2, minimum_voltage_v=4.6), record(3)]},
        ),
        ("throttling", "rejected", {"throttled_bits": 0x4}),
        ("e_d-interval", "suspect", {"e_d": WIDE}),
        ("e_c-interval", "suspect", {"e_c": WIDE}),
        ("link-on-air", "suspect", {"loopback": True}),
    ],
)
def test_each_fault_fails_its_own_check_and_says_what_to_do(name, verdict, fields):
    quality = judge(evidence(**fields))

    troubled = [check for check in quality.checks if check.outcome != "pass"]
    assert [check.name for check in troubled] == [name]
    assert troubled[0].advice
    assert quality.verdict == verdict


def test_throttling_in_the_past_does_not_spoil_a_campaign():
    assert judge(evidence(throttled_bits=0x50000)).verdict == "valid"


def test_what_cannot_be_known_is_not_checked():
    names = {check.name for check in judge(evidence(throttled_bits=None, simulated=True)).checks}

    assert "throttling" not in names
    assert "link-on-air" not in names
