"""What depends on no input is a constant wherever it stands, and goes where it is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import Network, Operator, Runner, Tensor
from joulesplit.partition._constants import carried_operators, constant_tensors, working_operators
from joulesplit.partition.checking import compare_split
from joulesplit.partition.cutting import prefix_cuts
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import LoadedModel, load_model, read_network


@pytest.fixture
def chain(file_of, tensor, operator) -> Path:
    """The network (relu(x) + w) · w; w = abs(transpose(float32(float16))), made late in order."""
    half = np.linspace(-1, 1, 6, dtype=np.float16).reshape(2, 3)
    return file_of(
        [
            tensor("x", (3, 2)),
            tensor("half", (2, 3), "float16", half),
            tensor("order", (2,), "int32", np.array([1, 0], np.int32)),
            *(tensor("full", (2, 3)), tensor("turned", (3, 2)), tensor("w", (3, 2))),
            *(tensor("relu", (3, 2)), tensor("sum", (3, 2)), tensor("z", (3, 2))),
        ],
        [
            operator("RELU", ["x"], ["relu"]),
            operator("DEQUANTIZE", ["half"], ["full"]),
            operator("TRANSPOSE", ["full", "order"], ["turned"]),
            operator("ABS", ["turned"], ["w"]),
            operator("ADD", ["relu", "w"], ["sum"]),
            operator("MUL", ["sum", "w"], ["z"]),
        ],
        ["x"],
        ["z"],
    )


def names(model: LoadedModel, indices) -> set[str]:
    return {model.network.tensors[index].name for index in indices}


def test_every_step_of_a_chain_is_constant_and_never_crosses(chain: Path) -> None:
    model = load_model(chain)
    network = model.network
    constants = constant_tensors(network)
    assert names(model, constants) == {"half", "order", "full", "turned", "w"}
    assert [names(model, cut.tensors) for cut in prefix_cuts(network)] == [
        *({"x"}, {"relu"}, {"relu"}, {"relu"}, {"relu"}, {"sum"}, {"z"})
    ]


def test_constants_are_no_work_and_no_traffic_but_weights_of_their_users(chain: Path) -> None:
    operators = read_network(chain).operators
    assert [o.flop for o in operators] == [6, 0, 0, 0, 6, 6]
    assert [o.read_bytes for o in operators] == [24, 0, 0, 0, 48, 48]
    assert [o.parameter_bytes for o in operators] == [0, 0, 0, 0, 24, 24]


def test_both_sides_of_a_cut_make_the_constants_they_need(chain: Path) -> None:
    for after in (0, 3, 4):
        assert compare_split(chain, after, seed=1).bit_equal
    with Runner(extract(chain, 5, 5)) as tail:
        x = np.full((3, 2), 2, np.float32)
        (z,) = tail.run([x])
    w = np.abs(np.linspace(-1, 1, 6, dtype=np.float16).astype(np.float32).reshape(2, 3).T)
    assert np.array_equal(z, 2 * w)


def test_random_numbers_are_made_anew_and_are_no_constant(file_of, tensor, operator) -> None:
    path = file_of(
        [
            tensor("shape", (1,), "int32", np.array([4], np.int32)),
            *(tensor("x", (4,)), tensor("noise", (4,)), tensor("y", (4,))),
        ],
        [operator("RANDOM_UNIFORM", ["shape"], ["noise"]), operator("ADD", ["x", "noise"], ["y"])],
        ["x"],
        ["y"],
    )
    model = load_model(path)
    assert names(model, prefix_cuts(model.network)[1].tensors) == {"x", "noise"}


def test_sparse_weights_are_densified_where_they_are_needed(
    model_of, tensor, operator, tmp_path: Path
) -> None:
    """Half of the weights are zeros and are not stored."""
    from joulesplit.partition import _flatbuffer as flatbuffer
    from joulesplit.partition import joined, model_pieces

    schema = flatbuffer.schema()
    stored = np.array([1, 2, 3, 4], np.float32)
    root = model_of(
        [
            tensor("x", (1, 4)),
            tensor("sparse", (2, 4), data=stored),
            *(tensor("w", (2, 4)), tensor("relu", (1, 4)), tensor("y", (1, 2))),
        ],
        [
            operator("DENSIFY", ["sparse"], ["w"]),
            operator("RELU", ["x"], ["relu"]),
            operator("FULLY_CONNECTED", ["relu", "w"], ["y"]),
        ],
        ["x"],
        ["y"],
    )
    ends = schema.Uint8VectorT(values=np.array([0, 2, 4], np.uint8))
    columns = schema.Uint8VectorT(values=np.array([0, 3, 1, 2], np.uint8))
    kind = schema.SparseIndexVector.Uint8Vector
    rows = schema.DimensionMetadataT(format=0, denseSize=2)
    sparse = schema.DimensionMetadataT(
        format=1,
        arraySegmentsType=kind,
        arraySegments=ends,
        arrayIndicesType=kind,
        arrayIndices=columns,
    )
    root.subgraphs[0].tensors[1].sparsity = schema.SparsityParametersT(
        traversalOrder=np.array([0, 1], np.int32), dimMetadata=[rows, sparse]
    )
    path = tmp_path / "sparse.tflite"
    path.write_bytes(joined(model_pieces(root)))
    network = read_network(path)
    assert [o.flop for o in network.operators] == [0, 4, 16]
    assert [len(cut.tensors) for cut in prefix_cuts(network)] == [1, 1, 1, 1]
    with Runner(extract(path, 2, 2)) as tail:
        (y,) = tail.run([np.array([[1, 10, 100, 1000]], np.float32)])
    assert y.tolist() == [[2001, 430]]


def test_an_operator_of_constants_that_makes_nothing_is_on_no_side() -> None:
    """Found by Hypothesis: it counted as work, and the minimum cut could not place it."""
    stored, x = (
        Tensor(index=i, name=name, shape=(), dtype="int8", bits=8, is_constant=name == "w")
        for i, name in enumerate("wx")
    )
    operators = tuple(
        Operator(index=i, kind="ADD", inputs=inputs, outputs=(), flop=1, mac_flop=0)
        for i, inputs in enumerate([(0,), (1,)])
    )
    network = Network(
        sha256="",
        name="n",
        tensors=(stored, x),
        operators=operators,
        inputs=(1,),
        outputs=(1,),
        parameters=0,
    )
    assert carried_operators(network) == {0}
    assert working_operators(network) == operators[1:]
