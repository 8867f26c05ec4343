"""A profile is held against the windows beside it."""

from __future__ import annotations

import pytest

from joulesplit.calibrate.campaign import profile_from_journal
from joulesplit.calibrate.journal import journal_beside, read_journal
from journals import write_virtual_journal


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
