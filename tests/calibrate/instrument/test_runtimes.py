from __future__ import annotations

from dataclasses import replace

import pytest

from joulesplit.calibrate.instrument import runtime_difference
from joulesplit.calibrate.profile import Runtime
from joulesplit.edge import TailRuntime

DEVICE = Runtime(name="ai-edge-litert", version="2.1.0", threads=1, xnnpack=False)
SERVER = TailRuntime(name="ai-edge-litert", version="2.1.0", threads=4, xnnpack=False)


def test_the_same_runtime_is_no_difference_whatever_its_threads():
    assert runtime_difference(DEVICE, SERVER) is None


@pytest.mark.parametrize(
    ("changes", "cure"),
    [
        ({"xnnpack": True}, "joulesplit serve --no-xnnpack"),
        ({"version": "2.0.0"}, "the same runtime on both"),
        ({"name": "tflite-runtime"}, "the same runtime on both"),
    ],
)
def test_a_difference_names_both_sides_and_the_cure(changes, cure):
    server = replace(SERVER, **changes)
    told = runtime_difference(DEVICE, server)
    assert "ai-edge-litert 2.1.0 without XNNPACK" in told
    assert f"{server.name} {server.version}" in told
    assert cure in told


def test_a_server_that_does_not_say_is_said_to_be_one():
    assert "does not tell" in runtime_difference(DEVICE, None)
