"""The steps of a start on a real interpreter, and how many are ready at once."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from joulesplit.calibrate.campaign import INPUT_FORMS, shrinking_blocks
from joulesplit.calibrate.instrument import (
    NetworkBench,
    PhaseBench,
    RuntimeChoice,
    encoding_places,
    encoding_workloads,
    phase_count,
)
from joulesplit.calibrate.instrument._camera_picture import CONVERT, PICTURE
from joulesplit.calibrate.instrument._loaded_parts import copy_bytes as loaded_copy_bytes
from joulesplit.calibrate.instrument._network_bench import REST_NS
from joulesplit.calibrate.instrument._phase_bench import (
    ALLOCATE,
    COPIES_AT_MOST,
    FIRST_INFERENCE,
    LOAD,
    READ_FILE,
    SET_INPUT,
    WORKING_BYTES,
    copies_ready,
    copies_that_fit,
)
from joulesplit.calibrate.profile import CONNECTION_PHASE, encoding_phase
from joulesplit.calibrate.workloads import (
    BoardCosts,
    PreparedWorkload,
    RealActivity,
    SimulatedBoard,
)
from joulesplit.cli._resources import bundled
from joulesplit.drivers.simulated import SimulatedClock
from joulesplit.partition._interpreters import invoke
from joulesplit.partition.errors import InvocationError
from joulesplit.partition.reading import read_network

MB = 10**6
OPEN = Path(__file__).parents[2] / "partition" / "models" / "cnn_open_image.tflite"


def copy_bytes(network):
    return sum(tensor.bits for tensor in network.tensors) / 8


@pytest.mark.parametrize(
    ("copies_in_half", "fitting"),
    [(0.0, 1), (0.99, 1), (2.5, 2), (15.9, 15), (1000.0, COPIES_AT_MOST)],
)
def test_copies_take_half_of_the_memory_available_but_there_is_one(
    network, copies_in_half, fitting
):
    available_bytes = round(2 * copies_in_half * copy_bytes(network))
    assert copies_that_fit(network, available_bytes) == fitting


def test_a_board_of_half_a_gigabyte_is_not_filled(network):
    """MobileNetV2 with 32-bit weights on a Zero 2 W that has 200 MB left."""
    copies = copies_that_fit(network, 200 * MB)
    assert copies < COPIES_AT_MOST
    assert copies * copy_bytes(network) <= 100 * MB


def test_where_the_memory_is_not_told_the_usual_number_is_ready(network):
    assert copies_that_fit(network, None) == COPIES_AT_MOST


def test_copies_take_no_more_than_one_window_may_however_much_is_free(network):
    """Sixteen copies of MobileNetV2 in float32 took 300 MB."""
    copies = copies_ready(network, None)
    assert 1 < copies < COPIES_AT_MOST
    assert copies * loaded_copy_bytes(network) <= WORKING_BYTES
    assert copies_ready(network, round(2 * copy_bytes(network))) == 1


@pytest.fixture(scope="module")
def phases(needs_pillow, tmp_path_factory):
    model = bundled("models/mobilenet_v2_1.0_224_int8.tflite")
    scratch = tmp_path_factory.mktemp("scratch")
    with NetworkBench(model, RuntimeChoice()) as bench:
        yield PhaseBench(
            bench, SimulatedClock(), RealActivity(), available_bytes=None, scratch=scratch
        ).workloads()


def test_a_network_with_open_dimensions_is_measured_at_the_shape_that_is_stated(tmp_path):
    """Its blocks, its heads and every step of its start."""
    choice = RuntimeChoice(input_shapes={"serving_default_image:0": (1, 24, 20, 3)})
    with NetworkBench(OPEN, choice) as bench:
        assert bench.identity.input_shapes == choice.input_shapes
        assert [array.shape for array in bench.crossing(0)] == [(1, 24, 20, 3)]
        steps = PhaseBench(
            bench, SimulatedClock(), RealActivity(), available_bytes=None, scratch=tmp_path
        ).workloads()
        for step in steps.values():
            if isinstance(step, PreparedWorkload):
                step.prepare(1)
            step.run(1)
        steps[ALLOCATE].prepare(1)
        steps[ALLOCATE].run(1)
        (allocated,) = steps[ALLOCATE].shelf
        assert tuple(allocated.get_input_details()[0]["shape"]) == (1, 24, 20, 3)


def test_making_what_goes_up_is_measured_where_a_decision_may_need_it_and_as_a_split_does_it():
    """Of the input unasked; what is named where a smaller upload can follow as well."""
    clock, loads = SimulatedClock(), []
    choice = RuntimeChoice(input_shapes={"serving_default_image:0": (1, 24, 20, 3)})
    with NetworkBench(OPEN, choice) as bench:
        blocks = bench.blocks
        board = SimulatedBoard(BoardCosts(), blocks, lambda *load: loads.append(load), clock)
        wanted = (INPUT_FORMS, "int8+zlib", "uint8")
        steps = encoding_workloads(wanted, bench, clock, board)
        places = encoding_places(wanted, bench.network, blocks)
        assert [encoding_phase(*place) for place in places] == list(steps)
        assert next(iter(steps)) == "encoding uint8 at l = 0"
        assert {block for name, block in places if name == "int8+zlib"} == {
            0, 1, *shrinking_blocks(blocks)
        }  # fmt: skip
        done = steps["encoding uint8 at l = 0"].run(3)
        costs = BoardCosts()
        once_s = bench.network.input_bits / costs.encode_rate_bit_per_s
        took_s = (done.ended_ns - done.started_ns) * 1e-9
        assert took_s == pytest.approx(costs.start_s + 3 * once_s)
        assert sum(power for _, _, power in loads[1:]) == pytest.approx(3 * costs.encode_power_w)


def test_as_many_steps_are_announced_as_are_measured(phases):
    network = read_network(bundled("models/mobilenet_v2_1.0_224_int8.tflite"))
    assert phase_count(network) == len({*phases, CONNECTION_PHASE})


def test_allocating_is_apart_from_loading(phases):
    """What the runtime does in its constructor would be billed to loading."""
    allocating = phases[ALLOCATE]
    allocating.prepare(2)
    loaded = list(allocating.shelf)
    for interpreter in loaded:
        with pytest.raises(InvocationError):
            invoke(interpreter)

    allocating.run(2)

    for interpreter in loaded:
        invoke(interpreter)


def test_only_what_can_be_done_once_to_each_needs_copies(phases):
    prepared = {key for key, step in phases.items() if isinstance(step, PreparedWorkload)}
    limited = {key for key in prepared if phases[key].at_most <= COPIES_AT_MOST}
    assert limited == {ALLOCATE, FIRST_INFERENCE}
    assert prepared - limited == {READ_FILE, LOAD, SET_INPUT}
    assert phases[ALLOCATE].shelf is phases[FIRST_INFERENCE].shelf


def test_every_step_can_be_done(phases):
    assert {LOAD, PICTURE, CONVERT} <= phases.keys()
    for step in phases.values():
        if isinstance(step, PreparedWorkload):
            step.prepare(2)
        assert step.run(2).repetitions == 2


def test_what_one_step_needs_is_let_go_before_another_network_is_loaded(tmp_path):
    """Else the copies of the last start stood beside every block and head until the next one."""
    model = bundled("models/mobilenet_v2_1.0_224_int8.tflite")
    clock = SimulatedClock()
    with NetworkBench(model, RuntimeChoice()) as bench:
        steps = PhaseBench(
            bench, clock, RealActivity(), available_bytes=None, scratch=tmp_path
        ).workloads()
        blocks = bench.block_workloads(clock, RealActivity())
        bench.lay_out_anew(Random(1))
        steps[FIRST_INFERENCE].prepare(2)
        assert len(steps[FIRST_INFERENCE].shelf) == 2

        blocks[1].prepare(1)

        assert steps[FIRST_INFERENCE].shelf == []


def test_copies_and_parts_together_take_no_more_than_one_window_may(tmp_path):
    clock = SimulatedClock()
    with NetworkBench(
        bundled("models/mobilenet_v2_1.0_224_float32.tflite"), RuntimeChoice()
    ) as bench:
        steps = PhaseBench(
            bench, clock, RealActivity(), available_bytes=None, scratch=tmp_path
        ).workloads()
        copies = steps[ALLOCATE].at_most
        taken = bench.network.parameter_bytes + copies * loaded_copy_bytes(bench.network)
        assert bench._parts.loaded_bytes + taken > WORKING_BYTES

        steps[ALLOCATE].prepare(copies)

        assert bench._parts.loaded_bytes + taken <= WORKING_BYTES


def test_what_making_copies_took_fades_before_the_idle_of_their_window(tmp_path):
    clock = SimulatedClock()
    with NetworkBench(bundled("models/mobilenet_v2_1.0_224_int8.tflite"), RuntimeChoice()) as bench:
        steps = PhaseBench(
            bench, clock, RealActivity(), available_bytes=None, scratch=tmp_path
        ).workloads()
        for key in (LOAD, ALLOCATE, FIRST_INFERENCE):
            before_ns = clock.now_ns()
            steps[key].prepare(1)
            assert clock.now_ns() - before_ns >= REST_NS
