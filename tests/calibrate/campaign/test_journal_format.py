"""What a journal's file is, whatever becomes of the code's own types."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from pathlib import Path

import msgspec
import pytest

from joulesplit.calibrate.campaign import QUICK
from joulesplit.calibrate.errors import JournalError, JournalVersionError
from joulesplit.calibrate.journal import Journal, read_journal, schema_bytes
from joulesplit.calibrate.journal import _stored_entries as stored
from joulesplit.calibrate.journal._conversion import (
    COUNTERPARTS,
    OF_THE_FILE,
    entry_read,
    entry_to_store,
)
from joulesplit.calibrate.journal._lines import journal_line, raw_entries
from joulesplit.calibrate.journal._upgrade import entry_of
from joulesplit.cli._exit_codes import ExitCode, exit_code_of

KEPT = Path(__file__).parents[1] / "kept" / "journal-1.windows.jsonl"
SCHEMA_FILE = Path(__file__).parents[3] / "data" / "schema" / "campaign-journal-1.json"


def rewritten(tmp_path, change):
    """Write the kept journal with its header changed, checksums and all."""
    header, *others = raw_entries(KEPT.read_bytes())
    document = change(json.loads(header))
    path = tmp_path / "w.windows.jsonl"
    entries = [msgspec.json.encode(document), *others]
    path.write_bytes(b"".join(journal_line(entry) for entry in entries))
    return path


ONE_LAYOUT = ("layouts", 1)
"""What there was before there could be several."""


def without(document, later):
    """A document without the fields that came after it was written, which hold nothing in it."""
    if isinstance(document, dict):
        kept = {k: without(v, later) for k, v in document.items() if k not in later}
        found = {name: document[name] for name in later & document.keys()}
        assert all(not value or (name, value) == ONE_LAYOUT for name, value in found.items())
        return kept
    return [without(v, later) for v in document] if isinstance(document, list) else document


def test_a_kept_journal_is_read_and_written_again_as_it_was():
    later = {"doubtful", "layouts", "peak_a", "userland_bits", "quiet_s", "late_j", "clock_rate"}
    later |= {
        "foreign_writes",
        "late",
        "hidden_w",
        "foreign_cpu",
        "foreign_programs",
        "spoilt_tries",
        "spoilt_s",
        "pace",
        "transfers",
        "largest_a",
        "least_flop",
        "rest",
        "rests",
        "spoilt_rests",
        "paging",
        "most_flop",
        "fit_rates",
        "encodings",
        "lone_uploads",
        "input_shapes",
    }
    for encoded in raw_entries(KEPT.read_bytes()):
        entry = entry_read(entry_of(encoded, 1, KEPT))
        again = msgspec.json.decode(msgspec.json.encode(entry_to_store(entry)))
        assert without(again, later) == msgspec.json.decode(encoded)


@pytest.mark.parametrize("format_", [99, 2])
def test_a_journal_of_a_later_tool_is_refused_with_what_to_do(tmp_path, format_):
    path = rewritten(tmp_path, lambda header: {**header, "format": format_})

    with pytest.raises(JournalVersionError, match=f"format {format_}.*up to 1: update") as caught:
        read_journal(path)
    assert exit_code_of(caught.value) == ExitCode.FILE
    with pytest.raises(JournalVersionError, match="update"), Journal(path, resume=True):
        pass


@pytest.mark.parametrize("format_", [0, -1])
def test_a_format_that_never_was_is_refused(tmp_path, format_):
    path = rewritten(tmp_path, lambda header: {**header, "format": format_})
    with pytest.raises(JournalVersionError, match="never existed"):
        read_journal(path)
    with pytest.raises(JournalVersionError, match="finish it with"), Journal(path, resume=True):
        pass


def test_a_header_without_a_format_or_with_a_word_for_one_is_refused(tmp_path):
    without = rewritten(tmp_path, lambda h: {k: v for k, v in h.items() if k != "format"})
    with pytest.raises(JournalVersionError, match="does not say what format"):
        read_journal(without)
    for wrong in ("1", True, 1.5):
        with pytest.raises(JournalError, match=r"line 1 of the journal .* is damaged"):
            read_journal(rewritten(tmp_path, lambda h, wrong=wrong: {**h, "format": wrong}))


def test_a_plan_that_gives_no_figures_is_a_damaged_line(tmp_path):
    path = rewritten(tmp_path, lambda h: {**h, "plan": {**h["plan"], "work_s": [1.0]}})
    with pytest.raises(JournalError, match=r"line 1 of the journal .* is damaged: .*work_s"):
        read_journal(path)


def test_an_older_format_is_stepped_through_entry_by_entry():
    """Two formats before this one, in which windows and headers were called otherwise."""
    entries = [json.loads(encoded) for encoded in raw_entries(KEPT.read_bytes())]
    header, window = entries[0], entries[2]
    old_header = {**header, "format": -1, "programme": header["plan"]}
    del old_header["plan"]
    old_window = {"type": "window", "measured": window["window"], "fared": window["sampling"]}

    def rename(**names):
        return lambda entry: {names.get(key, key): value for key, value in entry.items()}

    steps = {
        -1: rename(programme="planned", fared="sampling"),
        0: rename(planned="plan", measured="window"),
    }

    def read(document):
        return entry_of(msgspec.json.encode(document), -1, KEPT, steps=steps)

    assert read(old_header) == entry_of(msgspec.json.encode(header), 1, KEPT)
    assert read(old_header).format == 1
    assert read(old_window).window == entry_of(msgspec.json.encode(window), 1, KEPT).window


def field_names(kind):
    if dataclasses.is_dataclass(kind):
        return {field.name for field in dataclasses.fields(kind)}
    return set(kind.__struct_fields__)


@pytest.mark.parametrize("kind", COUNTERPARTS, ids=lambda kind: kind.__name__)
def test_every_field_of_the_code_has_its_place_in_the_file(kind):
    own = set(OF_THE_FILE.get(kind, {}))
    assert field_names(COUNTERPARTS[kind]) == set(kind.__struct_fields__) - own


def kinds_in(hint):
    """Yield every structure that a type is made of."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
        for inside in typing.get_type_hints(hint).values():
            yield from kinds_in(inside)
    elif typing.get_origin(hint) is not None or isinstance(hint, types.UnionType):
        for inside in typing.get_args(hint):
            yield from kinds_in(inside)


