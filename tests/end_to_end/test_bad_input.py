"""Bad input gives one clear line, the documented exit code, and leaves nothing behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from joulesplit.cli import run
from joulesplit.cli._resources import bundled, paper_network

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"
INA219 = ("--sensor", "ina219", "--bus", "99", "--address", "0x40", "--shunt-ohm", "0.1")
SIMULATED = ("--sensor", "simulated")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a good model and broken ones."""
    monkeypatch.chdir(tmp_path)
    good = paper_network().read_bytes()
    (tmp_path / "cut.tflite").write_bytes(good[: len(good) // 2])
    (tmp_path / "text.tflite").write_text("this is no network")
    (tmp_path / "empty.tflite").touch()
    (tmp_path / "other.json").write_text('{"schema": "something-else"}')
    (tmp_path / "broken.json").write_text('{"schema": "joulesplit/device')
    shutil.copy(bundled("profiles/paper.json"), tmp_path / "paper.json")
    (tmp_path / "cut.windows.jsonl").write_bytes(b'{"crc32":1,"entry":{"type":"he')
    (tmp_path / "later.json").write_text(
        json.dumps({"schema": "joulesplit/device-profile", "schema_version": 99})
    )
    return tmp_path


MODEL = str(paper_network())
OTHER = str(ROOT / "data" / "models" / "mobilenet_v2_1.0_224_int8.tflite")
KEPT = str(ROOT / "tests" / "calibrate" / "kept" / "journal-1.windows.jsonl")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("partition", "none.tflite"), 3, "none.tflite"),
        (("partition", "text.tflite"), 3, "text.tflite"),
        (("partition", "empty.tflite"), 3, "empty.tflite"),
        (("partition", "cut.tflite"), 3, "cut.tflite"),
        (("partition", "."), 3, "."),
        (("partition", MODEL, "--after-operator", "999", "-o", "out"), 2, "999"),
        (("report", "none.json"), 3, "joulesplit calibrate"),
        (("report", "broken.json"), 3, "not JSON"),
        (("report", "other.json"), 3, "not a device profile"),
        (("report", "later.json"), 3, "update joulesplit"),
        (("optimize", MODEL, "--profile", "none.json"), 3, "none.json"),
        (
            ("optimize", MODEL, "--profile", "paper.json", "--compute-model", "blocks"),
            7,
            "constant",
        ),
        (("calibrate", MODEL, "--sensor", "ina219"), 2, "--shunt-ohm"),
        (("calibrate", MODEL, *INA219), 4, "/dev/i2c-99"),
        (("calibrate", MODEL, *INA219, "--edge", NOWHERE), 4, "/dev/i2c-99"),
        (("monitor", *INA219, "--seconds", "1"), 4, "/dev/i2c-99"),
        (("measure", *INA219, "--", "true"), 4, "/dev/i2c-99"),
        (("measure", "--sensor", "ina219", "--", "true"), 2, "--shunt-ohm"),
        (("measure", *SIMULATED, "--", "./cut.tflite"), 2, "may be run"),
        (("measure", *SIMULATED, "-o", "paper.json", "--", "true"), 2, "--force"),
        (("measure", *SIMULATED, "-o", "none/e.json", "--", "true"), 3, "none/e.json"),
        (("measure", "--sensor", "replay", "--", "true"), 2, "joulesplit monitor"),
        (("calibrate", MODEL, *SIMULATED, "--edge", NOWHERE), 5, NOWHERE),
        (("calibrate", "none.tflite", *SIMULATED, "--edge", NOWHERE), 3, "none.tflite"),
        (("calibrate", MODEL, *SIMULATED, "-o", "paper.json"), 2, "--force"),
        (("validate", MODEL, "--profile", "paper.json", *SIMULATED), 2, "literature"),
        (("calibrate", MODEL, *SIMULATED, "--link", "wifi"), 6, "leaves by lo, a loopback"),
        (
            ("calibrate", OTHER, *SIMULATED, "--edge", NOWHERE, "--resume", KEPT),
            3,
            "the network was mobilenet_v2_1.0_224_float32.tflite",
        ),
        (("calibrate", "--reanalyse", "none.jsonl"), 3, "*.windows.jsonl beside the profile"),
        (("calibrate", "--reanalyse", "paper.json", "-o", "n"), 3, "not the journal"),
        (("calibrate", "--reanalyse", "cut.windows.jsonl"), 3, "start a new campaign"),
        (("calibrate", "--reanalyse", "paper.windows.jsonl"), 2, "--force"),
        (("calibrate", "--reanalyse", "x", "--quick"), 2, "leave the plan out"),
        (("calibrate", "--reanalyse", "x", "--resume", "x"), 2, "different tasks"),
        (("calibrate", "--show-plan", "--resume", "x"), 2, "different tasks"),
        (("calibrate", "--resume", "cut.windows.jsonl"), 2, "MODEL and --sensor"),
        (("calibrate", MODEL, *SIMULATED, "--resume", "none.jsonl"), 3, "none.jsonl"),
        (("calibrate", MODEL, *SIMULATED, "--resume", "paper.json", "-o", "n"), 3, "not the jou"),
        (("calibrate", MODEL, *SIMULATED, "--resume", "x", "-o", "paper.json"), 2, "--force"),
        (("calibrate", MODEL, *SIMULATED, "--plan", "none.toml"), 3, "none.toml"),
        (("calibrate", MODEL, *SIMULATED, "--quick", "--rigorous"), 2, "give one"),
        (("report", "cut.windows.jsonl"), 3, "calibrate --reanalyse"),
        (("profile", "diff", "paper.json", "broken.json"), 3, "not JSON"),
        (("profile", "merge", "paper.json", "-o", "new.json"), 3, "two"),
        (("serve", "none.tflite"), 3, "none.tflite"),
        (("serve", MODEL, "--host", "0.0.0.0", "--token-file", "paper.json/t"), 2, "--token-file"),
        (("monitor", "--sensor", "replay"), 2, "--trace"),
        (("calibrate", MODEL, "--sensor", "replay", "--trace", "t.csv"), 2, "joulesplit monitor"),
        (("validate", MODEL, "--profile", "x", "--sensor", "replay"), 2, "joulesplit monitor"),
    ],
    ids=lambda value: " ".join(value)[-60:] if isinstance(value, tuple) else None,
)
def test_one_line_says_what_is_wrong_and_the_exit_code_is_the_documented_one(
    folder, capsys, arguments, code, says
):
    before = sorted(path.name for path in folder.iterdir())

    assert run(arguments) == code

    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("joulesplit: error: ")
    assert says in lines[0]
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_plan_that_cannot_be_carried_out_replaces_no_earlier_campaign(folder, capsys):
    """--force is for the campaign that takes its place, and there is none."""
    (folder / "plan.toml").write_text('base = "quick"\nupload_sizes_bits = [8000000000000]\n')
    (folder / "p.json").write_text("earlier figures")
    (folder / "p.windows.jsonl").write_text("earlier windows")

    code = run(["calibrate", MODEL, *SIMULATED, "--plan", "plan.toml", "-o", "p.json", "--force"])

    assert code == 3
    assert "the server takes 536870912 bit at most" in capsys.readouterr().err
    assert (folder / "p.json").read_text() == "earlier figures"
    assert (folder / "p.windows.jsonl").read_text() == "earlier windows"


