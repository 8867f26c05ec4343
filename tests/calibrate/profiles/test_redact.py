from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.calibrate.profile import (
    EstimateView,
    StoredProfile,
    WindowTerm,
    diff_profiles,
    profile_bytes,
    redact_profile,
)
from joulesplit.calibrate.profile._io import parse_profile
from joulesplit.calibrate.profile._redact import REMOVED

SECRETS = (
    "shed-pi", "Jane's iPhone", "192.168.7.23", "fe80::1ff:fe23:4567:890a", "2001:db8:0:1::5",
    "dc:a6:32:01:02:03", "wlxdca632010203", "HomeNet", "/home/jane/models", "jane@example.org",
    "http://server.lan:8517", "+09:00",
)  # fmt: skip

VIEWS = (
    EstimateView(
        figure="e_1 net", method="huber", value=0.02, unit="J", ci95=(0.019, 0.021),
        bootstrap_ci95=None, windows=60,
    ),
)  # fmt: skip


@pytest.fixture
def told(make_measured):
    """A profile that says far too much, in known and in unknown fields."""
    one = make_measured(created="2026-11-22T21:00:00+09:00")
    device = msgspec.structs.replace(
        one.device, usb=("05ac:12a8 Jane's iPhone", "1d6b:0002 xHCI Host Controller")
    )
    settings = {**one.sensor.settings, "trace": "/home/jane/models/run.csv", "address": "0x40"}
    document = json.loads(
        profile_bytes(
            StoredProfile(
                profile=msgspec.structs.replace(
                    one,
                    device=device,
                    sensor=msgspec.structs.replace(one.sensor, settings=settings),
                    reference="measured on Shed-Pi by jane@example.org",
                )
            )
        )
    )
    document["network"] = {
        "ssid": "HomeNet",
        "interfaces": ["wlxdca632010203 dc:a6:32:01:02:03 192.168.7.23 fe80::1ff:fe23:4567:890a"],
        "note": "also 2001:db8:0:1::5 and http://server.lan:8517/health from ~/x",
        "channel": 36,
    }
    return parse_profile(json.dumps(document).encode(), "told")


def test_nothing_personal_is_left_and_what_went_is_told_without_its_content(told):
    redacted = redact_profile(told)
    content = profile_bytes(redacted.stored).decode()

    assert not [secret for secret in SECRETS if secret.lower() in content.lower()]
    said = str(redacted.removals)
    assert not [secret for secret in SECRETS if secret.lower() in said.lower()]
    kinds = {removal.path: removal.what for removal in redacted.removals}
    assert kinds["device.hostname"] == "hostname"
    assert kinds["created"] == "time zone"
    assert kinds["network.ssid"] == "ssid"
    assert kinds["device.usb"] == "names of USB devices"


def test_every_figure_and_all_that_identifies_what_was_measured_stays(told):
    before, after = told.profile, redact_profile(told).stored.profile

    for part in ("compute", "link", "idle", "quality", "sampling", "schema", "tool"):
        assert getattr(after, part) == getattr(before, part)
    assert after.created == "2026-11-22T12:00:00+00:00"
    assert after.sensor.settings["address"] == "0x40"
    assert after.sensor.budget == before.sensor.budget
    assert after.device.usb == ("05ac:12a8", "1d6b:0002")
    assert redact_profile(told).stored.unknown["network"]["channel"] == 36
    assert diff_profiles(before, after, same_sensor=True).differing == 0


def test_redacting_twice_changes_nothing(told):
    once = redact_profile(told)
    twice = redact_profile(once.stored)

    assert twice.stored == once.stored
    assert twice.removals == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=30)
    | st.from_regex(r"[ /~:.@0-9a-f-]{0,30}", fullmatch=True),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["ssid", "note", "path", "é", "x"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(json_values)
def test_whatever_stands_in_unknown_fields_is_redacted_once_and_for_all(make_measured, extra):
    stored = StoredProfile(profile=make_measured(), unknown={"extra": extra})
    once = redact_profile(stored).stored

    assert redact_profile(once).stored == once
    assert redact_profile(once).removals == ()
    assert "shed-pi" not in profile_bytes(once).decode().lower()


def test_a_name_that_is_also_a_word_of_the_format_does_not_damage_it(make_measured):
    one = make_measured()
    named = msgspec.structs.replace(
        one, device=msgspec.structs.replace(one.device, hostname="ina219")
    )
    after = redact_profile(StoredProfile(profile=named)).stored.profile

    assert after.sensor.kind == "ina219"
    assert after.sensor.name == f"{REMOVED} at 0x40 on bus 1"


@pytest.mark.parametrize("hostname", ["huber", "net", "common", "rectangular", "in-scatter"])
def test_a_machine_named_like_a_method_or_a_kind_of_term_is_redacted_too(make_measured, hostname):
    one = make_measured()
    term = msgspec.structs.replace(one.sensor.budget[0], distribution="rectangular")
    in_window = WindowTerm(
        name="edges", standard_uncertainty=0.001, treatment="in-scatter", source="d·T/√6"
    )
    blocks = tuple(msgspec.structs.replace(b, views=VIEWS) for b in one.compute.blocks)
    named = msgspec.structs.replace(
        one,
        device=msgspec.structs.replace(one.device, hostname=hostname),
        sensor=msgspec.structs.replace(one.sensor, budget=(term,), window_budget=(in_window,)),
        compute=msgspec.structs.replace(one.compute, blocks=blocks),
    )

    after = redact_profile(StoredProfile(profile=named)).stored.profile

    assert after.device.hostname is None
    assert [block.views for block in after.compute.blocks] == [VIEWS, VIEWS]
    assert after.sensor.budget == (term,)
    assert after.sensor.window_budget == (in_window,)


def test_paths_of_the_system_and_times_are_no_places(make_measured):
    one = make_measured()
    settings = {"directory": "/sys/class/hwmon/hwmon2", "time": "12:30:45", "version": "1.2.3.4"}
    stored = StoredProfile(
        profile=msgspec.structs.replace(
            one, sensor=msgspec.structs.replace(one.sensor, settings=settings)
        )
    )

    assert redact_profile(stored).stored.profile.sensor.settings == settings
