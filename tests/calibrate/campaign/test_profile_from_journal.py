"""A kept journal to the profile that an earlier version made of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from joulesplit.calibrate.campaign import profile_from_journal
from joulesplit.calibrate.checks import examine_profile, examined
from joulesplit.calibrate.journal import read_journal
from joulesplit.calibrate.profile import figures_of, load_profile

KEPT = Path(__file__).parents[1] / "kept"


def leaves(value, path=""):
    """Yield every figure and word of a document with its path."""
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from leaves(inside, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, inside in enumerate(value):
            yield from leaves(inside, f"{path}[{index}]")
    else:
        yield path, value


def test_a_kept_journal_gives_the_profile_that_was_made_of_it():
    """Estimators get better: figures may move inside their intervals, what is none stays.

    Where they were made the facts are equal; another BLAS or libm rounds the last digits.
    """
    made = profile_from_journal(read_journal(KEPT / "journal-1.windows.jsonl"))
    kept = load_profile(KEPT / "device-profile-1.json").profile

    # Checks are added as versions go on: those that there were still say what they said.
    checks = {check.name: check.outcome for check in made.quality.checks}
    assert {check.name: check.outcome for check in kept.quality.checks}.items() <= checks.items()
    now, then = ({f.name: f.quantity for f in figures_of(one)} for one in (made, kept))
    for name, figure in then.items():
        low, high = figure.ci95
        assert low <= now[name].value <= high, name
        now_low, now_high = now[name].ci95
        assert 0.5 * (high - low) <= now_high - now_low <= 2 * (high - low), name
    for path, value in facts_of(kept).items():
        if isinstance(value, float):
            assert facts_of(made)[path] == pytest.approx(value, rel=1e-6, abs=1e-12), path
        else:
            assert facts_of(made)[path] == value, path


def facts_of(profile):
    """Everything in a profile that is not estimated, by path."""
    bare = msgspec.to_builtins(profile)
    estimated = ("quality", "idle", "compute", "link", "e_d_over_e_c_flop_per_bit")
    del bare["sensor"]["window_budget"]
    return dict(leaves({key: part for key, part in bare.items() if key not in estimated}))


def test_the_same_journal_gives_the_same_profile_twice():
    contents = read_journal(KEPT / "journal-1.windows.jsonl")
    assert profile_from_journal(contents) == profile_from_journal(contents)


def less_per_upload(entry, energy_j):
    window = entry.window
    if window.task.kind != "upload":
        return entry
    less_j = energy_j * window.task.repetitions
    changed = {"net_j": window.net_j - less_j, "gross_j": window.gross_j - less_j}
    return msgspec.structs.replace(entry, window=msgspec.structs.replace(window, **changed))


def test_what_no_decision_takes_is_rejected_at_the_end_of_the_campaign_already():
    contents = read_journal(KEPT / "journal-1.windows.jsonl")
    runs = [
        replace(run, kept=tuple(less_per_upload(entry, 8e-3) for entry in run.kept))
        for run in contents.runs
    ]

    made = profile_from_journal(replace(contents, runs=tuple(runs)))

    (failed,) = (check for check in made.quality.checks if check.outcome == "fail")
    assert failed.name == "costs-above-zero"
    assert made.quality.verdict == "rejected"
    assert examined(made) == made
    names = [check.name for check in examine_profile(made).checks]
    assert len(names) == len(set(names))
