"""The command on a tree of files, with a program that stands for iw on the path."""

from __future__ import annotations

import os

import pytest

from calibrate.environment.program import program
from joulesplit.report.tuning import tuning_page

IW = """#!/bin/sh
case "$3" in get) echo "Power save: $(cat "$FAKE_RADIO")";; set) echo "$5" > "$FAKE_RADIO";; esac
exit 0
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = tmp_path / "root"
    policy = root / "sys/devices/system/cpu/cpufreq/policy0"
    policy.mkdir(parents=True)
    (policy / "scaling_governor").write_text("ondemand\n")
    (root / "sys/class/net/wlan0/wireless").mkdir(parents=True)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "iw").write_text(IW)
    (tools / "iw").chmod(0o755)
    (tmp_path / "radio").write_text("on\n")
    monkeypatch.setenv("FAKE_RADIO", str(tmp_path / "radio"))
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return root


def now(document):
    settings = document["settings"]
    return settings["governor"]["policy0"], settings["wifi-power-save"]["wlan0"]


def test_tune_show_and_restore(joulesplit, root):
    asked = ("--governor", "performance", "--wifi-power-save", "off")
    tuned = joulesplit("tune", *asked, "--root", root, "--json")
    assert (tuned.code, now(tuned.json)) == (0, ("performance", "off"))

    shown = joulesplit("tune", "--show", "--root", root, "--json").json
    assert [(s["name"], s["before"]) for s in shown["to_restore"]["settings"]] == [
        ("policy0", "ondemand"), ("wlan0", "on"),
    ]  # fmt: skip

    restored = joulesplit("tune", "--restore", "--root", root, "--json").json
    assert now(restored) == ("ondemand", "on")
    assert len(restored["restored"]["settings"]) == 2
    assert restored["to_restore"] is None
    assert "Nothing was to be set back" in joulesplit("tune", "--restore", "--root", root).out


@pytest.mark.parametrize("arguments", [(), ("--show", "--restore"), ("--governor", "x", "--show")])
def test_exactly_one_thing_is_asked_for(joulesplit, arguments):
    outcome = joulesplit("tune", *arguments)
    assert outcome.code == 2
    assert "say what to do" in outcome.err


def test_what_cannot_be_set_is_one_line_and_leaves_the_machine_alone(joulesplit, root):
    governor = root / "sys/devices/system/cpu/cpufreq/policy0/scaling_governor"
    governor.unlink()
    governor.symlink_to("/proc/sys/kernel/random/boot_id")
    asked = ("--governor", "performance", "--root", root, "--json")
    outcome = joulesplit("tune", *asked)

    assert outcome.code == 3
    assert f"sudo {program()} tune --governor performance" in outcome.json["error"]["message"]


SETTING = {"target": "governor", "name": "policy0", "before": "ondemand", "after": "performance"}


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_report_reads_as_stored(text_of, golden, width):
    page = tuning_page(
        {
            "settings": {
                "governor": {"policy0": "performance"},
                "wifi-power-save": {"wlan0": None},
            },
            "restored": {"rebooted": False, "settings": [SETTING], "left": [SETTING]},
            "to_restore": {"owner": {"process": 4711, "started": "1"}, "settings": [SETTING]},
            "state": "/x",
        }
    )
    golden(f"tune-{width}.txt", text_of(page, width))
