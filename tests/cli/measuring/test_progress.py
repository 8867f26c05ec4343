from __future__ import annotations

import dataclasses
import io
import re

import pytest
from rich.console import Console

from joulesplit.calibrate.campaign import (
    QUICK,
    STANDARD,
    CoolDown,
    Progress,
    StopOpinion,
    for_decision,
)
from joulesplit.calibrate.campaign._pace import MeasuredPace
from joulesplit.calibrate.campaign._plan import RIGOROUS
from joulesplit.cli.measuring._progress import (
    CampaignLines,
    PlainLines,
    look_line,
    progress_bar,
)

OPEN = StopOpinion(
    stop=False, reached=False, reason="any other saves at most 5.2 %", windows_needed=24
)


def test_in_a_pipe_every_tenth_of_the_way_is_a_line(capsys):
    with progress_bar("measuring") as show:
        for done in range(51):
            show(done, 50, f"{50 - done} s left")

    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["measuring: 0/50 50 s left", "measuring: 5/50 45 s left"]
    assert len(lines) == 11


def test_in_a_pipe_ten_seconds_without_a_line_are_told_at_the_next_window_and_what_is_none_at_once(
    capsys,
):
    now_s = 0.0
    lines = PlainLines("measuring", lambda: now_s)
    for done in range(40):
        lines(done, 1000, f"{1000 - done} left")
        now_s += 4.0
    lines.stage(40, 1000, "watching what comes late, 24 s")
    now_s += 24.0
    lines(40, 1000, "960 left")
    for spent_s in range(0, 30, 3):
        lines.stage(40, 1000, f"warming up for {spent_s} s, 120 s at most")
        now_s += 3.0

    told = capsys.readouterr().err.splitlines()
    assert told[:3] == [f"measuring: {done}/1000 {1000 - done} left" for done in (0, 3, 6)]
    assert told[13:16] == [
        "measuring: 39/1000 961 left",
        "measuring: 40/1000 watching what comes late, 24 s",
        "measuring: 40/1000 960 left",
    ]
    assert told[16:] == [
        f"measuring: 40/1000 warming up for {spent_s} s, 120 s at most" for spent_s in (0, 12, 24)
    ]


def test_what_is_left_is_told_by_what_the_windows_took():
    pace, now_s = MeasuredPace(), 0.0
    for left_s in range(100, 40, -4):
        told_s = pace.remaining_s(round(now_s * 1e9), left_s)
        now_s += 8.0  # twice as long as expected

    assert told_s == pytest.approx(44 * (20 + 14 * 8) / (20 + 14 * 4))
    pace.pause()
    now_s += 1000.0
    assert pace.remaining_s(round(now_s * 1e9), 44.0) == told_s


def test_in_a_pipe_a_later_round_is_shown_too_although_less_of_the_whole_is_done(capsys):
    with progress_bar("measuring") as show:
        show(49, 49, "")
        for done in range(49, 74):
            show(done, 73, "")

    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "measuring: 49/49",
        *("measuring: 49/73", "measuring: 52/73", "measuring: 59/73", "measuring: 66/73"),
        "measuring: 73/73",
    ]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_on_a_terminal_what_is_said_stands_on_lines_of_its_own_above_the_bar(columns):
    written = io.StringIO()
    terminal = Console(file=written, width=columns, force_terminal=True, color_system=None)

    with progress_bar("measuring", terminal) as show:
        show(49, 49, "0 s left, idle 2.610 W")
        show.say("after 49 windows: any other saves at most 5.2 %")
        show(49, 73, "13 s left, idle 2.610 W")

    lines = re.split(r"\r|\n|\x1b\[[?\d]*[A-Za-z]", written.getvalue())
    assert "after 49 windows: any other saves at most 5.2 %" in [line.strip() for line in lines]
    (bar,) = {line for line in lines if "49/73" in line}
    assert bar.startswith("measuring ")
    assert bar.endswith("13 s left, idle 2.610 W")
    assert len(bar) <= columns


@pytest.mark.parametrize(
    ("opinion", "line"),
    [
        (OPEN, "after 49 windows: any other saves at most 5.2 %; about 24 more windows needed"),
        (
            StopOpinion(stop=True, reached=True, reason="no other can save anything (statistics)"),
            "stopped after 49 windows: no other can save anything (statistics)",
        ),
    ],
)
def test_a_look_says_what_is_known_and_whether_it_goes_on(opinion, line):
    assert look_line(49, opinion) == line


