"""Whatever is typed wrong is a usage error: exit code 2, with the option's own name.

Every option of every command is given values that its kind cannot have. A new option is found by
walking the commands, and has to say here what it takes if click does not.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pytest

import joulesplit.cli as cli_package
from joulesplit.cli._main import cli
from joulesplit.cli._resources import paper_network

MODEL = str(paper_network())
PROFILED = ("--profile", "profile.json")
SIMULATED = ("--sensor", "simulated")
SPAN = ("--current-u", "0.1", "--reference", "x", "--current-a", "1", "--readings", "256")

COMMANDS = {
    ("init",): (*SIMULATED, "--model", MODEL),
    ("monitor",): (*SIMULATED, "--seconds", "0.1"),
    ("measure",): SIMULATED,
    ("sensor", "forget"): ("x",),
    ("sensor", "list"): (),
    ("sensor", "show"): ("x",),
    ("sensor", "span"): (*SIMULATED, *SPAN),
    ("sensor", "zero"): SIMULATED,
    ("serve",): (MODEL, "--host", "256.1.1.1"),
    ("partition",): (MODEL,),
    ("calibrate",): (MODEL, *SIMULATED, "-o", "new.json"),
    ("optimize",): (MODEL, *PROFILED),
    ("run",): (MODEL, *PROFILED, "--input", "x.npy"),
    ("validate",): (MODEL, *PROFILED, *SIMULATED),
    ("report",): ("profile.json",),
    ("profile", "diff"): ("profile.json", "profile.json"),
    ("profile", "merge"): ("profile.json", "profile.json", "-o", "m.json"),
    ("profile", "redact"): ("profile.json", "-o", "m.json"),
    ("profile", "upgrade"): ("profile.json",),
    ("config", "show"): (),
    ("tune",): (),
    ("paper",): (),
    ("demo",): (),
}
"""Each command that has options with values, and what it needs beside the one that is wrong."""

ALSO = {"--after-operator": ("-o", "parts"), "--split": ("-o", "parts")}
"""What an option needs beside it."""

WRONG_TEXTS = {
    "--sensor": ("sundial",),
    "--board": ("nosuch",),
    "--address": ("x", "300", "-1"),
    "--edge": ("foo", "http://", "ftp://x:1", "http://x:99999", "http://x:1/path"),
    "--at": ("nosuch",),
    "--blocks": ("x", "0", "-1", "999"),
    "--split": ("nosuch", "99", "-1"),
    "--encoding": ("nosuch",),
    "--encodings": ("nosuch", ""),
    "--signature": ("nosuch",),
    "--input-shape": ("x", "nosuch=1,2"),
    "--keep-local": ("nosuch",),
    "--bench": ("nosuch",),
    "--governor": ("nosuch",),
    "--token": ("", "two words", "größer"),
    "--rail": ("", " "),
    "--name": ("", " "),
    "--reference": ("", " "),
}
"""What options that click takes as texts cannot be."""

ANY_TEXT = {
    "--runtime": "one that the profile need not have: the report says so",
    "--host": "an address is found to be none by listening on it",
    "--plan": "a name or a file: one that is not there is a missing file",
    "--hwmon-chip": "what is not there is a sensor that is missing",
    "--hwmon-channel": "what is not there is a sensor that is missing",
}
"""Options whose every text can be right."""

ELSEWHERE = {"--governor": "tests/cli/commands/test_tune.py: on a machine that has governors"}
"""Options tried where what they need stands."""

BELOW_ZERO_IS_RIGHT = {
    ("partition", "--after-operator"): "−1 is the cut before the first operator",
}
LARGE_IS_RIGHT = {"--seed", "--runs", "--shadow", "--max-body-bytes", "--input-bits", "--readings"}
"""Counts without an end."""


def walk(command=cli, path=()):
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from walk(command.get_command(context, name), (*path, name))


def options():
    for path, command in walk():
        for option in command.params:
            if isinstance(option, click.Option) and not option.is_flag:
                yield path, option


def wrong_values(path, option):
    kind, name = option.type, option.opts[0]
    if isinstance(kind, click.Choice):
        return ("nosuch",)
    if isinstance(kind, click.types.FloatParamType):
        return ("x", "nan", "inf", "-1", "1e400")
    if isinstance(kind, click.types.IntParamType):
        below = () if (path[-1], name) in BELOW_ZERO_IS_RIGHT else ("-1",)
        beyond = () if name in LARGE_IS_RIGHT else ("99999999999999999999",)
        return ("x", "1.5", *below, *beyond)
    return () if name in ELSEWHERE else WRONG_TEXTS.get(name, ())


CASES = [
    (path, option.opts[0], value)
    for path, option in options()
    for value in wrong_values(path, option)
]


@pytest.fixture
def bench(tmp_path, monkeypatch, saved, simulated):
    """A folder with a profile of the network, and an input of it; nothing of the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    saved(simulated)
    np.save("x.npy", np.zeros((1, 224, 224, 3), np.float32))


def test_every_option_that_takes_a_text_says_what_is_wrong_or_that_nothing_is():
    texts = {
        option.opts[0]
        for _, option in options()
        if isinstance(option.type, click.types.StringParamType | click.types.FuncParamType)
    }
    assert texts <= WRONG_TEXTS.keys() | ANY_TEXT.keys()
    assert {path for path, _ in options()} == COMMANDS.keys()


@pytest.mark.parametrize("path", sorted({path for path, _, _ in CASES}), ids=" ".join)
@pytest.mark.usefixtures("bench")
def test_a_value_that_an_option_cannot_have_is_a_usage_error(joulesplit, path):
    told = {}
    for _, option, value in (case for case in CASES if case[0] == path):
        outcome = joulesplit(*path, option, value, "--json", *_beside(path, option))
        error = outcome.json["error"]
        if (outcome.code, error["code"]) != (2, 2) or not _says(error["message"], option, value):
            told[option, value] = (outcome.code, error["message"])
    assert told == {}


def _beside(path, option):
    """Return what the command needs, without the option that is tried."""
    words = [*COMMANDS[path], *(ALSO.get(option, ()) if path == ("partition",) else ())]
    if option in words:
        del words[words.index(option) : words.index(option) + 2]
    return (*words, "--", "true") if path == ("measure",) else words


def _says(message, option, value):
    return option.lstrip("-") in message or value.split("=")[0] in message


def test_a_range_that_several_options_have_stands_once():
    """Two that are spelt out alike drift apart when one is changed."""
    source = Path(cli_package.__file__).parent
    spelt = [
        f"{path.name}: {line.strip()}"
        for path in source.rglob("*.py")
        if path.name != "_number_range.py"
        for line in path.read_text().splitlines()
        if "Range(" in line
    ]
    assert spelt == []
