"""The machine over all runs of a campaign, also those that were killed."""

from __future__ import annotations

import msgspec
import pytest

from joulesplit.calibrate.campaign import Start
from joulesplit.calibrate.campaign._machine_states import machine_checks
from joulesplit.calibrate.campaign._warmup import WarmUp
from joulesplit.calibrate.journal import Begun, Ended, Run, WindowEntry
from joulesplit.calibrate.sampling import SamplerStatistics
from machine_state import STEADY
from window_records import window_record

START = Start(unit_s={}, warm_up=WarmUp(warm=True, duration_s=1.0, runs=8, temperature_c=None))
SAMPLING = SamplerStatistics(readings=0, lost=0, clipped=0, cpu_fraction=None)
WINDOW = window_record(
    subject="block 1", block=1, repetitions=1, net_j=0.1, work_s=0.1, number=1, idle_s=0.3
)
CHEAP = msgspec.structs.replace(STEADY, throttled_bits=None, power_save=None)
SLOW = {"policy0": 600_000_000}


def thorough(**changes):
    return msgspec.structs.replace(STEADY, **changes)


def cheap(**changes):
    return msgspec.structs.replace(CHEAP, **changes)


def run_of(begun, *between, ended=None, boot_id="boot"):
    return Run(
        begun=Begun(start=START, conditions=begun, boot_id=boot_id),
        kept=tuple(
            WindowEntry(window=WINDOW, sampling=SAMPLING, conditions=one) for one in between
        ),
        ended=ended and Ended(opinion=None, throttled_bits=None, conditions=ended),
    )


def troubles(*runs):
    return {check.name for check in machine_checks(runs) if check.outcome != "pass"}


def test_a_quiet_campaign_passes_every_check():
    run = run_of(STEADY, CHEAP, CHEAP, ended=thorough(uptime_s=200.0, capacity_ticks=80_000))

    assert troubles(run, run) == set()
    assert {check.name for check in machine_checks([run])} == {
        "frequency-moved", "temperature-moved", "temperature", "throttled-during", "supply-alarm",
        "power-save-changed", "route-changed", "foreign-cpu", "foreign-traffic",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("frequency-moved", {"frequencies_hz": SLOW}),
        ("temperature-moved", {"temperatures_c": {"cpu-thermal": 61.0}}),
        ("supply-alarm", {"under_voltage": True}),
        ("route-changed", {"interface": "eth0"}),
    ],
)
def test_what_befell_a_window_in_the_middle_is_told_although_both_ends_are_quiet(name, changes):
    """Sticky bits that were set before hide what throttled it: the clock itself does not."""
    before = thorough(throttled_bits=0x50000)
    ended = thorough(uptime_s=200.0, throttled_bits=0x50000)

    assert troubles(run_of(before, CHEAP, cheap(**changes), CHEAP, ended=ended)) == {name}
    assert troubles(run_of(before, CHEAP, CHEAP, CHEAP, ended=ended)) == set()


def test_a_board_that_a_killed_run_is_gone_on_with_in_another_state_is_told():
    """Power save and clock are others, and bits appeared; each run by itself is steady."""
    other = {"power_save": "on", "frequencies_hz": SLOW, "throttled_bits": 0x50000}
    resumed = thorough(**other)
    later = thorough(**other, uptime_s=200.0)

    found = troubles(run_of(STEADY, CHEAP), run_of(resumed, ended=later))

    assert found == {"power-save-changed", "frequency-moved", "throttled-during"}
    assert troubles(run_of(resumed, ended=later)) == set()


def test_bits_of_another_boot_say_nothing_of_a_killed_run():
    after_boot = run_of(thorough(throttled_bits=0x50000), boot_id="next")

    assert troubles(run_of(STEADY, CHEAP), after_boot) == set()


def test_a_killed_run_is_judged_by_its_last_window():
    busy = cheap(uptime_s=200.0, capacity_ticks=80_000, busy_ticks=21_000)

    assert troubles(run_of(STEADY, CHEAP, busy, None)) == {"foreign-cpu"}


def test_counters_that_a_boot_set_back_are_not_compared_across_runs():
    rebooted = {"uptime_s": 5.0, "capacity_ticks": 100, "busy_ticks": 90, "own_ticks": 1}
    ended = {"uptime_s": 9.0, "capacity_ticks": 1000, "busy_ticks": 95, "own_ticks": 5}

    assert troubles(
        run_of(STEADY, CHEAP),
        run_of(thorough(**rebooted), ended=thorough(**ended), boot_id="next"),
    ) == set()  # fmt: skip


def test_of_several_moments_the_worst_is_told():
    hot, hotter = ({"cpu-thermal": celsius} for celsius in (63.0, 79.0))
    run = run_of(STEADY, cheap(temperatures_c=hotter), cheap(temperatures_c=hot))

    checks = {check.name: check for check in machine_checks([run])}

    assert checks["temperature-moved"].value == pytest.approx(29.0)
    assert checks["temperature"].value == pytest.approx(79.0)


def test_where_nothing_is_known_nothing_is_checked():
    assert machine_checks([run_of(None, None, boot_id=None)]) == ()
