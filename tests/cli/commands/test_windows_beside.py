"""A profile is held against the windows beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from joulesplit.calibrate.campaign import profile_from_journal
from joulesplit.calibrate.journal import journal_beside, read_journal
from joulesplit.cli._typed import typed_again
from journals import write_virtual_journal

KEPT = Path(__file__).parents[2] / "calibrate" / "kept" / "journal-1.windows.jsonl"


@pytest.fixture(scope="module")
def journals(tmp_path_factory):
    directory = tmp_path_factory.mktemp("journals")
    return [write_virtual_journal(directory / f"{seed}", seed=seed) for seed in (1, 2)]


@pytest.mark.parametrize(("beside", "outcome"), [(0, "pass"), (1, "warn")])
def test_windows_beside_a_profile_are_its_own_or_said_not_to_be(
    beside, outcome, journals, saved, joulesplit
):
    path = saved(profile_from_journal(read_journal(journals[0])))
    journal_beside(path).write_bytes(journals[beside].read_bytes())

    checks = joulesplit("profile", "check", path, "--json").json["checks"]

    (found,) = [check for check in checks if check["name"] == "windows-beside"]
    assert found["outcome"] == outcome


def test_damaged_windows_beside_a_profile_do_not_keep_it_from_being_checked(
    journals, saved, joulesplit
):
    path = saved(profile_from_journal(read_journal(journals[0])))
    alone = joulesplit("profile", "check", path, "--json")
    content = journals[0].read_bytes()
    journal_beside(path).write_bytes(content.replace(b'"net_j":', b'"net_j":9', 1))

    outcome = joulesplit("profile", "check", path, "--json")

    (found,) = [check for check in outcome.json["checks"] if check["name"] == "windows-beside"]
    assert (outcome.code, found["outcome"]) == (alone.code, "warn")
    assert "is damaged" in outcome.err


def test_without_windows_beside_it_nothing_is_said_of_them(journals, saved, joulesplit):
    path = saved(profile_from_journal(read_journal(journals[0])))
    outcome = joulesplit("profile", "check", path, "--json")
    assert "windows-beside" not in [check["name"] for check in outcome.json["checks"]]


def test_the_report_names_the_plan_and_the_windows(journals, saved, joulesplit):
    profile = profile_from_journal(read_journal(journals[0]))
    shown = joulesplit("report", saved(profile)).out
    assert f"{profile.campaign.windows} by the plan quick" in shown
    assert profile.campaign.windows_sha256[:16] in shown


def test_reanalysed_windows_end_in_a_command_that_names_their_network(joulesplit, tmp_path):
    journal = tmp_path / "w.windows.jsonl"
    journal.write_bytes(KEPT.read_bytes())

    outcome = joulesplit("calibrate", "--reanalyse", journal)

    # However it is broken into lines.
    last = "".join(outcome.out.split("next  ")[-1].split())
    name = "mobilenet_v2_1.0_224_float32.tflite"
    assert last.startswith(f"joulesplitoptimize{name}--profile{tmp_path / 'w.json'}")


def test_windows_of_which_one_is_missing_are_not_computed_with(journals, joulesplit, tmp_path):
    lines = journals[0].read_bytes().splitlines(keepends=True)
    journal = tmp_path / "w.windows.jsonl"
    journal.write_bytes(b"".join(lines[:9] + lines[10:]))

    outcome = joulesplit("calibrate", "--reanalyse", journal)

    assert outcome.code == 3
    assert "before line 10 of the journal" in outcome.err
    assert not (tmp_path / "w.json").exists()


def test_a_command_goes_on_as_it_was_typed_without_what_began_it_or_is_secret():
    typed = ("calibrate", "my net.tflite", "--token", "secret", "--force", "--resume=a", "-o", "p")
    without = {"--token": 1, "--force": 0, "--resume": 1}
    again = typed_again(typed, without, "--resume", "p.windows.jsonl")
    assert again == "joulesplit calibrate 'my net.tflite' -o p --resume p.windows.jsonl"
