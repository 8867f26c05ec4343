"""Loops, branches, calls, compositions: what their work is, or what is said of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joulesplit.partition import Network, Operator, Runner, joined, model_pieces
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition.errors import TruncatedModelError
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import _loops as loops
from joulesplit.partition.reading import read_network

MODELS = Path(__file__).parents[1] / "models"


def one(network: Network, kind: str) -> Operator:
    (found,) = (operator for operator in network.operators if operator.kind == kind)
    return found


def test_a_loop_counted_by_a_number_is_as_much_work_as_its_steps() -> None:
    """TensorFlow's profiler counted the same cell, unrolled, with the first step not folded."""
    network = read_network(MODELS / "gru_loop.tflite")
    assert network.unknown_operators == {}
    loop = one(network, "WHILE")
    assert loop.remark == "it runs its body 12 times"
    profiled = json.loads((MODELS / "models.json").read_text())["gru_unrolled"]["profiler_flop"]
    assert network.mac_flop == profiled["MatMul"]
    # A step besides its products, 4 units: 11 element-wise operators; two counters; a condition.
    assert loop.flop == loop.mac_flop + 12 * (11 * 4 + 2 + 1) + 1


def test_the_weights_inside_a_loop_count_once_however_often_it_runs() -> None:
    network = read_network(MODELS / "gru_loop.tflite")
    inside = 4 * (12 * 10 + 12 * 4 + 1)
    # Its inputs: the first state and the first result are the same stored zeros.
    assert one(network, "WHILE").parameter_bytes == inside + 4 * 4
    unrolled = read_network(MODELS / "gru_unrolled.tflite")
    # The zeros that the states start from are stored for the loop only.
    assert network.parameters == unrolled.parameters + 4
    assert network.parameter_bytes == 4 * network.parameters


def test_a_loop_that_the_data_end_says_what_each_time_costs() -> None:
    network = read_network(MODELS / "halving.tflite")
    assert network.unknown_operators == {"WHILE": 1}
    # |y| and its sum of 8, one comparison; one product of 8 by 8 and no bias.
    each = 8 + 8 + 1 + 2 * 8 * 8
    assert one(network, "WHILE").remark.endswith(f": {each} FLOP each time")
    assert f"{each} FLOP each time" in network.notes[0]
    assert "no cut goes inside it" in network.notes[0]


def test_branches_of_different_work_are_unknown_between_their_bounds() -> None:
    network = read_network(MODELS / "branches.tflite")
    wide, narrow = 2 * 2 * 8 * 8 + 8, 8
    assert one(network, "IF").flop is None
    assert one(network, "IF").remark.endswith(f": {narrow} to {wide} FLOP")
    # The weights are inputs of the operator; its branches have none of their own.
    assert one(network, "IF").parameter_bytes == 4 * (8 * 8 + 8)


Build = Callable[..., Any]


@pytest.fixture
def with_subgraphs(model_of: Build, tensor: Any, operator: Any) -> Build:
    """A model whose main subgraph runs others, given each as ``model_of`` takes it."""

    def build(*graphs: tuple[Sequence[Any], Sequence[Any], Sequence[str], Sequence[str]]) -> Any:
        roots = [model_of(*graph) for graph in graphs]
        main = roots[0]
        for root in roots[1:]:
            buffers, codes = len(main.buffers), len(main.operatorCodes)
            for raw in root.subgraphs[0].tensors:
                raw.buffer += buffers
            for raw in root.subgraphs[0].operators:
                raw.opcodeIndex += codes
            main.buffers += root.buffers
            main.operatorCodes += root.operatorCodes
            main.subgraphs += root.subgraphs
        return main

    return build


def options(raw: Any, kind: str, **fields: Any) -> None:
    """Give an operator the schema's options of a kind."""
    schema = flatbuffer.schema()
    made = getattr(schema, f"{kind}T")(**fields)
    if hasattr(schema.BuiltinOptions2, kind):
        raw.builtinOptions2Type, raw.builtinOptions2 = getattr(schema.BuiltinOptions2, kind), made
    else:
        raw.builtinOptionsType, raw.builtinOptions = getattr(schema.BuiltinOptions, kind), made


