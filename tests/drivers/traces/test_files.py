"""Recordings of both kinds: what is written comes back, and what is no recording is refused."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.drivers import PmicSensor
from joulesplit.drivers.errors import TraceFormatError, TraceLibraryError
from joulesplit.drivers.readings import Reading, ReadingFlag
from joulesplit.drivers.simulated import SimulatedClock
from joulesplit.drivers.traces import open_trace_writer, read_trace
from joulesplit.drivers.traces._csv_file import CsvTraceWriter
from joulesplit.drivers.traces._parquet_file import GROUP_READINGS

ENDINGS = ["csv", "parquet"]
FINITE = st.floats(allow_nan=False, allow_infinity=False)
DESCRIPTION = PmicSensor(clock=SimulatedClock()).description


def readings(words):
    """Readings of so many raw words, each any integer that a sensor may give."""
    return st.lists(
        st.builds(
            Reading,
            t_ns=st.integers(0, 2**62),
            raw=st.tuples(*[st.integers(-(2**40), 2**40)] * words),
            voltage_v=FINITE,
            current_a=FINITE,
            flags=st.integers(0, 255).map(ReadingFlag),
        ),
        max_size=20,
    )


@pytest.fixture(params=ENDINGS)
def ending(request, needs_pyarrow):
    if request.param == "parquet":
        needs_pyarrow()
    return request.param


@pytest.fixture
def write(tmp_path, ending):
    """Write readings to a new file; return it."""

    def write_one(taken, raw_words=2):
        path = tmp_path / f"trace.{ending}"
        writer = open_trace_writer(path, DESCRIPTION, raw_words=raw_words)
        for reading in taken:
            writer.write(reading)
        writer.close()
        writer.close()
        return path

    return write_one


def reading(number=0, **changes):
    fields = {"t_ns": number, "raw": (6000, 10002), "voltage_v": 5.0, "current_a": 0.6}
    return Reading(**{**fields, **changes})


@pytest.mark.parametrize("ending", ENDINGS)
@given(data=st.data())
def test_a_trace_reads_back_as_written(tmp_path_factory, needs_pyarrow, ending, data):
    if ending == "parquet":
        needs_pyarrow()
    words = data.draw(st.integers(0, 3))
    taken = data.draw(readings(words))
    path = tmp_path_factory.mktemp("traces") / f"trace.{ending}"
    writer = open_trace_writer(path, DESCRIPTION, raw_words=words)
    for one in taken:
        writer.write(one)
    writer.close()
    assert read_trace(path) == (DESCRIPTION, taken)


def test_a_long_recording_is_written_on_the_way_and_reads_back(write):
    taken = [reading(number, current_a=0.6 + number * 1e-4) for number in range(GROUP_READINGS + 5)]
    assert read_trace(write(taken)) == (DESCRIPTION, taken)


def test_reading_goes_by_the_content_and_not_by_the_name(write):
    path = write([reading()])
    moved = path.rename(path.with_name("trace"))
    assert read_trace(moved) == (DESCRIPTION, [reading()])


def test_a_csv_says_its_units_and_its_sensor(tmp_path):
    with CsvTraceWriter(tmp_path / "t.csv", DESCRIPTION) as writer:
        writer.write(reading())
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[0] == "# joulesplit_trace: 1"
    assert '# kind: "pi5-pmic"' in lines
    rows = [line for line in lines if not line.startswith("#")]
    assert rows == ["t_ns,voltage_v,current_a,raw0,raw1,flags", "0,5.0,0.6,6000,10002,0"]


def test_a_parquet_says_the_same_in_its_metadata_and_a_unit_for_each_column(
    needs_pyarrow, tmp_path
):
    """Read with pyarrow alone, as another tool would."""
    needs_pyarrow()
    from pyarrow import parquet

    writer = open_trace_writer(tmp_path / "t.parquet", DESCRIPTION)
    writer.write(reading(flags=ReadingFlag.RETRIED))
    writer.close()
    table = parquet.read_table(tmp_path / "t.parquet")
    metadata = {key.decode(): json.loads(value) for key, value in table.schema.metadata.items()}
    said = json.loads(json.dumps(asdict(DESCRIPTION)))
    assert metadata == {"joulesplit_trace": 1, **said}
    units = {field.name: field.metadata[b"unit"].decode() for field in table.schema}
    assert units["t_ns"] == "ns, CLOCK_MONOTONIC"
    assert (units["voltage_v"], units["current_a"]) == ("V", "A")
    assert table.to_pylist() == [
        {"t_ns": 0, "voltage_v": 5.0, "current_a": 0.6, "raw0": 6000, "raw1": 10002, "flags": 64}
    ]


def test_without_pyarrow_parquet_is_an_error_with_the_remedy(monkeypatch, needs_pyarrow, tmp_path):
    needs_pyarrow()
    path = tmp_path / "t.parquet"
    open_trace_writer(path, DESCRIPTION).close()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for use in (lambda: open_trace_writer(path, DESCRIPTION), lambda: read_trace(path)):
        with pytest.raises(TraceLibraryError, match=r"-m pip install pyarrow.*\.csv"):
            use()


def test_a_parquet_that_was_not_ended_is_refused(needs_pyarrow, tmp_path):
    needs_pyarrow()
    path = tmp_path / "t.parquet"
    writer = open_trace_writer(path, DESCRIPTION)
    for number in range(GROUP_READINGS):
        writer.write(reading(number))
    copy = tmp_path / "cut.parquet"
    copy.write_bytes(path.read_bytes() + b"\0" * 8)
    with pytest.raises(TraceFormatError, match=r"cut\.parquet.*was the recording ended"):
        read_trace(copy)
    writer.close()
    assert len(read_trace(path)[1]) == GROUP_READINGS


def foreign_table(columns, header):
    """A Parquet file of other columns or metadata."""
    import pyarrow as pa

    usual = {"t_ns": [1], "voltage_v": [5.0], "current_a": [0.6], "flags": [0]}
    said = {key: json.dumps(value) for key, value in asdict(DESCRIPTION).items()}
    metadata = {**said, "joulesplit_trace": "1", **header}
    return pa.table({**usual, **columns}).replace_schema_metadata(metadata)


@pytest.mark.parametrize(
    ("columns", "header", "message"),
    [
        ({"t": [1]}, {}, "columns are not"),
        ({"flags": [None]}, {}, "not a readable trace"),
        ({}, {"joulesplit_trace": "2"}, "joulesplit_trace: 1"),
        ({}, {"kind": "simulated"}, "header kind is not JSON"),
        ({}, {"accuracy": "[{}]"}, "description is incomplete"),
    ],
)
def test_a_foreign_parquet_is_refused_with_the_reason(
    needs_pyarrow, tmp_path, columns, header, message
):
    needs_pyarrow()
    from pyarrow import parquet

    parquet.write_table(foreign_table(columns, header), tmp_path / "t.parquet")
    with pytest.raises(TraceFormatError, match=message) as refused:
        read_trace(tmp_path / "t.parquet")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("find", "replace", "message"),
    [
        ("# joulesplit_trace: 1", "# joulesplit_trace: 99", "joulesplit_trace: 1"),
        ('# kind: "pi5-pmic"', "# kind: pi5-pmic", "header kind is not JSON"),
        ("# cycle_s", "# cycle", "description is incomplete"),
        ("# accuracy", "# accurate", "description is incomplete"),
        ("t_ns,voltage_v", "t,voltage", "columns are not"),
        # Behind the version, the description and the columns.
        (",0\n", ",zero\n", f"line {1 + len(fields(DESCRIPTION)) + 1 + 1}"),
        (",0\n", "\n", "5 cells for 6 columns"),
    ],
)
def test_a_damaged_csv_is_refused_with_the_place(tmp_path, find, replace, message):
    path = tmp_path / "t.csv"
    with CsvTraceWriter(path, DESCRIPTION) as writer:
        writer.write(reading())
    text = path.read_text()
    assert find in text
    path.write_text(text.replace(find, replace, 1))
    with pytest.raises(TraceFormatError, match=message):
        read_trace(path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TraceFormatError, match="not text"):
        read_trace(tmp_path / "t.csv")


def test_a_writer_refuses_readings_of_another_shape(tmp_path, ending):
    writer = open_trace_writer(tmp_path / f"t.{ending}", DESCRIPTION, raw_words=0)
    with pytest.raises(ValueError, match="holds 0 raw words, got 2"):
        writer.write(reading())
    writer.close()