def test_the_file_is_made_of_its_own_types_alone():
    """Whatever is renamed in the code leaves the files as they are."""
    kinds = set(kinds_in(stored.StoredEntry))
    assert kinds == set(COUNTERPARTS)
    assert {kind.__module__.rpartition(".")[2] for kind in kinds} == {
        "_stored_circumstances",
        "_stored_entries",
    }


def test_what_a_file_does_not_say_means_what_it_meant():
    """A preset's default may change; a file that lacks the field keeps its meaning."""
    plan = json.loads(msgspec.json.encode(QUICK))
    for name in ("heads", "whole", "upload_spread", "stop", "limits"):
        del plan[name]
    read = msgspec.convert(plan, stored.StoredPlan)
    assert (read.heads, read.whole, read.upload_spread) == ((), False, 1.0)
    assert (read.stop.rule, read.stop.looks, read.limits.duration_s) == ("fixed", 8, 10800.0)


def test_the_stored_schema_is_that_of_the_code():
    assert schema_bytes() == SCHEMA_FILE.read_bytes(), "run `make schema`"


def test_the_schema_names_every_kind_of_entry():
    entry = json.loads(schema_bytes())["$defs"]["StoredLine"]["properties"]["entry"]
    assert set(entry["discriminator"]["mapping"]) == {"header", "begun", "window", "ended"}
