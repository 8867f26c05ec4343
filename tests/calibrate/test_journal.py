from __future__ import annotations

import pytest

from calibrate.errors import JournalError
from calibrate.journal import Journal, read_journal
from calibrate.window import WindowRecord, WindowTask


def record(number: int) -> WindowRecord:
    return WindowRecord(
        task=WindowTask(kind="compute", subject="block 1", block=1, repetitions=number),
        started_ns=number * 1000,
        work_s=0.1,
        idle_s=0.3,
        airtime_s=0.0,
        payload_bits=0,
        gross_j=0.3,
        net_j=0.1,
        idle_power_w=2.0,
        idle_step_w=0.001,
        peak_power_w=3.1,
        minimum_voltage_v=4.98,
        lost_s=0.0,
        readings=40,
        clipped=0,
        resets=0,
    )


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "windows.jsonl"
    with Journal(path) as journal:
        for number in (1, 2, 3):
            journal.append(record(number))
    return path


def test_windows_come_back_as_they_went_in(path):
    assert read_journal(path) == (record(1), record(2), record(3))


def test_a_window_is_on_disk_before_the_journal_is_closed(tmp_path):
    path = tmp_path / "w.jsonl"
    with Journal(path) as journal:
        journal.append(record(1))
        assert read_journal(path) == (record(1),)


def test_a_last_line_cut_off_by_a_crash_loses_only_itself(path):
    path.write_bytes(path.read_bytes()[:-7])

    assert read_journal(path) == (record(1), record(2))


def test_a_changed_figure_is_found_by_its_checksum(path):
    path.write_bytes(path.read_bytes().replace(b'"net_j":0.1', b'"net_j":0.2', 1))

    with pytest.raises(JournalError, match=r"line 1 of the journal .* checksum"):
        read_journal(path)


def test_an_existing_journal_is_never_overwritten(path):
    before = path.read_bytes()
    with pytest.raises(JournalError, match="never overwritten"), Journal(path):
        pass
    assert path.read_bytes() == before


def test_a_missing_journal_or_directory_is_one_clear_line(tmp_path):
    with pytest.raises(JournalError, match="cannot read"):
        read_journal(tmp_path / "none.jsonl")
    with pytest.raises(JournalError, match="cannot create"), Journal(tmp_path / "no" / "w.jsonl"):
        pass
