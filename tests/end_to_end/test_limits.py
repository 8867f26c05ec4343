"""What limits a campaign, in virtual time: the plan's time and band, the sensor's cycle."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from joulesplit._simulation import (
    ADDRESS,
    BUS_NUMBER,
    EXPECTED_PEAK_A,
    SHUNT_OHM,
    SHUNT_TOLERANCE,
)
from joulesplit.calibrate.campaign import (
    QUICK,
    CampaignListener,
    StopOpinion,
    StopPlan,
    for_sensor,
    profile_from_journal,
    storable,
)
from joulesplit.calibrate.errors import TooHotError, WindowError
from joulesplit.calibrate.journal import Begun, Ended, Header, JournalContents, Run, WindowEntry
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.simulated import SimulatedI2cBus, SimulatedIna219
from proof import stage
from proof.stage import proof_blocks, proof_network
from proof.virtual import run_virtual, virtual_circumstances
from proof.worlds import clean_world

BLOCKS = proof_blocks()
WORLD = clean_world(1)


def limited(plan=QUICK, **limits):
    return msgspec.structs.replace(plan, limits=msgspec.structs.replace(plan.limits, **limits))


def taken_s(records):
    """Return how long windows took, with what was waited before and after them, s."""
    return sum(record.span_s + record.waited_s + record.quiet_s for record in records)


@pytest.fixture(scope="module")
def planned():
    """The quick plan, whole."""
    return run_virtual(QUICK, BLOCKS, WORLD)[0]


def test_a_fixed_plan_that_its_own_limit_cuts_has_not_reached_what_it_asked_for(planned):
    assert planned.opinion.reached
    told = []

    outcome, _, _ = run_virtual(
        limited(duration_s=15.0), BLOCKS, WORLD, told=CampaignListener(progress=told.append)
    )

    done, total = len(outcome.records), len(planned.records)
    assert outcome.records == planned.records[:done]
    assert taken_s(outcome.records) <= 15.0
    assert (outcome.opinion.stop, outcome.opinion.reached) == (True, False)
    assert outcome.opinion.reason == (
        f"15 s are over and {total - done} of {total} windows were not run"
    )
    assert (told[-1].done, told[-1].total) == (done, total)


@pytest.mark.parametrize(("rounds", "reached"), [(1, False), (2, True)])
def test_figures_that_are_known_count_if_only_a_later_round_was_cut(planned, rounds, reached):
    round_s = taken_s(planned.records)

    def known_after(records):
        stop = len(records) > (rounds - 1) * len(planned.records)
        return StopOpinion(stop=stop, reached=stop, reason="E_d ± 1 %")

    plan = limited(
        msgspec.structs.replace(QUICK, stop=StopPlan(rule="precision")),
        duration_s=(rounds - 0.5) * round_s,
    )
    outcome, _, _ = run_virtual(plan, BLOCKS, WORLD, rule_for=lambda _: known_after)

    assert outcome.opinion.stop
    assert outcome.opinion.reached is reached


def test_a_device_that_stays_too_hot_cuts_the_campaign_short_and_each_second_of_it_is_told():
    told, begun = [], []

    with pytest.raises(TooHotError, match="78 °C after 600 s"):
        run_virtual(
            limited(duration_s=3600.0),
            BLOCKS,
            WORLD,
            thermometer=lambda: 78.0,
            told=CampaignListener(start=begun.append, progress=told.append),
        )

    assert begun[0].warm_up.unsettled == "band"
    waits_s = [progress.cooling.waited_s for progress in told if progress.cooling]
    assert waits_s == pytest.approx([*range(600)])
    assert {progress.total for progress in told} == {told[0].total}


def test_waits_for_a_hot_device_count_against_the_longest_time(planned):
    """Every window begins too hot and cools in three steps; once all was waited for unnoticed."""
    readings = itertools.cycle([76.0, 75.0, 74.0, 73.0])
    warm = itertools.repeat(50.0, 100)

    outcome, _, _ = run_virtual(
        limited(msgspec.structs.replace(QUICK, lone_uploads=False), duration_s=60.0),
        BLOCKS,
        WORLD,
        thermometer=lambda: next(warm) if not began else next(readings),
        told=CampaignListener(start=(began := []).append),
    )

    spent_s = taken_s(outcome.records)
    waited_s = sum(record.waited_s for record in outcome.records)
    # The last wait may end as soon as the device is in its band, to leave time for its window.
    assert 3 * len(outcome.records) - 1 < waited_s <= 3 * len(outcome.records)
    assert 55.0 < spent_s <= 60.1
    assert not outcome.opinion.reached
    assert outcome.records[0].task == planned.records[0].task


def averaging_sensor(setup, buffer, clock, *, load):
    """The real driver on the simulated chip, each conversion of 128 samples: 68 ms."""
    chip = SimulatedIna219(load, clock, seed=setup.seed, parameters=setup.chip)
    return Ina219(
        SimulatedI2cBus(BUS_NUMBER, {ADDRESS: chip}, clock),
        address=ADDRESS,
        shunt_ohm=SHUNT_OHM,
        shunt_tolerance=SHUNT_TOLERANCE,
        expected_peak_a=EXPECTED_PEAK_A,
        shunt_samples=128,
        clock=clock,
        simulated=True,
    )


def test_a_slow_sensor_measures_the_quick_plan_without_a_window_to_repeat(monkeypatch):
    monkeypatch.setattr(stage, "open_simulated_sensor", averaging_sensor)
    with pytest.raises(WindowError, match="readings in the idle"):
        run_virtual(QUICK, BLOCKS, WORLD)
    cycle_s = 128 * 532e-6 * WORLD.chip.conversion_time_scale

    plan = for_sensor(QUICK, cycle_s)
    outcome, sensor, _ = run_virtual(plan, BLOCKS, WORLD)

    assert sensor.cycle_s == pytest.approx(cycle_s, rel=0.02)
    assert {record.tries for record in outcome.records} == {1}


def test_time_that_no_whole_reading_covers_counts_against_the_longest_time_too(monkeypatch):
    """A record keeps the idle behind its idle power: of a slow sensor a third less than passed."""
    monkeypatch.setattr(stage, "open_simulated_sensor", averaging_sensor)
    told = []

    outcome, _, _ = run_virtual(
        for_sensor(limited(duration_s=60.0), 0.075),
        BLOCKS,
        WORLD,
        told=CampaignListener(progress=told.append),
    )

    last, first = outcome.records[-1], outcome.records[0]
    passed_s = (last.started_ns - first.started_ns) * 1e-9
    assert 50.0 < passed_s <= 60.0
    assert told[-2].spent_s == pytest.approx(passed_s, rel=0.03)


def test_the_profile_of_a_cold_device_says_so_and_counts_its_windows():
    network = proof_network()
    plan = limited(temperature_c=(20.0, 70.0))
    begun = []
    rising = itertools.chain([11.0, 12.0, 13.0], itertools.repeat(25.0))

    outcome, sensor, sampling = run_virtual(
        plan,
        BLOCKS,
        WORLD,
        thermometer=lambda: next(rising) if begun else 10.0,
        told=CampaignListener(start=begun.append),
    )

    around = storable(virtual_circumstances(plan, network, BLOCKS, WORLD, sensor))
    run = Run(
        begun=Begun(start=outcome.start, conditions=None),
        kept=tuple(WindowEntry(window=record, sampling=sampling) for record in outcome.records),
        ended=Ended(opinion=outcome.opinion, throttled_bits=None, conditions=None),
    )
    header = Header(plan=plan, around=around, link_kind=None)
    profile = profile_from_journal(JournalContents(header=header, runs=(run,)))

    checks = {check.name: check for check in profile.quality.checks}
    total = len(outcome.records)
    assert (checks["temperature-band"].outcome, checks["temperature-band"].value) == ("warn", 3.0)
    assert f"3 of {total} windows began at 11 to 13 °C" in checks["temperature-band"].advice
    assert "not in the plan's band" in checks["warm-up"].advice
