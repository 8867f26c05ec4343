"""Our own edge server: what cannot be served is said before, or by, the process that serves."""

from __future__ import annotations

import pytest

from joulesplit.cli._errors import ServerStartError
from joulesplit.cli._server_process import loopback_server


def test_a_model_that_is_not_there_is_said_once_and_in_one_line(joulesplit, tmp_path):
    arguments = (tmp_path / "nosuch.tflite", "--sensor", "simulated", "-o", tmp_path / "p.json")
    outcome = joulesplit("calibrate", *arguments)
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err.count("\n") == 1
    assert "nosuch.tflite: no such file" in outcome.err


def test_a_file_that_is_no_model_is_refused_as_a_file(joulesplit, tmp_path):
    file = tmp_path / "photo.tflite"
    file.write_bytes(b"\xff\xd8\xff\xe0")
    outcome = joulesplit("calibrate", file, "--sensor", "simulated", "-o", tmp_path / "p.json")
    assert outcome.code == 3
    assert outcome.err.count("\n") == 1
    assert "not a .tflite model" in outcome.err


@pytest.mark.live
def test_what_the_server_says_against_starting_is_passed_on(model, monkeypatch):
    monkeypatch.setenv("JOULESPLIT_TOKEN", "no blanks allowed")
    server = loopback_server(model)
    with pytest.raises(ServerStartError, match=r"did not start: .*token"), server:
        pytest.fail("it is running")
