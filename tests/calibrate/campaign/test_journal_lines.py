"""What a journal's windows are known by."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from joulesplit.calibrate.campaign import QUICK, Plan, profile_from_journal
from joulesplit.calibrate.errors import JournalError
from joulesplit.calibrate.journal import Journal, read_journal, redact_journal
from journals import write_virtual_journal

KEPT = Path(__file__).parents[1] / "kept" / "journal-1.windows.jsonl"


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    return write_virtual_journal(tmp_path_factory.mktemp("journal") / "p.windows.jsonl")


def by_hand(path):
    """The windows' texts cut out of the file by what stands around them, a line each."""
    texts = re.findall(r'"window":({.*}),"sampling":', path.read_text())
    return sha256("".join(f"{text}\n" for text in texts).encode()).hexdigest()


def test_a_profile_says_which_windows_it_is_of_and_by_which_plan(journal):
    campaign = profile_from_journal(read_journal(journal)).campaign

    assert campaign.windows == len(read_journal(journal).records)
    assert campaign.windows_sha256 == by_hand(journal)
    assert msgspec.convert(campaign.plan, Plan) == QUICK


def test_what_is_not_a_window_is_no_part_of_it_and_every_digit_of_one_is(journal, tmp_path):
    lines = journal.read_bytes().splitlines(keepends=True)
    unended, other = tmp_path / "unended", tmp_path / "other"
    unended.write_bytes(b"".join(lines[:-1]))
    last = read_journal(journal).records[-1]
    other.write_bytes(b"".join(lines[:-2]))
    with Journal(other, resume=True) as file:
        changed = msgspec.structs.replace(last, net_j=last.net_j * (1 + 1e-15))
        kept = read_journal(journal).runs[0].kept[-1]
        file.append(msgspec.structs.replace(kept, window=changed))

    hashes = [read_journal(path).windows_sha256 for path in (journal, unended, other)]

    assert hashes[0] == hashes[1] != hashes[2]


def test_a_line_that_is_missing_or_out_of_place_is_told_by_its_number(journal, tmp_path):
    lines = journal.read_bytes().splitlines(keepends=True)
    changed = tmp_path / "changed.windows.jsonl"

    for place in (1, 2, len(lines) // 2, len(lines) - 2):
        changed.write_bytes(b"".join(lines[:place] + lines[place + 1 :]))
        with pytest.raises(JournalError, match=f"before line {place + 1} .* a line is missing"):
            read_journal(changed)
    changed.write_bytes(b"".join([*lines[:3], lines[4], lines[3], *lines[5:]]))
    with pytest.raises(JournalError, match="before line 4 "):
        read_journal(changed)


def test_a_resumed_and_a_redacted_journal_hold_the_chain_and_one_of_before_has_none(
    journal, tmp_path
):
    lines = journal.read_bytes().splitlines(keepends=True)
    resumed, published = tmp_path / "resumed", tmp_path / "published"
    last = read_journal(journal).runs[0]
    resumed.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    with Journal(resumed, resume=True) as file:
        file.append(last.ended)
    published.write_bytes(redact_journal(journal.read_bytes())[0])
    kept = KEPT.read_bytes().splitlines(keepends=True)

    assert read_journal(resumed).records == read_journal(published).records
    assert all(b'"after":' in line for line in resumed.read_bytes().splitlines()[1:])
    assert not any(b'"after":' in line for line in kept)
    assert read_journal(KEPT).records
    for path in (resumed, published):
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4:2]))
        with pytest.raises(JournalError, match="a line is missing"):
            read_journal(path)


def test_an_interruption_behind_the_write_of_a_line_breaks_no_chain(journal, tmp_path, monkeypatch):
    contents, interrupted = read_journal(journal), tmp_path / "interrupted"
    run, synced = contents.runs[0], os.fsync

    def interrupt(_):
        monkeypatch.setattr(os, "fsync", synced)
        raise KeyboardInterrupt

    with Journal(interrupted) as file:
        file.append(contents.header)
        file.append(run.begun)
        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            file.append(run.kept[0])
        file.append(run.ended)

    assert read_journal(interrupted).records == contents.records[:1]
    assert interrupted.read_bytes().count(b'"after":') == 3
