"""Splits run for real, in real time, against a real server: what is told when results differ."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest

from joulesplit.cli._resources import bundled

pytestmark = [
    pytest.mark.live,
    pytest.mark.alone("a sampler reads in real time: with every core busy it loses conversions"),
]

COMMAND = [sys.executable, "-m", "joulesplit"]
FLOAT = str(bundled("models/mobilenet_v2_1.0_224_float32.tflite"))
INT8 = str(bundled("models/mobilenet_v2_1.0_224_int8.tflite"))
WITHOUT = ("--no-xnnpack", "--split", "5")


@contextmanager
def serving(*arguments):
    with subprocess.Popen(
        [*COMMAND, "serve", INT8, "--port", "0", "--exit-with-stdin", "--json", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        yield json.loads(process.stdout.readline())["url"]
        process.stdin.close()


def validated(profile, *arguments, model=INT8):
    return subprocess.run(
        [*COMMAND, "validate", model, "--profile", str(profile), "--sensor", "simulated", "--json",
         *arguments],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_our_own_server_runs_tails_as_the_device_runs_heads(saved, simulated):
    outcome = validated(saved(simulated), *WITHOUT)
    document = json.loads(outcome.stdout)
    [split] = document["splits"]
    assert split["outputs"]["bit_equal"] is True
    assert split["runtimes_differ"] is None
    assert "warning: the server runs" not in outcome.stderr
    assert document["passed"] is split["agrees"]
    assert outcome.returncode == (0 if split["agrees"] else 6)
    assert (document["difference_bound_level"], split["agreement_level"]) == (0.95, 0.999)
    assert split["agreement_bound_j"] > split["difference_bound_j"]
    assert split["agrees"] is (abs(split["difference_j"]) <= split["agreement_bound_j"])


def test_what_is_validated_is_sent_in_the_encoding_that_is_predicted(saved, simulated):
    outcome = validated(saved(simulated), "--split", "12", "--encoding", "int8", model=FLOAT)
    [split] = json.loads(outcome.stdout)["splits"]
    assert split["encoding"] == split["predicted"]["sent_as"] == "int8"
    assert split["sent_bits"] == split["predicted"]["upload_bits"]
    assert split["outputs"]["agree"] is True
    assert split["encoded_outputs"]["relative_error"] > split["outputs"]["relative_error"]


def test_another_delegate_is_told_before_and_costs_no_measured_energy(saved, simulated):
    with serving("--xnnpack") as url:
        outcome = validated(saved(simulated), *WITHOUT, "--edge", url)
    [split] = json.loads(outcome.stdout)["splits"]
    assert outcome.returncode == 6
    assert json.loads(outcome.stdout)["passed"] is False
    assert split["outputs"]["agree"] is False
    assert split["measured"]["net_j"]["value"] > 0
    assert "joulesplit serve --no-xnnpack" in split["runtimes_differ"]
    warning, first = outcome.stderr.index("warning: the server"), outcome.stderr.index("split 5:")
    assert warning < first