@pytest.fixture
def counting(with_subgraphs: Build, tensor: Any, operator: Any, tmp_path: Path) -> Build:
    """A loop ``while compare(i, n): i += step; y += 1`` on an input y; n is one, too, if None."""

    def write(start: int, limit: int | None, step: int, compare: str) -> Path:
        def number(name: str, value: int | None = None) -> Any:
            return tensor(name, (), "int32", None if value is None else np.array(value, np.int32))

        given = ["n"] if limit is None else []
        variables = [number("i"), tensor("y", (1,)), *map(number, given)]
        stored = [] if limit is None else [number("n", limit)]
        one = tensor("one", (1,), "float32", np.ones(1, np.float32))
        first = [number("start", start), tensor("y", (1,)), *map(number, given)]
        last = [number("i2"), tensor("y2", (1,)), *(number(f"{name}2") for name in given)]
        results = [each.name for each in last]
        main = (
            [*first, *last],
            [operator("WHILE", ["start", "y", *given], results)],
            ["y", *given],
            ["y2"],
        )
        condition = (
            [*variables, *stored, tensor("go", (), "bool")],
            [operator(compare, ["i", "n"], ["go"])],
            ["i", "y", *given],
            ["go"],
        )
        body = (
            [*variables, number("step", step), one, *last[:2]],
            [operator("ADD", ["i", "step"], ["i2"]), operator("ADD", ["y", "one"], ["y2"])],
            ["i", "y", *given],
            ["i2", "y2", *given],
        )
        root = with_subgraphs(main, condition, body)
        (loop,) = root.subgraphs[0].operators
        options(loop, "WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2)
        for raw in root.subgraphs[2].operators:
            options(raw, "AddOptions")
        path = tmp_path / "counting.tflite"
        path.write_bytes(joined(model_pieces(root)))
        return path

    return write


@given(
    start=st.integers(-20, 20),
    limit=st.integers(-20, 20),
    step=st.integers(1, 5),
    compare=st.sampled_from(["LESS", "LESS_EQUAL"]),
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_loop_runs_as_often_as_the_runtime_runs_it(
    counting: Build, start: int, limit: int, step: int, compare: str
) -> None:
    path = counting(start, limit, step, compare)
    with Runner(path) as runner:
        (ran,) = runner.run([np.zeros(1, np.float32)])
    loop = one(read_network(path), "WHILE")
    assert loop.remark == f"it runs its body {int(ran[0])} times"
    assert loop.flop == (int(ran[0]) + 1) + int(ran[0]) * 2


def test_a_loop_without_an_end_is_not_followed_for_ever(counting: Build, monkeypatch) -> None:
    monkeypatch.setattr(loops, "MAX_STEPS", 10_000)
    # It ends where the counter's type does, which is not what the file says.
    for start, limit, step, compare in ((0, 5, -1, "LESS"), (0, 2**31 - 1, 2**20, "LESS_EQUAL")):
        network = read_network(counting(start, limit, step, compare))
        assert network.unknown_operators == {"WHILE": 1}
        assert one(network, "WHILE").remark.endswith("3 FLOP each time")


def test_a_loop_whose_limit_is_an_input_is_unknown(counting: Build) -> None:
    network = read_network(counting(0, None, 1, "LESS"))
    assert network.unknown_operators == {"WHILE": 1}


@pytest.fixture
def running(with_subgraphs: Build, tensor: Any, operator: Any, tmp_path: Path) -> Build:
    """An operator on (flag, x) that runs one or two chains of RELU on x."""

    def write(kind: str, *lengths: int, options_kind: str, size: int = 4, **fields: Any) -> Path:
        def chain(length: int) -> tuple[Any, ...]:
            names = [f"t{step}" for step in range(length + 1)]
            steps = [operator("RELU", [a], [b]) for a, b in pairwise(names)]
            return [tensor(name, (size,)) for name in names], steps, names[:1], names[-1:]

        flag = ["flag"] if kind in {"IF", "STABLEHLO_CASE"} else []
        main = (
            [tensor("flag", (), "bool"), tensor("x", (4,)), tensor("y", (4,))],
            [operator(kind, [*flag, "x"], ["y"])],
            [*flag, "x"],
            ["y"],
        )
        root = with_subgraphs(main, *map(chain, lengths))
        options(root.subgraphs[0].operators[0], options_kind, **fields)
        path = tmp_path / "running.tflite"
        path.write_bytes(joined(model_pieces(root)))
        return path

    return write


@pytest.mark.parametrize(("lengths", "flop"), [((3, 3), 12), ((3, 1), None)])
def test_a_branch_is_known_if_all_do_the_same(running: Build, lengths, flop: int | None) -> None:
    path = running(
        "IF", *lengths, options_kind="IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2
    )
    assert one(read_network(path), "IF").flop == flop
    indices = np.array([1, 2], np.int32)
    case = running(
        "STABLEHLO_CASE",
        *lengths,
        options_kind="StablehloCaseOptions",
        branchSubgraphIndices=indices,
    )
    assert one(read_network(case), "STABLEHLO_CASE").flop == flop


def test_a_call_and_a_composition_are_their_subgraph(running: Build) -> None:
    call = running("CALL", 5, options_kind="CallOptions", subgraph=1)
    assert one(read_network(call), "CALL").flop == 20
    composite = running(
        "STABLEHLO_COMPOSITE",
        5,
        options_kind="StableHLOCompositeOptions",
        name=b"ours",
        compositeAttributes=np.frombuffer(flexbuffers.Dumps({}), np.uint8),
        decompositionSubgraphIndex=1,
    )
    assert one(read_network(composite), "STABLEHLO_COMPOSITE").flop == 20
    # Older runtimes have no kernel for it.
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(
        model_content=extract(composite, 0, 0)
    )
    interpreter.allocate_tensors()
    (data,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(data["index"], np.array([-1, 2, -3, 4], np.float32))
    interpreter.invoke()
    assert interpreter.get_tensor(result["index"]).tolist() == [0, 2, 0, 4]


def test_shapes_in_a_subgraph_that_are_not_those_it_is_given_are_not_counted(running) -> None:
    network = read_network(running("CALL", 5, size=1, options_kind="CallOptions", subgraph=1))
    assert network.unknown_operators == {"CALL": 1}
    assert "are not those that it is given" in one(network, "CALL").remark


def test_a_composition_of_something_unknown_is_unknown_and_says_of_what(running: Build) -> None:
    path = running("CALL", 2, options_kind="CallOptions", subgraph=1)
    root = flatbuffer.read_model_file(path).root
    code = root.operatorCodes[root.subgraphs[1].operators[1].opcodeIndex]
    code.builtinCode, code.deprecatedBuiltinCode, code.customCode = 32, 32, b"magic"
    path.write_bytes(joined(model_pieces(root)))
    network = read_network(path)
    assert one(network, "CALL").remark == "the work of 2 × CUSTOM:magic in subgraph 1 is not known"


def test_a_list_of_branches_that_claims_more_than_the_file_holds_is_refused(running) -> None:
    many = np.ones(5000, np.int32)
    path = running(
        "STABLEHLO_CASE", 1, options_kind="StablehloCaseOptions", branchSubgraphIndices=many
    )
    assert one(read_network(path), "STABLEHLO_CASE").flop == 4
    data = bytearray(path.read_bytes())
    place = data.index((5000).to_bytes(4, "little"))
    data[place : place + 4] = (2**30).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(TruncatedModelError):
        read_network(path)


def test_calls_of_calls_do_not_count_up_to_numbers_without_end(running: Build) -> None:
    """A hundred subgraphs, each of which runs the next one twice: 2¹⁰⁰ runs of the last."""
    path = running("CALL", *[2] * 101, options_kind="CallOptions", subgraph=1)
    root = flatbuffer.read_model_file(path).root
    for number, graph in enumerate(root.subgraphs[1:-1], start=1):
        for operator in graph.operators:
            operator.opcodeIndex = root.subgraphs[0].operators[0].opcodeIndex
            options(operator, "CallOptions", subgraph=number + 1)
    path.write_bytes(joined(model_pieces(root)))
    network = read_network(path)
    assert network.unknown_operators == {"CALL": 1}
    assert one(network, "CALL").remark == "the work of 2 × CALL in subgraph 1 is not known"
