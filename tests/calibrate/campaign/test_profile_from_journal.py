"""A kept journal to the profile that an earlier version made of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from joulesplit.calibrate.campaign import profile_from_journal
from joulesplit.calibrate.journal import read_journal
from joulesplit.calibrate.profile import load_profile

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
    """Where they were made the two are equal; another BLAS or libm rounds the last digits."""
    made = profile_from_journal(read_journal(KEPT / "journal-1.windows.jsonl"))
    kept = load_profile(KEPT / "device-profile-1.json").profile

    # Checks are added as versions go on: those that there were still say what they said.
    checks = {check.name: check.outcome for check in made.quality.checks}
    assert {check.name: check.outcome for check in kept.quality.checks}.items() <= checks.items()
    bare = (msgspec.structs.replace(one, quality=kept.quality) for one in (made, kept))
    now, then = (dict(leaves(msgspec.to_builtins(one))) for one in bare)

    assert list(now) == list(then)
    for path, value in then.items():
        if isinstance(value, float):
            assert now[path] == pytest.approx(value, rel=1e-6, abs=1e-12), path
        else:
            assert now[path] == value, path


def test_the_same_journal_gives_the_same_profile_twice():
    contents = read_journal(KEPT / "journal-1.windows.jsonl")
    assert profile_from_journal(contents) == profile_from_journal(contents)
