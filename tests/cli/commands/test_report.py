from __future__ import annotations

import json
import sys

import msgspec
import pytest

from joulesplit.cli._resources import bundled


def test_json_is_the_profile_with_the_fields_this_version_does_not_know(
    joulesplit, saved, simulated
):
    path = saved(simulated)
    document = json.loads(path.read_text())
    document["device"]["colour"] = "green"
    path.write_text(json.dumps(document))
    assert joulesplit("report", path, "--json").json == document


def test_the_report_of_a_simulated_profile_is_marked(joulesplit, saved, simulated):
    lines = joulesplit("report", saved(simulated)).out.splitlines()
    assert lines[0].startswith("SIMULATED")
    assert "SIMULATED" in lines[-2]


def test_the_bundled_constants_say_that_they_are_from_literature(joulesplit):
    text = joulesplit("report", bundled("profiles/paper.json")).out
    assert "LITERATURE" in text
    assert "SUSPECT: provenance-confirmed" in text
    assert "10.1109/LCN.2014.6925777" in text


def test_a_missing_profile_is_a_file_error(joulesplit, tmp_path):
    outcome = joulesplit("report", tmp_path / "none.json", "--json")
    assert outcome.code == 3
    assert outcome.json["error"]["kind"] == "ProfileNotFoundError"


@pytest.mark.parametrize(
    "content", ["{}", '{"schema": "somebody/else", "schema_version": 1}', "not json"]
)
def test_a_file_of_another_kind_is_a_file_error(joulesplit, tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    assert joulesplit("report", path).code == 3


def test_a_profile_of_a_later_schema_is_a_file_error(joulesplit, saved, measured):
    path = saved(measured)
    document = json.loads(path.read_text())
    document["schema_version"] = 99
    path.write_text(json.dumps(document))
    outcome = joulesplit("report", path)
    assert outcome.code == 3
    assert "update joulesplit" in outcome.err


def test_html_writes_a_page_and_still_prints_the_report(joulesplit, saved, simulated, tmp_path):
    page = tmp_path / "page.html"
    outcome = joulesplit("report", saved(simulated), "--html", page)
    assert outcome.code == 0
    assert outcome.out.startswith("SIMULATED")
    assert outcome.err == f"wrote {page}\n"
    assert page.read_bytes().startswith(b"<!DOCTYPE html>")


def test_without_matplotlib_a_page_is_refused_with_the_command_that_installs_it_here(
    joulesplit, saved, simulated, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    outcome = joulesplit("report", saved(simulated), "--html", tmp_path / "page.html")
    assert outcome.code == 2
    assert f"{sys.executable} -m pip install matplotlib" in outcome.err
    assert not (tmp_path / "page.html").exists()


def test_a_page_that_cannot_be_written_is_a_file_error(joulesplit, saved, simulated, tmp_path):
    outcome = joulesplit("report", saved(simulated), "--html", tmp_path / "none" / "page.html")
    assert outcome.code == 3
    assert "cannot write" in outcome.err


def test_windows_without_a_page_to_draw_them_on_are_a_usage_error(joulesplit, saved, simulated):
    assert joulesplit("report", saved(simulated), "--windows", "w.jsonl").code == 2


def test_windows_that_cannot_be_read_are_a_file_error(joulesplit, saved, simulated, tmp_path):
    page = tmp_path / "page.html"
    outcome = joulesplit(
        "report", saved(simulated), "--html", page, "--windows", tmp_path / "none.jsonl"
    )
    assert outcome.code == 3
    assert not page.exists()


def test_a_profile_that_an_older_version_made_of_a_replay_is_refused(joulesplit, saved, measured):
    sensor = msgspec.structs.replace(measured.sensor, kind="replay", name="replay of INA219")
    path = saved(msgspec.structs.replace(measured, sensor=sensor))
    outcome = joulesplit("report", path)
    assert outcome.code == 3
    assert "replay of INA219, readings of another time" in outcome.err