@pytest.mark.parametrize("shunt", ["0", "-0.1", "nan"])
def test_a_shunt_no_current_could_be_measured_with_is_refused(folder, capsys, shunt):
    arguments = ["monitor", "--sensor", "ina219", "--shunt-ohm", shunt, "--seconds", "1"]

    assert run(arguments) in (2, 4)

    assert "shunt" in capsys.readouterr().err


def test_with_json_an_error_is_one_object_too(folder, capsys):
    assert run(["report", "none.json", "--json"]) == 3

    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == 3
    assert "none.json" in error["message"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("optimize", MODEL, "--nope"), "--nope"),
        (("optimize", MODEL), "--profile"),
        (("optimise",), "optimise"),
        (("monitor", "--sensor", "sundial"), "sundial"),
        (("sensor", "lost"), "lost"),
    ],
)
def test_with_json_a_command_line_nobody_understands_is_one_object_too(capsys, arguments, says):
    assert run([*arguments, "--json"]) == 2
    captured = capsys.readouterr()
    error = json.loads(captured.out)["error"]
    assert error["code"] == 2
    assert says in error["message"]
    assert says in captured.err
    assert run(arguments) == 2
    assert capsys.readouterr().out == ""


def test_every_exit_code_is_in_the_readme():
    from joulesplit.cli._exit_codes import ExitCode

    readme = (ROOT / "README.md").read_text()
    for code in ExitCode:
        assert f"| {code.value} | " in readme, code


def test_every_command_is_in_the_readme():
    from joulesplit.cli._main import COMMANDS

    readme = (ROOT / "README.md").read_text()
    for name in COMMANDS:
        assert f"| `{name}" in readme, name