def test_a_campaign_killed_after_its_last_window_has_none_left_when_it_goes_on(capsys):
    cut = StopOpinion(stop=True, reached=False, reason="24 s are over")
    with progress_bar("measuring") as show:
        CampaignLines(QUICK, show, goes_on=True)(
            Progress(
                done=35,
                total=47,
                earlier=35,
                spent_s=24.0,
                remaining_s=0.0,
                last=None,
                opinion=cut,
            )
        )
    assert "windows are left" not in capsys.readouterr().err


@pytest.mark.parametrize("reached", [True, False])
def test_a_fixed_plan_says_why_it_stopped_only_if_that_was_before_its_end(capsys, reached):
    opinion = StopOpinion(stop=True, reached=reached, reason="24 s are over")
    at_35 = Progress(
        done=35, total=47, earlier=0, spent_s=24.0, remaining_s=0.0, last=None, opinion=opinion
    )
    with progress_bar("measuring") as show:
        tell = CampaignLines(QUICK, show, goes_on=False)
        tell(at_35)
        tell(at_35)

    said = "stopped after 35 windows: 24 s are over"
    assert (capsys.readouterr().err.splitlines().count(said) == 1) is not reached


@pytest.mark.parametrize(
    ("plan", "then"),
    [
        (QUICK, ""),
        (STANDARD, "until E_d and E_c are known to 1 %, 50 min at most"),
        (for_decision(RIGOROUS), "until no other split can save 0.5 %, 170 min at most"),
    ],
    ids=["fixed", "precision", "decision"],
)
def test_a_campaign_that_goes_on_says_once_what_is_left_of_it(capsys, plan, then):
    at_97 = Progress(
        done=97, total=140, earlier=97, spent_s=600.0, remaining_s=75.0, last=None, opinion=None
    )
    with progress_bar("measuring") as show:
        tell = CampaignLines(plan, show, goes_on=True)
        tell(dataclasses.replace(at_97, total=97, remaining_s=0.0))
        tell(at_97)
        tell(dataclasses.replace(at_97, done=98, remaining_s=74.0))

    said = [line for line in capsys.readouterr().err.splitlines() if "windows are left" in line]
    where = f" in this round, about 75 s; then on {then}" if then else ", about 75 s"
    assert said == [f"43 of 140 windows are left{where}"]


def test_a_wait_for_a_hot_device_is_told_at_once_and_by_the_minute(capsys):
    at_5 = Progress(
        done=5, total=56, earlier=5, spent_s=5.0, remaining_s=50.0, last=None, opinion=None
    )
    with progress_bar("measuring") as show:
        tell = CampaignLines(QUICK, show, goes_on=True)
        tell(at_5)
        # A long wait, a short one, and another long one.
        for waited_s in (*range(125), *range(3), *range(62)):
            cooling = CoolDown(waited_s=float(waited_s), temperature_c=78.04)
            tell(dataclasses.replace(at_5, cooling=cooling))

    lines = capsys.readouterr().err.splitlines()
    said = [line for line in lines if "waiting for it to cool" in line]
    assert said[0] == (
        "the processor is at 78.0 °C, windows begin at 75 °C at most: waiting for it to cool, "
        "10 min at most (0 s so far)"
    )
    so_far = [line.rsplit("(", 1)[1] for line in said]
    assert so_far == [f"{seconds} s so far)" for seconds in (0, 60, 120, 60)]
    assert sum("windows are left" in line for line in lines) == 1


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_on_a_terminal_the_bar_shows_each_second_of_a_wait(columns):
    written = io.StringIO()
    terminal = Console(file=written, width=columns, force_terminal=True, color_system=None)
    at_5 = Progress(
        done=5, total=56, earlier=0, spent_s=5.0, remaining_s=50.0, last=None, opinion=None
    )
    with progress_bar("measuring", terminal) as show:
        tell = CampaignLines(QUICK, show, goes_on=False)
        for waited_s in range(3):
            cooling = CoolDown(waited_s=float(waited_s), temperature_c=78.04)
            tell(dataclasses.replace(at_5, cooling=cooling))

    bars = [line for line in re.split(r"\r|\n", written.getvalue()) if "5/56" in line]
    assert any("cooling down: 78.0 °C, 2 s" in line for line in bars)


def test_a_new_campaign_was_announced_before(capsys):
    with progress_bar("measuring") as show:
        CampaignLines(QUICK, show, goes_on=False)(
            Progress(
                done=0, total=56, earlier=0, spent_s=0.0, remaining_s=150.0, last=None, opinion=None
            )
        )
    assert capsys.readouterr().err == "measuring: 0/56 2 min left\n"
