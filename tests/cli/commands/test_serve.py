"""The server as a user starts it, asked by a real client."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest

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


@pytest.mark.parametrize("option", ["--max-body-bytes", "--threads"])
def test_a_limit_of_nothing_is_a_usage_error(joulesplit, model, option):
    assert joulesplit("serve", model, option, 0).code == 2
