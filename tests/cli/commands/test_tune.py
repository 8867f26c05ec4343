"""The command on a tree of files, with a program that stands for iw on the path."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from joulesplit.calibrate.environment import Machine, program, state_path
from joulesplit.calibrate.environment._tuning import Wanted, tune
from joulesplit.cli.report.terminal import tuning_page

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


def test_who_sets_back_is_a_process_only_as_long_as_it_runs(joulesplit, root):
    (root / "proc").symlink_to("/proc")
    state = state_path()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        tune(Machine(root=root), Wanted(governor="performance"), state, process=owner.pid)
        assert f"process {owner.pid}" in joulesplit("tune", "--show", "--root", root).out
        assert joulesplit("tune", "--show", "--root", root, "--json").json["owner_runs"] is True
        owner.kill()
    shown = joulesplit("tune", "--show", "--root", root).out
    assert "process" not in shown
    assert "joulesplit tune --restore" in shown
    assert joulesplit("tune", "--show", "--root", root, "--json").json["owner_runs"] is False


def test_after_a_boot_nothing_is_shown_as_to_be_set_back(joulesplit, root):
    boot = root / "proc/sys/kernel/random/boot_id"
    boot.parent.mkdir(parents=True)
    boot.write_text("boot-1\n")
    joulesplit("tune", "--governor", "performance", "--root", root)
    boot.write_text("boot-2\n")
    assert joulesplit("tune", "--show", "--root", root, "--json").json["to_restore"] is None


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


def test_a_governor_that_the_machine_does_not_offer_is_a_usage_error(joulesplit, root):
    policy = root / "sys/devices/system/cpu/cpufreq/policy0"
    (policy / "scaling_available_governors").write_text("ondemand performance\n")
    outcome = joulesplit("tune", "--governor", "nosuch", "--root", root, "--json")

    assert outcome.code == 2
    assert outcome.json["error"]["message"] == (
        "policy0 has no governor nosuch; it offers ondemand performance"
    )
    assert (policy / "scaling_governor").read_text() == "ondemand\n"


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
            "owner_runs": True,
            "state": "/x",
        }
    )
    golden(f"tune-{width}.txt", text_of(page, width))
