"""A bench that is remembered: which file wins, what is refused, and what commands make of it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from joulesplit.cli._bench import FILE_NAME, KEYS, load_bench, user_file
from joulesplit.cli._errors import CommandError
from joulesplit.drivers import DiscoveredSources, I2cBusFinding
from joulesplit.drivers.simulated import (
    Ina226Parameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna226,
)
from joulesplit.drivers.simulated._load import BenchSource

PROJECT = """\
[benches.kitchen]
sensor = "ina219"
shunt_ohm = 0.1
edge = "http://server:8517"
model = "model.tflite"
profile = "/data/profile.json"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty project folder of a user without a file of his own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return project


def remember(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def in_force(folder, environment=None, **how):
    environment = {"XDG_CONFIG_HOME": str(folder.parent / "config"), **(environment or {})}
    bench = load_bench(folder, environment=environment, **how)
    return {key: (setting.value, setting.origin) for key, setting in bench.settings.items()}


def test_without_a_file_nothing_is_remembered(folder):
    assert in_force(folder) == {}
    assert load_bench(folder, environment={}).defaults()["calibrate"] == {}


def test_the_environment_wins_over_the_project_and_that_over_the_user(folder):
    own = folder.parent / "config" / "joulesplit" / FILE_NAME
    remember(own, '[benches.kitchen]\nsensor = "hwmon"\nbus = 3\nthreads = 4\n')
    remember(folder / FILE_NAME, PROJECT)

    found = in_force(folder, {"JOULESPLIT_THREADS": "2"})

    assert found["bus"] == (3, str(own))
    assert found["sensor"] == ("ina219", str(folder / FILE_NAME))
    assert found["threads"] == ("2", "JOULESPLIT_THREADS")


def test_the_users_own_file_is_where_the_desktop_standard_says(tmp_path):
    assert user_file({"XDG_CONFIG_HOME": "/x"}) == Path("/x/joulesplit/joulesplit.toml")
    assert user_file({}) == Path.home() / ".config/joulesplit/joulesplit.toml"


def test_relative_paths_start_at_the_file_that_says_them(folder):
    remember(folder / FILE_NAME, PROJECT)
    defaults = load_bench(folder, environment={}).defaults()["optimize"]

    assert defaults["model"] == str(folder / "model.tflite")
    assert defaults["profile_path"] == defaults["profile"] == "/data/profile.json"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[benches.a]\nshunt = 0.1\n", "did you mean 'shunt_ohm'?"),
        ("[benches.a]\nzzz = 1\n", "there are sensor, board"),
        ('bech = "a"\n', "did you mean 'bench'?"),
        ("[benches.a]\nbus = 1\n[benches.b]\nbus = 2\n", "name one with --bench"),
        ("benches = 3\n", "benches are tables"),
        ("[benches.a\n", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_meant_so_is_one_clear_line(folder, joulesplit, text, says):
    remember(folder / FILE_NAME, text)
    outcome = joulesplit("report", "profile.json")

    assert outcome.code == 2
    assert says in outcome.err
    assert FILE_NAME in outcome.err


def test_of_several_benches_the_named_one_counts(folder):
    remember(folder / FILE_NAME, 'bench = "a"\n[benches.a]\nbus = 1\n[benches.b]\nbus = 2\n')
    assert in_force(folder)["bus"][0] == 1
    assert in_force(folder, {"JOULESPLIT_BENCH": "b"})["bus"][0] == 2
    assert in_force(folder, {"JOULESPLIT_BENCH": "a"}, name="b")["bus"][0] == 2
    with pytest.raises(CommandError, match="there is no bench 'c'"):
        in_force(folder, name="c")


def test_a_command_takes_what_is_remembered_and_what_is_typed_wins(
    folder, joulesplit, model, saved, measured
):
    profile = saved(measured)
    remember(folder / FILE_NAME, f'[benches.a]\nmodel = "{model}"\nprofile = "{profile}"\n')
    remembered = joulesplit("optimize", "--json").json

    assert remembered == joulesplit("optimize", model, "--profile", profile, "--json").json
    assert joulesplit("optimize", "--profile", "none.json").code == 3


def test_a_board_that_is_typed_wins_over_the_benchs_shunt(folder, joulesplit):
    remember(folder / FILE_NAME, '[benches.a]\nsensor = "ina219"\nshunt_ohm = 0.05\nbus = 250\n')
    told = joulesplit("sensor", "show", "--board", "dfrobot-sen0291", "--json")

    assert "0.05" not in told.out + told.err


def test_config_show_says_where_each_value_comes_from(folder, joulesplit, monkeypatch):
    remember(folder / FILE_NAME, PROJECT)
    monkeypatch.setenv("JOULESPLIT_BUS", "7")
    settings = joulesplit("config", "show", "--json").json["settings"]

    assert settings["bus"] == {"value": "7", "origin": "JOULESPLIT_BUS"}
    assert settings["shunt_ohm"] == {"value": 0.1, "origin": str(folder / FILE_NAME)}
    assert "ina219" in joulesplit("config", "show").out


def test_a_token_file_that_is_not_there_is_told(folder, joulesplit):
    remember(folder / FILE_NAME, '[benches.a]\ntoken_file = "none"\n')
    outcome = joulesplit("report", "x.json")
    assert outcome.code == 2
    assert str(folder / "none") in outcome.err


def test_every_key_is_an_option_of_some_command():
    from joulesplit.cli._bench import BENCH_COMMANDS
    from joulesplit.cli._main import LazyGroup

    group = LazyGroup("joulesplit")
    commands = [group.get_command(None, name) for name in BENCH_COMMANDS]
    known = {parameter.name for command in commands for parameter in command.params}
    for key in KEYS.values():
        assert set(key.parameters) & known


def test_init_in_a_script_refuses_what_it_would_have_to_ask(folder, joulesplit):
    outcome = joulesplit("init", "--sensor", "ina219")
    assert outcome.code == 2
    assert "--shunt-ohm" in outcome.err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("addresses", "offers"), [((), "no power source"), ((0x44,), "ina226 at 0x44 on bus 1")]
)
def test_init_names_the_chips_that_answer(folder, joulesplit, monkeypatch, addresses, offers):
    """Nobody is there to ask for the shunt: the chip that was found needs it."""
    clock = SimulatedClock()
    specimen, source = Ina226Parameters(shunt_ohm=0.01), BenchSource(current_a=0.6, voltage_v=5.0)
    chips = {a: SimulatedIna226(source, clock, parameters=specimen) for a in addresses}
    bus = I2cBusFinding(number=1, path=folder / "i2c-1", usable=True, group="i2c", clock_hz=400_000)
    found = DiscoveredSources(
        buses=(bus,), in_i2c_group=True, hwmon_chips=(), rapl_packages=(), rapl_readable=False,
        vcgencmd=None,
    )  # fmt: skip
    monkeypatch.setattr("joulesplit.drivers.discover", lambda: found)
    monkeypatch.setattr(
        "joulesplit.drivers._opening.open_i2c_bus", lambda n: SimulatedI2cBus(n, chips, clock)
    )
    outcome = joulesplit("init")
    assert outcome.code == 2
    assert offers in outcome.err
    needed = "--sensor ina226 needs --shunt-ohm" if addresses else "give --sensor"
    assert needed in outcome.err
    assert list(folder.iterdir()) == []


@pytest.mark.live
@pytest.mark.alone("a sampler reads in real time: with every core busy it loses conversions")
def test_init_tries_the_sensor_and_remembers_the_bench(folder, joulesplit, model):
    outcome = joulesplit("init", "--sensor", "simulated", "--model", model, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["tried"]["power_w"] > 0.5
    written = tomllib.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    assert written["benches"]["bench"]["sensor"] == "simulated"
    assert joulesplit("init", "--sensor", "simulated").code == 2
