"""The program works from any folder, whatever the files in it are called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from joulesplit.calibrate.environment import Machine, guarded
from joulesplit.cli._resources import paper_network
from joulesplit.cli._server_process import loopback_server
from joulesplit.edge import EdgeClient
from joulesplit.partition.reading import read_network
from joulesplit.partition.reading._shape_run import shapes_on_two_inputs

TRAP = "raise SystemExit('a file of the working folder was imported: ' + __file__)\n"
ROOMS = ("metrology", "drivers", "partition", "edge", "calibrate", "optimizer", "cooperate", "cli")
COMMAND = str(Path(sys.executable).with_name("joulesplit"))
MODULE = (sys.executable, "-m", "joulesplit")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def trap(folder, name):
    """A module and a package that must not be imported."""
    (folder / f"{name}.py").write_text(TRAP)
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(TRAP)


@pytest.fixture
def crowded(tmp_path):
    """A folder with packages and scripts called like every room, and a clone of the repository."""
    for room in ROOMS:
        trap(tmp_path, room)
    (tmp_path / "joulesplit" / "docs").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def namesake(tmp_path):
    """A folder whose own ``joulesplit`` is not this one."""
    for name in ("joulesplit", *ROOMS):
        trap(tmp_path, name)
    return tmp_path


def run_in(folder, *arguments):
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("program", [(COMMAND,), MODULE], ids=["command", "module"])
def test_a_decision_comes_out_between_folders_called_like_the_rooms(crowded, program):
    assert json.loads(run_in(crowded, *program, "paper", "--json"))["best_block"] == 5


def test_every_room_is_our_own_between_folders_called_like_the_rooms(crowded):
    script = (
        "import joulesplit, sys\n"
        "from joulesplit import calibrate, cli, drivers, edge, optimizer, partition\n"
        "from joulesplit.drivers import MonotonicClock\n"
        "print(*[room for room in sys.argv[1:] if room in sys.modules])\n"
    )
    assert run_in(crowded, sys.executable, "-c", script, *ROOMS).strip() == ""


def test_the_command_works_where_the_folder_has_a_joulesplit_of_its_own(namesake):
    assert json.loads(run_in(namesake, COMMAND, "paper", "--json"))["best_block"] == 5


MONITOR = ("monitor", "--sensor", "simulated", "--seconds", "0.5", "--json")


@pytest.mark.parametrize("program", [(COMMAND,), MODULE], ids=["command", "module"])
def test_the_sampler_process_starts_between_folders_called_like_the_rooms(crowded, program):
    assert json.loads(run_in(crowded, *program, *MONITOR))["simulated"] is True


def test_the_sampler_process_starts_where_the_folder_has_a_joulesplit_of_its_own(namesake):
    assert json.loads(run_in(namesake, COMMAND, *MONITOR))["simulated"] is True


def test_open_shapes_are_settled_where_the_folder_has_a_joulesplit_of_its_own(
    namesake, monkeypatch
):
    network = read_network(paper_network())
    entry = network.inputs[0]
    monkeypatch.chdir(namesake)
    shapes, _ = shapes_on_two_inputs(
        paper_network().read_bytes(), {entry: network.tensors[entry].shape}
    )
    assert shapes[network.outputs[0]] == network.tensors[network.outputs[0]].shape


def test_the_edge_server_starts_where_the_folder_has_a_joulesplit_of_its_own(namesake, monkeypatch):
    monkeypatch.chdir(namesake)
    with loopback_server(paper_network()) as url, EdgeClient(url) as client:
        assert client.models()


def test_the_guard_of_a_tuned_machine_starts_where_the_folder_has_a_joulesplit_of_its_own(
    namesake, monkeypatch, capfd
):
    monkeypatch.chdir(namesake)
    with guarded(Machine(root=namesake), namesake / "tuned.json"):
        pass
    assert capfd.readouterr().err == ""
