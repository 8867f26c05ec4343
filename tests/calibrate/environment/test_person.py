"""Whose records and states a process uses, with sudo and without."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from joulesplit.calibrate.environment import (
    hand_over,
    home_of_person,
    person_behind_sudo,
    program,
    state_path,
    states_left,
)

UID, GID = (12_345, 12_346) if os.geteuid() == 0 else (os.getuid(), os.getgid())
"""Only root may give a file away."""


@pytest.fixture
def behind_sudo(tmp_path, monkeypatch):
    """Make this process one that a person started by ``sudo``; return that person's home."""
    home = tmp_path / "home"
    home.mkdir()
    entry = pwd.struct_passwd(("pi", "x", UID, GID, "", str(home), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", {UID: entry}.__getitem__)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", str(UID))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return home


def test_behind_sudo_the_person_is_who_typed_it(behind_sudo):
    assert person_behind_sudo().pw_name == "pi"
    assert home_of_person() == behind_sudo


@pytest.mark.parametrize("number", ["", "0", "root", "999999"])
def test_root_itself_and_numbers_of_nobody_are_no_person(behind_sudo, number):
    environment = {"SUDO_UID": number}
    assert person_behind_sudo(environment) is None
    assert home_of_person(environment) == Path.home()


def test_a_left_over_number_of_sudo_means_nothing_to_a_user(behind_sudo, monkeypatch):
    """As in a shell that sudo -u started."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert person_behind_sudo() is None


def owner(path):
    found = path.lstat()
    return found.st_uid, found.st_gid


def test_what_is_made_and_replaced_in_the_home_belongs_to_the_person(behind_sudo):
    directory = behind_sudo / ".local/share/joulesplit/sensors"
    for content in ("first", "second"):
        with hand_over(directory):
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "fresh").write_text(content)
            (directory / "fresh").replace(directory / "record")
        for path in (behind_sudo / ".local", directory, directory / "record"):
            assert owner(path) == (UID, GID)


def test_what_was_there_and_what_is_outside_the_home_stays_whose_it_is(behind_sudo, tmp_path):
    directory, outside = behind_sudo / "data", tmp_path / "outside"
    directory.mkdir()
    (directory / "old").touch()
    before = owner(directory / "old"), owner(directory)
    with hand_over(directory), hand_over(outside):
        outside.mkdir()
        (directory / "new").touch()
    assert (owner(directory / "old"), owner(directory)) == before
    assert owner(directory / "new") == (UID, GID)
    assert owner(outside) == (os.getuid(), os.getgid())


@pytest.fixture
def places(behind_sudo, tmp_path):
    """Root's file, the person's, and ways to ask which one a process uses."""
    machine_wide, own = (
        tmp_path / "run/tuned.json",
        behind_sudo / ".local/state/joulesplit/tuned.json",
    )

    # Without sudo the same person's home is the process's own.
    environment = {"SUDO_UID": str(UID)}

    def used(*, as_root):
        return state_path(environment, as_root=as_root, machine_wide=machine_wide)

    def left():
        return states_left(environment, machine_wide=machine_wide)

    return machine_wide, own, used, left


def leave(path):
    path.parent.mkdir(parents=True)
    path.touch()


def test_with_nothing_left_each_keeps_its_own_state(places):
    machine_wide, own, used, left = places
    assert (used(as_root=True), used(as_root=False)) == (machine_wide, own)
    assert left() == ()


def test_what_root_left_tuned_is_seen_by_the_person_who_still_tunes_for_a_measurement(places):
    machine_wide, own, used, left = places
    leave(machine_wide)
    assert left() == (machine_wide,)
    assert used(as_root=True) == machine_wide
    # A user may not write root's file, and need not: set back is what was found.
    assert used(as_root=False) == own


def test_what_the_person_left_tuned_is_seen_and_gone_on_with_by_root(places):
    machine_wide, own, used, left = places
    leave(own)
    assert left() == (own,)
    assert used(as_root=True) == own
    leave(machine_wide)
    assert left() == (machine_wide, own)


def test_a_stated_place_is_obeyed_by_root_as_well(places, tmp_path):
    environment = {"XDG_STATE_HOME": str(tmp_path / "stated")}
    found = state_path(environment, as_root=True, machine_wide=tmp_path / "none")
    assert found == tmp_path / "stated/joulesplit/tuned.json"


def test_the_command_to_type_is_one_that_sudo_finds(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr("sys.argv", [str(tmp_path / "something.py")])
    assert program() == f"{tmp_path}/python -m joulesplit"
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/joulesplit"])
    assert program() == "joulesplit"
    (tmp_path / "joulesplit").touch()
    assert program() == f"{tmp_path}/joulesplit"
