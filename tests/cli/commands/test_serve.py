"""The server as a user starts it, asked by a real client."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from stat import S_IMODE

import pytest
import requests

from joulesplit.edge import RUNNER_THREADS, EdgeClient
from joulesplit.edge.errors import ServerRefusedError
from joulesplit.partition import runtime_identity


@contextmanager
def serving(*arguments):
    with subprocess.Popen(
        [sys.executable, "-m", "joulesplit", "serve", *map(str, arguments), "--port", "0",
         "--exit-with-stdin", "--json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        with EdgeClient(json.loads(process.stdout.readline())["url"]) as client:
            yield client
        process.stdin.close()


def test_its_health_tells_what_runs_its_tails_and_how(model):
    identity = runtime_identity()
    with serving(model) as client:
        runtime = client.health().runtime
        assert (runtime.name, runtime.version) == (identity.name, identity.version)
        assert (runtime.threads, runtime.xnnpack) == (RUNNER_THREADS, True)
    with serving(model, "--threads", 3, "--no-xnnpack") as client:
        runtime = client.health().runtime
        assert (runtime.threads, runtime.xnnpack) == (3, False)


def test_a_server_without_networks_runs_nothing_and_takes_uploads_up_to_the_stated_limit():
    with serving("--max-body-bytes", 1000) as client:
        health = client.health()
        assert (health.runtime, health.max_body_bytes) == (None, 1000)
        client.upload(bytes(1000))
        with pytest.raises(ServerRefusedError, match="--max-body-bytes"):
            client.upload(bytes(1001))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl: apt install openssl")
def test_over_tls_it_prints_a_url_that_the_client_knows_it_by(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "joulesplit", "serve", "--port", "0", "--tls", "--exit-with-stdin",
         "--json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path)},
    ) as process:  # fmt: skip
        url = json.loads(process.stdout.readline())["url"]
        with EdgeClient(url) as client:
            assert client.upload(b"x").payload_bytes == 1
        process.stdin.close()
    assert url.startswith("https://127.0.0.1:")
    assert (tmp_path / "joulesplit" / "server.crt").exists()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--tls-key", "k.pem"), "belong together"),
        (("--tls", "--tls-key", "k.pem", "--tls-certificate", "c.pem"), "leave it out"),
        (("--tls-key", "k.pem", "--tls-certificate", "c.pem"), "cannot be used"),
    ],
)
def test_certificates_that_cannot_be_used_are_usage_errors(joulesplit, options, why):
    outcome = joulesplit("serve", *options)
    assert (outcome.code, why in outcome.err) in ((2, True), (5, True)), outcome


def test_a_server_without_networks_says_what_it_does_not_do(tmp_path):
    (said,), _ = announced(tmp_path, lines=1)
    assert "serving 0 model(s), uploads alone (name .tflite files to run tails of), at " in said


def announced(home, *arguments, lines):
    """Return what the server prints as it starts, and the answer to a stranger."""
    with subprocess.Popen(
        [sys.executable, "-m", "joulesplit", "serve", "--port", "0", "--exit-with-stdin",
         *map(str, arguments)],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"XDG_CONFIG_HOME": str(home)},
    ) as process:  # fmt: skip
        said = [process.stderr.readline().rstrip("\n") for _ in range(lines)]
        port = next(line for line in said if "serving" in line).split(":")[-1].split()[0]
        stranger = requests.get(f"http://127.0.0.1:{port}/v1/health", timeout=30)
        process.stdin.close()
    return said, stranger.status_code


def test_beyond_loopback_it_makes_a_token_once_and_prints_what_to_type_on_the_pi(tmp_path):
    said, stranger = announced(tmp_path, "--host", "0.0.0.0", lines=4)
    kept = tmp_path / "joulesplit" / "server.token"
    token = kept.read_text().strip()
    assert len(token) == 32
    assert S_IMODE(kept.stat().st_mode) == 0o600
    assert stranger == 401
    assert said[0] == f"a new token is in {kept}"
    assert said[3].startswith(f"  JOULESPLIT_TOKEN={token} joulesplit init --edge http://")
    again, _ = announced(tmp_path, "--host", "0.0.0.0", lines=3)
    assert f"JOULESPLIT_TOKEN={token} " in again[2]


def test_on_loopback_nobody_is_asked_for_a_token(tmp_path):
    said, stranger = announced(tmp_path, lines=1)
    assert "serving 0 model(s)" in said[0]
    assert stranger == 200
    assert list(tmp_path.iterdir()) == []


def test_a_token_that_is_typed_shows_in_the_list_of_processes_and_is_warned_of(tmp_path):
    said, stranger = announced(tmp_path, "--token", "typed", lines=2)
    assert "JOULESPLIT_TOKEN" in said[0]
    assert stranger == 401


def test_an_empty_token_file_is_refused(joulesplit, tmp_path):
    (tmp_path / "t").write_text("\n")
    result = joulesplit("serve", "--token-file", tmp_path / "t")
    assert result.code == 2
    assert "is empty" in result.err


@pytest.mark.parametrize("option", ["--max-body-bytes", "--threads"])
def test_a_limit_of_nothing_is_a_usage_error(joulesplit, model, option):
    assert joulesplit("serve", model, option, 0).code == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_ctrl_c_is_told_by_the_exit_code_and_a_request_to_end_is_a_finished_job(number, code):
    with subprocess.Popen(
        [sys.executable, "-m", "joulesplit", "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        process.stdout.readline()
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (code, b"")


def test_it_ends_with_what_it_has_done_told_to_people():
    with subprocess.Popen(
        [sys.executable, "-m", "joulesplit", "serve", "--port", "0", "--max-body-bytes", "1500000"],
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        url = process.stderr.readline().split(" at ")[1].split()[0]
        with EdgeClient(url) as client:
            client.upload(bytes(1_500_000))
            with pytest.raises(ServerRefusedError):
                client.upload(bytes(1_500_001))
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert told == "served 2 request(s), 1 of them refused: 1.5 MB received\n"
