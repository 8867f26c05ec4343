from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest

from joulesplit.calibrate.campaign import Start
from joulesplit.calibrate.campaign._calibration import on_one_clock_with
from joulesplit.calibrate.campaign._warmup import WarmUp
from joulesplit.calibrate.journal import Begun, JournalContents, Run, WindowEntry, read_journal
from joulesplit.calibrate.journal._one_clock import on_one_clock
from joulesplit.calibrate.sampling import SamplerStatistics
from window_records import window_record

START = Start(unit_s={}, warm_up=WarmUp(warm=True, duration_s=1.0, runs=8, temperature_c=None))
SAMPLING = SamplerStatistics(readings=0, lost=0, clipped=0, cpu_fraction=None)
SPAN_NS = 400_000_000
"""Of each window below."""


def run_of(boot_id, *started_s):
    windows = (
        window_record(
            subject="block 1", block=1, repetitions=1, net_j=0.1, work_s=0.1, number=1, idle_s=0.3
        )
        for _ in started_s
    )
    return Run(
        begun=Begun(start=START, conditions=None, boot_id=boot_id),
        kept=tuple(
            WindowEntry(
                window=msgspec.structs.replace(one, started_ns=s * 10**9), sampling=SAMPLING
            )
            for s, one in zip(started_s, windows, strict=True)
        ),
        ended=None,
    )


def times_ns(runs):
    return [kept.window.started_ns for run in on_one_clock(runs) for kept in run.kept]


@pytest.mark.parametrize("boots", [("a", "a"), (None, None), (None, "a")])
def test_runs_of_one_boot_keep_their_times(boots):
    assert times_ns([run_of(boots[0], 7, 8), run_of(boots[1], 100)]) == [
        7 * 10**9, 8 * 10**9, 100 * 10**9,
    ]  # fmt: skip


@pytest.mark.parametrize("boots", [("a", "b"), (None, None), ("a", None)])
def test_after_a_boot_the_clock_goes_on_from_where_the_earlier_run_ended(boots):
    ended_ns = 8 * 10**9 + SPAN_NS
    assert times_ns([run_of(boots[0], 7, 8), run_of(boots[1], 5, 6)]) == [
        7 * 10**9, 8 * 10**9, ended_ns + 5 * 10**9, ended_ns + 6 * 10**9,
    ]  # fmt: skip


def test_a_boot_is_seen_although_the_later_run_began_after_a_longer_time():
    """What only the boot's identity tells: the times by themselves go on."""
    assert times_ns([run_of("a", 7), run_of("b", 60)])[1] == 7 * 10**9 + SPAN_NS + 60 * 10**9


def test_a_run_without_windows_hides_no_boot_and_each_boot_counts_once():
    runs = [run_of("a", 7), run_of("b"), run_of("b", 3), run_of("b", 9), run_of("c", 2)]

    first_end, third_end = 7 * 10**9 + SPAN_NS, 9 * 10**9 + SPAN_NS
    assert times_ns(runs) == [
        7 * 10**9, first_end + 3 * 10**9, first_end + 9 * 10**9, first_end + third_end + 2 * 10**9,
    ]  # fmt: skip


def test_nothing_but_the_times_is_touched():
    runs = [run_of("a", 7), run_of("b", 3)]
    back = [
        dataclasses.replace(
            run,
            clock_offset_ns=0,
            kept=tuple(
                msgspec.structs.replace(
                    kept, window=msgspec.structs.replace(kept.window, started_ns=0)
                )
                for kept in run.kept
            ),
        )
        for run in on_one_clock(runs)
    ]
    assert back == [run_of("a", 0), run_of("b", 0)]


@pytest.mark.parametrize("boots", [("a", "a"), ("a", "b"), (None, None), ("b", None)])
@pytest.mark.parametrize("earlier", [(7, 8), ()])
def test_while_they_are_measured_windows_stand_where_a_reader_of_the_journal_will_see_them(
    boots, earlier, header
):
    """A stop rule is given windows; it must judge the same ones that a later run gives it."""
    runs = [run_of("z", 50), run_of(boots[0], *earlier)]
    past = JournalContents(header=header, runs=on_one_clock(runs))
    now = run_of(boots[1], 5, 6)
    seen = on_one_clock_with(past, [*past.records, *(kept.window for kept in now.kept)], boots[1])
    read = JournalContents(header=header, runs=on_one_clock([*runs, now]))

    assert tuple(seen) == read.records
    assert on_one_clock_with(past, past.records[:1], boots[1]) == past.records[:1]


@pytest.fixture
def header():
    """Nothing of it matters to the clock."""
    return read_journal(Path(__file__).parents[1] / "kept" / "journal-1.windows.jsonl").header
