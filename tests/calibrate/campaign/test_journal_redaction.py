"""A journal that may be published: nothing personal in it, the same figures out of it."""

from __future__ import annotations

import pytest

from joulesplit.calibrate.campaign import profile_from_journal
from joulesplit.calibrate.journal import read_journal, redact_journal
from joulesplit.calibrate.profile import Device, StoredProfile, redact_profile
from joulesplit.calibrate.profile._io import profile_document
from journals import write_virtual_journal

SECRETS = (b"shed-pi", b"/home/jane", b"+09:00", b"Jane")


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    """The journal of a whole campaign on a device that says far too much."""
    path = tmp_path_factory.mktemp("journal") / "windows.jsonl"
    device = Device(
        board="Pi 4",
        machine="aarch64",
        kernel="6.6.31",
        python="3.11",
        cpu_count=4,
        memory_bytes=None,
        governor="performance",
        wifi_power_save="off",
        hostname="shed-pi",
        usb=("05ac:12a8 Jane's iPhone",),
    )
    return write_virtual_journal(
        path,
        created="2026-11-22T21:00:00+09:00",
        device=device,
        settings={"trace": "/home/jane/run.csv", "note": "on Shed-Pi"},
    )


@pytest.fixture
def redacted(journal, tmp_path):
    content, removals = redact_journal(journal.read_bytes())
    path = tmp_path / "redacted.jsonl"
    path.write_bytes(content)
    return path, removals


def test_nothing_personal_is_left_and_what_went_is_named(journal, redacted):
    path, removals = redacted

    assert all(secret in journal.read_bytes() for secret in SECRETS)
    assert not any(secret in path.read_bytes() for secret in SECRETS)
    assert {one.path for one in removals} == {
        "line 1: created",
        "line 1: device.hostname",
        "line 1: device.usb",
        "line 1: sensor.settings.trace",
        "line 1: sensor.settings.note",
    }


def test_its_windows_are_the_same_and_so_is_the_profile_they_give(journal, redacted):
    before, after = read_journal(journal), read_journal(redacted[0])

    assert after.records == before.records
    assert after.windows_sha256 == before.windows_sha256
    whole = redact_profile(StoredProfile(profile=profile_from_journal(before))).stored
    assert profile_document(StoredProfile(profile=profile_from_journal(after))) == profile_document(
        whole
    )


def test_redacting_twice_changes_nothing(redacted):
    content = redacted[0].read_bytes()

    assert redact_journal(content) == (content, ())


def test_a_line_that_a_crash_cut_off_goes(journal, redacted):
    assert redact_journal(journal.read_bytes() + b'{"crc32": 1')[0] == redacted[0].read_bytes()
