from __future__ import annotations

import json

import pytest

from joulesplit.calibrate.errors import ProfileFormatError, ProfileVersionError
from joulesplit.calibrate.profile import StoredProfile, profile_bytes, upgrade_profile
from joulesplit.calibrate.profile._io import upgraded


@pytest.fixture
def document(make_measured):
    return json.loads(profile_bytes(StoredProfile(profile=make_measured())))


def test_versions_are_stepped_through_one_at_a_time(document):
    steps = {
        -1: lambda d: {**d, "trail": [*d.get("trail", []), "from -1"]},
        0: lambda d: {**d, "trail": [*d["trail"], "from 0"]},
    }
    old = {**document, "schema_version": -1}

    new = upgraded(old, "old.json", steps=steps)

    assert new["trail"] == ["from -1", "from 0"]
    assert new["schema_version"] == 1
    assert old["schema_version"] == -1, "the original is left as it was"


def test_an_older_file_is_replaced_with_every_unknown_field_even_inside_lists(document, tmp_path):
    path = tmp_path / "p.json"
    document["compute"]["blocks"][0]["mood"] = "blue"
    document["machine"] = document.pop("device")
    path.write_text(json.dumps({**document, "schema_version": 0}))

    def rename(old):
        return {**{k: v for k, v in old.items() if k != "machine"}, "device": old["machine"]}

    done = upgrade_profile(path, path, steps={0: rename})

    after = json.loads(path.read_text())
    assert (done.before, done.after, done.changed) == (0, 1, True)
    assert after["device"] == document["machine"]
    assert after["compute"]["blocks"][0]["mood"] == "blue"
    assert [file.name for file in tmp_path.iterdir()] == ["p.json"]


def test_a_current_file_is_not_touched_but_can_be_copied(document, tmp_path):
    path, copy = tmp_path / "p.json", tmp_path / "copy.json"
    path.write_text(json.dumps(document))
    before = path.stat().st_mtime_ns, path.read_bytes()

    assert not upgrade_profile(path, path).changed
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    upgrade_profile(path, copy)
    assert json.loads(copy.read_text()) == document


def test_an_upgrade_that_gives_no_profile_leaves_the_file_as_it_was(document, tmp_path):
    path = tmp_path / "p.json"
    path.write_text(json.dumps({**document, "schema_version": 0}))
    before = path.read_bytes()

    with pytest.raises(ProfileFormatError, match="damaged"):
        upgrade_profile(path, path, steps={0: lambda d: {**d, "quality": None}})
    with pytest.raises(ProfileVersionError, match="never existed"):
        upgrade_profile(path, path, steps={})
    assert path.read_bytes() == before
