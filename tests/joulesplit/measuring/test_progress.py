from __future__ import annotations

import dataclasses
import io
import re

import pytest
from rich.console import Console

from calibrate.campaign.plan import QUICK, RIGOROUS, STANDARD, for_decision
from calibrate.campaign.procedure import Progress
from calibrate.campaign.stopping import StopOpinion
from joulesplit.measuring.progress import CampaignLines, look_line, progress_bar

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
            StopOpinion(stop=True, reached=True, reason="no other can save anything"),
            "stopped after 49 windows: no other can save anything",
        ),
    ],
)
def test_a_look_says_what_is_known_and_whether_it_goes_on(opinion, line):
    assert look_line(49, opinion) == line


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


def test_a_new_campaign_was_announced_before(capsys):
    with progress_bar("measuring") as show:
        CampaignLines(QUICK, show, goes_on=False)(
            Progress(
                done=0, total=56, earlier=0, spent_s=0.0, remaining_s=150.0, last=None, opinion=None
            )
        )
    assert capsys.readouterr().err == "measuring: 0/56 2 min left\n"
