from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.calibrate import OutputError
from joulesplit.calibrate.errors import (
    ProfileFormatError,
    ProfileNotFoundError,
    ProfileVersionError,
)
from joulesplit.calibrate.profile import (
    Compute,
    Device,
    DeviceProfile,
    GrossNet,
    Quality,
    Quantity,
    StoredProfile,
    Tool,
    load_profile,
    profile_bytes,
    save_profile,
)
from joulesplit.calibrate.profile._io import parse_profile, schema_bytes

SCHEMA_FILE = Path(__file__).parents[3] / "data" / "schema" / "device-profile-1.json"

numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)
quantities = st.builds(
    Quantity,
    value=numbers,
    unit=st.just("FLOP/J"),
    ci95=st.none() | st.tuples(numbers, numbers),
    u_stat=st.none() | numbers,
    u_sys=st.none() | numbers,
    n=st.integers(0, 1000),
)


def profile(quantity: Quantity) -> DeviceProfile:
    return DeviceProfile(
        created="2026-11-22T12:00:00+00:00",
        tool=Tool(name="joulesplit", version="0"),
        source="measured",
        device=Device(
            board="Raspberry Pi 4 Model B Rev 1.4",
            machine="aarch64",
            kernel="6.12",
            python="3.11",
            cpu_count=4,
            memory_bytes=None,
            governor="performance",
            wifi_power_save=None,
        ),
        sensor=None,
        idle=None,
        compute=Compute(
            model=None,
            runtime=None,
            flop_convention="tflite-2mac",
            e_d_flop_per_j=GrossNet(gross=quantity, net=None),
        ),
        link=None,
        quality=Quality(verdict="valid", checks=()),
        simulated=False,
    )


@pytest.fixture
def stored():
    quantity = Quantity(value=1e9, unit="FLOP/J", ci95=(0.9e9, 1.1e9), u_stat=1e7, u_sys=5e7, n=12)
    return StoredProfile(profile=profile(quantity))


@given(quantities)
def test_a_profile_comes_back_as_it_went_out(quantity):
    before = StoredProfile(profile=profile(quantity))

    assert parse_profile(profile_bytes(before), "test") == before


def test_a_profile_from_before_blocks_had_views_is_read_without_any(make_measured):
    document = json.loads(profile_bytes(StoredProfile(profile=make_measured())))
    for block in document["compute"]["blocks"]:
        del block["views"]

    before = parse_profile(json.dumps(document).encode(), "test").profile

    assert before == make_measured()
    assert [block.views for block in before.compute.blocks] == [(), ()]


def test_fields_of_a_later_tool_are_kept_where_they_stood(stored, tmp_path):
    document = json.loads(profile_bytes(stored))
    document["weather"] = {"sky": "grey"}
    document["device"]["colour"] = "green"

    again = parse_profile(json.dumps(document).encode(), "test")
    save_profile(tmp_path / "p.json", again)

    assert json.loads((tmp_path / "p.json").read_bytes()) == document
    assert again.profile == stored.profile


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"\x00\x01", ProfileFormatError, "is not JSON"),
        (b'{"crc32":1}\n{"crc32":2}\n', ProfileFormatError, "calibrate --reanalyse p.json"),
        (b"[1]", ProfileFormatError, "is not a device profile"),
        (b"[" * 100_000 + b"]" * 100_000, ProfileFormatError, "nested too deep"),
        (
            b'{"schema": "joulesplit/device-profile", "schema_version": "1"}',
            ProfileVersionError,
            "states its schema version as '1'",
        ),
        (b'{"schema": "else"}', ProfileFormatError, "is not a device profile"),
        (
            b'{"schema": "joulesplit/device-profile", "schema_version": 99}',
            ProfileVersionError,
            "update joulesplit",
        ),
        (
            b'{"schema": "joulesplit/device-profile", "schema_version": 0}',
            ProfileVersionError,
            "never existed",
        ),
        (
            b'{"schema": "joulesplit/device-profile", "schema_version": 1}',
            ProfileFormatError,
            "missing required field",
        ),
    ],
)
def test_what_is_not_a_profile_is_refused_in_one_line(content, error, message):
    with pytest.raises(error, match=message) as caught:
        parse_profile(content, "p.json")
    assert "\n" not in str(caught.value)


def test_a_missing_profile_says_how_to_make_one(tmp_path):
    with pytest.raises(ProfileNotFoundError, match="joulesplit calibrate"):
        load_profile(tmp_path / "none.json")


def test_a_profile_that_cannot_be_written_leaves_nothing_behind(stored, tmp_path):
    target = tmp_path / "taken"
    target.mkdir()
    (target / "inside").touch()

    with pytest.raises(OutputError):
        save_profile(target, stored)

    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    with pytest.raises(OutputError, match="choose a directory"):
        save_profile(tmp_path / "no" / "p.json", stored)


def test_the_stored_schema_is_that_of_the_code():
    assert schema_bytes() == SCHEMA_FILE.read_bytes(), "run `make schema`"


def test_the_schema_names_every_field_of_a_profile(stored):
    schema = json.loads(schema_bytes())
    fields = schema["$defs"]["DeviceProfile"]["properties"]

    assert set(msgspec.to_builtins(stored.profile)) == set(fields)
