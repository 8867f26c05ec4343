"""A network on a real interpreter: what crosses at its cuts."""

from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.instrument import NetworkBench, RuntimeChoice
from joulesplit.cli._resources import bundled


@pytest.fixture(scope="module")
def bench():
    model = bundled("models/mobilenet_v2_1.0_224_int8.tflite")
    with NetworkBench(model, RuntimeChoice()) as bench:
        yield bench


def test_every_cut_s_size_is_at_hand_the_network_s_input_among_them(bench):
    sizes = {bench.network.input_bits, *(block.output_bits for block in bench.blocks)}

    payloads = bench.payloads()

    assert set(payloads) == sizes
    assert all(8 * len(body) == bits for bits, body in payloads.items())


def test_what_goes_up_when_everything_is_computed_there_is_the_input_itself(bench):
    (pixels,) = bench.crossing(0)
    assert bench.payloads()[bench.network.input_bits] == np.ascontiguousarray(pixels).tobytes()
