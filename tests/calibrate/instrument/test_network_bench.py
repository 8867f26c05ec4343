"""A network on a real interpreter: what crosses at its cuts."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from joulesplit.calibrate.instrument import NetworkBench, RuntimeChoice
from joulesplit.calibrate.workloads import RealActivity
from joulesplit.cli._resources import bundled
from joulesplit.drivers import MonotonicClock


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


def test_laid_out_anew_blocks_and_heads_lie_elsewhere_and_compute_the_same(bench):
    def addresses():
        runners = (*bench._runners.values(), *bench._heads.values())
        return [runner._interpreter.tensor(d["index"])().ctypes.data
                for runner in runners for d in runner._output_details]  # fmt: skip

    heads = bench.head_workloads((2, len(bench.blocks)), MonotonicClock(), RealActivity())
    for head in heads.values():
        head.prepare(1)
    blocks = bench.block_workloads(MonotonicClock(), RealActivity())
    results = [bench.crossing(block.index)[0].copy() for block in bench.blocks]
    layouts = {tuple(addresses())}
    for chance in (Random(1), Random(2)):
        bench.lay_out_anew(chance)
        layouts.add(tuple(addresses()))

        assert blocks[1].run(2).repetitions == heads[2].run(2).repetitions == 2
        for block, before in zip(bench.blocks, results, strict=True):
            np.testing.assert_array_equal(bench.crossing(block.index)[0], before)
    assert len(layouts) == 3
