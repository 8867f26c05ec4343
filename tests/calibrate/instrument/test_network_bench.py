"""A network on a real interpreter: what crosses at its cuts."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from joulesplit.calibrate.instrument import NetworkBench, RuntimeChoice, _network_bench
from joulesplit.calibrate.workloads import RealActivity
from joulesplit.cli._resources import bundled
from joulesplit.drivers import MonotonicClock
from joulesplit.partition.errors import UnsupportedModelError


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
    """Places are compared among the runs that a small network keeps loaded."""
    clock = MonotonicClock()
    heads = bench.head_workloads((2, len(bench.blocks)), clock, RealActivity())
    blocks = bench.block_workloads(clock, RealActivity())
    workloads = [*blocks.values(), *heads.values()]

    def layout():
        for workload in workloads:
            workload.prepare(1)
        return tuple(
            runner._interpreter.tensor(d["index"])().ctypes.data
            for runner in bench._parts._parts.values()
            for d in runner._output_details
        )

    def results():
        return [
            bench._parts.get(block.first_operator, block.last_operator)
            .run(bench.crossing(block.index - 1))[0]
            .copy()
            for block in bench.blocks
        ]

    layouts, before = {layout()}, results()
    for chance in (Random(1), Random(2)):
        bench.lay_out_anew(chance)
        layouts.add(layout())

        assert blocks[1].run(2).repetitions == heads[2].run(2).repetitions == 2
        for now, then in zip(results(), before, strict=True):
            np.testing.assert_array_equal(now, then)
    assert len(layouts) == 3


def test_no_byte_of_a_large_file_is_kept_and_it_has_to_be_the_same_when_it_is_read_again(
    tmp_path, monkeypatch
):
    """Whoever replaces it in a campaign would have another network's blocks measured."""
    monkeypatch.setattr(_network_bench, "KEPT_FILE_BYTES", 3_000_000)
    model = tmp_path / "network.tflite"
    content = bundled("models/mobilenet_v2_1.0_224_int8.tflite").read_bytes()
    model.write_bytes(content)
    with NetworkBench(model, RuntimeChoice()) as bench:
        assert bench._file is None
        last = bench.blocks[-1]
        bench.runner(last.first_operator, last.last_operator).run(bench.crossing(last.index - 1))
        assert bench._file is None
        model.write_bytes(content + b"changed")
        with pytest.raises(UnsupportedModelError, match="replaced by another file"):
            bench.runner(last.first_operator, last.last_operator)
