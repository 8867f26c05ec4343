"""Campaigns in virtual time: cut short, gone on with, analysed again, held up, too hot."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import pytest

from joulesplit._decision_stop import rule_of
from joulesplit._simulation import draw_world
from joulesplit.calibrate.campaign import (
    QUICK,
    CampaignListener,
    StopOpinion,
    StopPlan,
    past_of,
    profile_from_journal,
    run_campaign,
    storable,
    upload_subjects,
)
from joulesplit.calibrate.campaign._plan import Limits
from joulesplit.calibrate.campaign._procedure import EarlierRun
from joulesplit.calibrate.campaign._schedule import expected_duration_s
from joulesplit.calibrate.environment import Conditions
from joulesplit.calibrate.errors import JournalError, WindowError
from joulesplit.calibrate.journal import Begun, Ended, Header, Journal, WindowEntry, read_journal
from joulesplit.calibrate.profile import StoredProfile, profile_bytes
from joulesplit.calibrate.workloads import truth_of
from joulesplit.cli._resources import paper_network
from joulesplit.optimizer import Usage
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.reading import read_network
from proof.stage import stage_of
from proof.virtual import run_virtual, virtual_circumstances

NETWORK = read_network(paper_network())
BLOCKS = residual_blocks(NETWORK)
SMALL = msgspec.structs.replace(QUICK, work_s=(0.1, 0.2), upload_s=0.2, lone_uploads=False)
RESTLESS = msgspec.structs.replace(SMALL, rests=0)


class PulledOutError(Exception):
    """The plug was pulled."""


def world(seed=1):
    return draw_world(seed, origin_ns=10**9)


def tasks_of(records):
    return [record.task for record in records]


def never_enough(_):
    return StopOpinion(stop=False, reached=False, reason="more", windows_needed=9)


def run_journaled(plan, path, *, windows=math.inf, resume=False):
    """Run a campaign with its journal, and pull the plug after so many windows of this run."""
    setup = world()
    past = past_of(read_journal(path)) if resume else None
    done = 0

    with Journal(path, resume=resume) as journal:

        def keep(record):
            nonlocal done
            if done >= windows:
                raise PulledOutError
            done += 1
            journal.append(WindowEntry(window=record, sampling=around.sampling))

        def rule_for(sensor):
            nonlocal around
            around = storable(virtual_circumstances(plan, NETWORK, BLOCKS, setup, sensor))
            if not resume:
                journal.append(Header(plan=plan, around=around, link_kind=None))
            return rule_of(plan, NETWORK, around, usage=Usage())

        around = None
        outcome, _, _ = run_virtual(
            plan,
            BLOCKS,
            setup,
            rule_for=rule_for,
            past=past,
            told=CampaignListener(
                start=lambda s: journal.append(Begun(start=s, conditions=None)), keep=keep
            ),
        )
        journal.append(Ended(opinion=outcome.opinion, throttled_bits=None, conditions=None))
    return outcome


def stored(path) -> bytes:
    return profile_bytes(StoredProfile(profile=profile_from_journal(read_journal(path))))


@pytest.mark.parametrize("cuts", [(0,), (1,), (30, 1, 7), (48,)])
def test_a_resumed_campaign_does_every_window_of_an_uninterrupted_one_once(tmp_path, cuts):
    # Which head wins is told by what was measured, which no two runs have alike.
    plan = msgspec.structs.replace(SMALL, heads=(5,))
    whole = run_journaled(plan, tmp_path / "whole")
    path = tmp_path / "cut"
    for number, windows in enumerate(cuts):
        with pytest.raises(PulledOutError):
            run_journaled(plan, path, windows=windows, resume=number > 0)
        assert len(read_journal(path).records) == sum(cuts[: number + 1])

    run_journaled(plan, path, resume=True)

    contents = read_journal(path)
    assert tasks_of(contents.records) == tasks_of(whole.records)
    assert contents.ended.opinion == whole.opinion


def test_what_was_measured_before_the_cut_is_kept_and_not_measured_again(tmp_path):
    path = tmp_path / "cut"
    with pytest.raises(PulledOutError):
        run_journaled(SMALL, path, windows=20)
    before = read_journal(path).records

    run_journaled(SMALL, path, resume=True)

    assert read_journal(path).records[:20] == before
    assert len(before) == 20


def test_a_campaign_that_looks_often_resumes_with_the_rounds_it_would_have_run(tmp_path):
    stop = StopPlan(rule="precision", relative_half_width=2e-3, looks=3)
    plan = msgspec.structs.replace(SMALL, stop=stop)
    path = tmp_path / "cut"
    whole = run_journaled(plan, path)
    assert len(whole.records) > 60
    lines = path.read_bytes().splitlines(keepends=True)
    # Header, beginning and all windows but the last two: the plug was pulled in a later round.
    path.write_bytes(b"".join(lines[:-3]))

    run_journaled(plan, path, resume=True)

    resumed = read_journal(path).records
    assert tasks_of(resumed)[: len(whole.records)] == tasks_of(whole.records)
    assert resumed[: len(whole.records) - 2] == whole.records[:-2]


@pytest.mark.parametrize("done", [0, 1, 59, 60, 61, 119])
def test_what_is_left_is_told_before_the_device_is_warmed_up_for_the_rest(done):
    """Of two rounds of 60 windows."""
    plan = msgspec.structs.replace(SMALL, stop=StopPlan(looks=2))
    whole, _, _ = run_virtual(plan, BLOCKS, world(), rule_for=lambda _: never_enough)
    past = EarlierRun(start=whole.start, records=whole.records[:done])
    events = []
    told = CampaignListener(start=events.append, progress=events.append)

    outcome, _, _ = run_virtual(
        plan, BLOCKS, world(), rule_for=lambda _: never_enough, past=past, told=told
    )

    *looks, left = [
        event for event in events[: events.index(outcome.start)] if not getattr(event, "stage", "")
    ]
    round_end = 60 if done < 60 else 120
    assert [look.done for look in looks] == [60] * (done >= 60)
    assert (left.done, left.earlier, left.total) == (done, done, round_end)
    rest = tasks_of(outcome.records)[done:round_end]
    rest_s = expected_duration_s(plan.timing, rest, outcome.start.unit_s)
    # The first windows of a run are waited for, which it has yet to learn from.
    waits_s = min(6, len(rest)) * max(0.8, 2 * plan.timing.idle_s)
    # A rest that is still to come takes 8 s of work and 32 s after it, after uploads 16 s.
    rested = (record.task.kind for record in whole.records[done:round_end] if record.rest)
    waits_s += sum(
        (24.0 if kind == "upload" else 40.0) + plan.timing.settle_after_s(kind) for kind in rested
    )
    # After some windows the device is watched on.
    watched = sum(record.late_j is not None for record in outcome.records[done:round_end])
    waits_s += watched * max(1.5, 2 * plan.timing.idle_s)
    assert left.remaining_s == pytest.approx(rest_s + waits_s)
    passed_s = (r.work_s + r.settle_s + 2 * plan.timing.idle_s + r.quiet_s for r in past.records)
    assert left.spent_s == pytest.approx(sum(passed_s))


def test_the_windows_of_another_campaign_are_refused():
    outcome, _, _ = run_virtual(SMALL, BLOCKS, world())
    past = EarlierRun(start=outcome.start, records=outcome.records[1:])
    with pytest.raises(JournalError, match=r"window 1 of the journal is .* start a new one"):
        run_virtual(SMALL, BLOCKS, world(), past=past)


def test_a_profile_computed_again_from_its_windows_is_the_same_to_the_last_digit(tmp_path):
    path = tmp_path / "windows"
    outcome = run_journaled(SMALL, path)

    profile = profile_from_journal(read_journal(path))

    assert stored(path) == stored(path)
    assert read_journal(path).records == outcome.records
    assert profile.quality.verdict == "valid"
    assert len(profile.compute.blocks) == len(BLOCKS)


def test_a_campaign_cut_short_gives_a_profile_that_says_so(tmp_path):
    path = tmp_path / "windows"
    with pytest.raises(PulledOutError):
        run_journaled(SMALL, path, windows=47)

    quality = profile_from_journal(read_journal(path)).quality

    assert quality.verdict == "suspect"
    (check,) = (check for check in quality.checks if check.name == "complete")
    assert check.outcome == "warn"
    assert "--resume" in check.advice


def test_a_profile_holds_how_the_machine_was_in_every_run_of_its_campaign(tmp_path):
    """Cut short and gone on with; the clock moved in the second run alone."""
    path = tmp_path / "windows"
    with pytest.raises(PulledOutError):
        run_journaled(SMALL, path, windows=20)
    run_journaled(SMALL, path, resume=True)
    contents = read_journal(path)
    quiet = Conditions(
        uptime_s=1.0, temperatures_c={"cpu": 50.0}, frequencies_hz={"policy0": 10**9},
        under_voltage=False,
    )  # fmt: skip
    slower = msgspec.structs.replace(quiet, frequencies_hz={"policy0": 5 * 10**8})
    first, second = (
        dataclasses.replace(
            run,
            begun=msgspec.structs.replace(run.begun, conditions=quiet),
            ended=Ended(opinion=ended.opinion, throttled_bits=None, conditions=after),
        )
        for run, after, ended in zip(
            contents.runs, (quiet, slower), [contents.runs[-1].ended] * 2, strict=True
        )
    )

    quality = profile_from_journal(dataclasses.replace(contents, runs=(first, second))).quality

    found = {check.name: check.outcome for check in quality.checks}
    assert (found["frequency-moved"], found["temperature"], found["supply-alarm"]) == (
        "warn", "pass", "pass",
    )  # fmt: skip
    assert quality.verdict == "suspect"
    unknown = {check.name for check in profile_from_journal(contents).quality.checks}
    assert not {"frequency-moved", "temperature"} & unknown


def test_a_step_of_the_idle_power_is_as_plain_with_a_boot_in_between_as_without(tmp_path):
    """A boot restarts the clock; run over run, the step would pass for scatter."""
    path = tmp_path / "windows"
    with pytest.raises(PulledOutError):
        run_journaled(SMALL, path, windows=28)
    run_journaled(SMALL, path, resume=True)
    contents = read_journal(path)
    origin_ns = contents.runs[0].kept[0].window.started_ns
    entries = [contents.header]
    for number, run in enumerate(contents.runs):
        begun_ns = run.kept[0].window.started_ns
        entries.append(msgspec.structs.replace(run.begun, boot_id=f"boot {number}"))
        for kept in run.kept:
            window = kept.window
            stepped = msgspec.structs.replace(
                window,
                started_ns=origin_ns + window.started_ns - begun_ns,
                idle_power_w=window.idle_power_w + 0.1 * number,
                gross_j=window.gross_j + 0.1 * number * window.work_s,
            )
            entries.append(msgspec.structs.replace(kept, window=stepped))
    entries.append(contents.ended)
    with Journal(tmp_path / "rebooted") as journal:
        for entry in entries:
            journal.append(entry)

    profile = profile_from_journal(read_journal(tmp_path / "rebooted"))

    (drift,) = (check for check in profile.quality.checks if check.name == "idle-drift")
    assert drift.value > 0.8 * 0.1 / profile.idle.power_w.value
    assert drift.outcome != "pass"


def test_a_goal_that_was_not_reached_is_in_the_profile_with_what_it_would_take(tmp_path):
    stop = StopPlan(rule="precision", relative_half_width=1e-5, looks=2)
    plan = msgspec.structs.replace(SMALL, stop=stop)

    outcome = run_journaled(plan, tmp_path / "windows")

    assert (outcome.opinion.stop, outcome.opinion.reached) == (True, False)
    assert "2 rounds are done; about " in outcome.opinion.reason
    quality = profile_from_journal(read_journal(tmp_path / "windows")).quality
    (check,) = (check for check in quality.checks if check.name == "stop-rule")
    assert "more windows would be needed" in check.advice


def test_no_window_begins_that_would_end_after_the_longest_time():
    limits = msgspec.structs.replace(SMALL.limits, duration_s=30.0)
    plan = msgspec.structs.replace(SMALL, limits=limits)

    outcome, _, _ = run_virtual(plan, BLOCKS, world(), rule_for=lambda _: never_enough)

    spent_s = sum(record.span_s + record.quiet_s for record in outcome.records)
    assert 27.0 < spent_s <= 30.1
    assert outcome.opinion.reason == "more, but 30 s are over; about 9 more windows would be needed"


def test_heads_run_as_one_network_are_measured_beside_their_blocks(tmp_path):
    plan = msgspec.structs.replace(SMALL, heads=(3, 5), whole=True)
    path = tmp_path / "windows"
    run_journaled(plan, path)

    compute = profile_from_journal(read_journal(path)).compute

    # The simulated board fuses nothing: a head costs what its blocks cost.
    true_j = truth_of(world().costs, BLOCKS, plan.stated_rate_bit_per_s).block_energy_j
    assert [head.last_block for head in compute.heads] == [3, 5, len(BLOCKS)]
    for head in compute.heads:
        low, high = head.energy_j.net.ci95
        assert low <= sum(true_j[: head.last_block]) <= high
        assert head.net_over_blocks == pytest.approx(1.0, abs=0.03)
        latency_s = sum(block.latency_s.value for block in compute.blocks[: head.last_block])
        assert head.latency_s.value == pytest.approx(latency_s, rel=0.01)


def bench_of(plan, **options):
    uploads = upload_subjects(plan, [block.output_bits for block in BLOCKS])
    stage = stage_of(world(), BLOCKS)
    return stage.bench(uploads, **options), stage.sampler, uploads


class HeldUp:
    """A sampler that the host does not let run in some windows: no reading comes through.

    Early in a campaign what is waited for and watched beside the windows is looked at as well;
    from the sixtieth stretch on there are windows alone, where there are no rests.
    """

    def __init__(self, sampler, silent):
        self._sampler, self._silent, self._stretches = sampler, silent, 0
        self.description = sampler.description
        self.statistics = sampler.statistics

    def trace_until(self, t_ns):
        trace = self._sampler.trace_until(t_ns)
        if len(trace) < 5:
            return trace
        self._stretches += 1
        return trace.between(0, 0) if self._stretches in self._silent else trace


@pytest.mark.parametrize(("silent", "tries"), [({70}, 2), ({70, 71}, 3)])
def test_a_window_without_readings_is_run_again(silent, tries):
    bench, sampler, uploads = bench_of(RESTLESS)
    bench = dataclasses.replace(bench, sampler=HeldUp(sampler, silent))

    outcome = run_campaign(RESTLESS, bench, uploads)

    assert sorted(record.tries for record in outcome.records)[-2:] == [1, tries]


def test_a_window_that_never_gives_readings_ends_the_campaign_with_its_error():
    bench, sampler, uploads = bench_of(RESTLESS)
    bench = dataclasses.replace(bench, sampler=HeldUp(sampler, {70, 71, 72}))
    with pytest.raises(WindowError, match="readings"):
        run_campaign(RESTLESS, bench, uploads)


def test_windows_begin_in_the_temperature_band_and_say_how_long_it_took():
    limits = Limits(temperature_c=(0.0, 60.0), edge_term=0.04, warm_up_s=2.0)
    plan = msgspec.structs.replace(SMALL, limits=limits)
    clock_of = []

    def thermometer():
        # Warms up by 1 °C per s, and is cooled by a fan for a minute from each full 100 s.
        second = clock_of[0].now_ns() * 1e-9 % 100
        return 75.0 - second / 2 if second < 60 else 45.0 + (second - 60)

    bench, _, uploads = bench_of(plan, thermometer=thermometer)
    clock_of.append(bench.clock)

    records = run_campaign(plan, bench, uploads).records

    waited = [record for record in records if record.waited_s > 0]
    assert waited
    assert all(record.temperature_c <= 58.5 for record in waited)
    assert all(record.temperature_c <= 60.0 for record in records)
