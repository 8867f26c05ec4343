"""A comparison finds what differs, and says where it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import Network, Runner, random_inputs, tensor_specs
from joulesplit.partition.checking import compare_split
from joulesplit.partition.checking._verify import compare_sides
from joulesplit.partition.cutting._closed import closed_cut
from joulesplit.partition.errors import InputError
from joulesplit.partition.parts import split_parts
from joulesplit.partition.reading import load_model


def inputs_of(network: Network) -> dict[int, np.ndarray]:
    arrays = random_inputs(tensor_specs(network, network.inputs), 1)
    return dict(zip(network.inputs, arrays, strict=True))


def test_swapped_tensors_are_found(two_branches: Path) -> None:
    """A tail fed with its inputs swapped is what a wrong order would look like."""
    model = load_model(two_branches)
    head, tail = split_parts(model, 0)
    assert tail is not None
    sides = (head, replace(tail, inputs=tail.inputs[::-1]))
    found = compare_sides(
        two_branches, model.network, sides, inputs_of(model.network), after_operator=0, seed=1
    )
    assert not found.bit_equal
    assert found.max_abs_error > 0
    assert (found.first_difference, found.first_tensor) == ("z", "y")


@pytest.mark.parametrize(("damaged", "first"), [("early", "sum"), ("late", "z")])
def test_the_first_tensor_that_differs_is_named_not_only_the_output(
    file_of, tensor, operator, damaged: str, first: str
) -> None:
    """A constant of the head or of the tail is damaged; all before it is still right."""
    constants = {"early": np.full((1, 4), 2.5, np.float32), "late": np.full((1, 4), 7.5, "f4")}
    path = file_of(
        [tensor(name, (1, 4)) for name in ("x", "sum", "relu", "z")]
        + [tensor(name, (1, 4), "float32", data) for name, data in constants.items()],
        [
            operator("ADD", ["x", "early"], ["sum"]),
            operator("RELU", ["sum"], ["relu"]),
            operator("MUL", ["relu", "late"], ["z"]),
        ],
        ["x"],
        ["z"],
    )
    network = load_model(path).network
    sides = list(split_parts(load_model(path), 1))
    position = ("early", "late").index(damaged)
    side = sides[position]
    assert side is not None
    data = side.to_bytes().replace(constants[damaged].tobytes(), np.ones(4, np.float32).tobytes())
    sides[position] = replace(side, pieces=[data])
    inputs = inputs_of(network)
    found = compare_sides(path, network, tuple(sides), inputs, after_operator=1, seed=1)
    assert (found.bit_equal, found.first_difference, found.first_tensor) == (False, "z", first)


def test_operators_that_work_in_place_are_not_taken_for_wrong(file_of, tensor, operator) -> None:
    """In a row of additions a runtime may keep one result: it is not that of an earlier one."""
    names = [f"t{index}" for index in range(7)]
    steps = [operator("ADD", [a, f"c{b}"], [b]) for a, b in pairwise(names)]
    constants = {name: np.full((1, 4), 1 + i / 8, np.float32) for i, name in enumerate(names[1:])}
    stored = [tensor(f"c{name}", (1, 4), "float32", data) for name, data in constants.items()]
    path = file_of([*(tensor(n, (1, 4)) for n in names), *stored], steps, ["t0"], ["t6"])
    model = load_model(path)
    head, tail = split_parts(model, 2)
    assert tail is not None
    data = tail.to_bytes().replace(constants["t6"].tobytes(), np.zeros(4, np.float32).tobytes())
    sides = (head, replace(tail, pieces=[data]))
    inputs = inputs_of(model.network)
    found = compare_sides(path, model.network, sides, inputs, after_operator=2, seed=1)
    assert (found.bit_equal, found.first_tensor) == (False, "t6")


def test_users_inputs_are_run_and_checked(two_branches: Path) -> None:
    ones = [np.ones((2, 3), np.float32)] * 2
    found = compare_split(two_branches, 1, inputs=ones)
    assert (found.bit_equal, found.seed) == (True, None)
    with pytest.raises(InputError, match="one each"):
        compare_split(two_branches, 1, inputs=ones[:1])
    with pytest.raises(InputError, match="float64"):
        compare_split(two_branches, 1, inputs=[array.astype(np.float64) for array in ones])


def test_a_closed_cut_is_compared_like_a_prefix(two_branches: Path) -> None:
    model = load_model(two_branches)
    found = compare_split(model, closed_cut(model.network, [1]), path=two_branches)
    assert (found.bit_equal, found.after_operator) == (True, None)
    assert compare_split(model, 1).bit_equal


@pytest.mark.parametrize("use_xnnpack", [True, False])
def test_the_kernels_that_ran_are_told(
    mobilenet_path: Path, fastest: str | None, use_xnnpack: bool
) -> None:
    found = compare_split(mobilenet_path, 24, use_xnnpack=use_xnnpack)
    assert found.bit_equal
    assert found.delegate == (fastest if use_xnnpack else None)


def test_an_open_input_runs_with_the_shape_it_was_read_with(file_of, tensor, operator) -> None:
    path = file_of(
        [tensor(name, (1, 4), "float32", None, (-1, 4)) for name in "xyz"],
        [operator("RELU", ["x"], ["y"]), operator("TANH", ["y"], ["z"])],
        ["x"],
        ["z"],
    )
    model = load_model(path, {"x": (3, 4)})
    assert compare_split(model, 0, path=path).bit_equal
    with Runner(path, input_shapes=[(5, 4)]) as runner:
        assert runner.outputs[0].shape == (5, 4)


def test_a_single_number_without_dimensions_is_compared(
    file_of: Callable[..., Path], tensor, operator
) -> None:
    axes = np.array([0, 1], np.int32)
    path = file_of(
        [tensor("x", (2, 3)), tensor("axes", (2,), "int32", axes), tensor("r", (2, 3)),
         tensor("score", ())],
        [operator("RELU", ["x"], ["r"]), operator("SUM", ["r", "axes"], ["score"])],
        ["x"],
        ["score"],
    )  # fmt: skip
    comparison = compare_split(path, 0, 1)
    assert (comparison.bit_equal, comparison.max_abs_error) == (True, 0.0)
