"""Small `.tflite` models made in memory, and the two MobileNetV2 files."""

from __future__ import annotations

import lzma
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from joulesplit.partition import Network, joined, model_pieces, runtime_identity
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition.reading import LoadedModel, load_model, read_network

MODELS = Path(__file__).parents[2] / "data" / "models"
FACTS = Path(__file__).parent / "facts"
SIX = (
    *("DenseNet121", "EfficientNetB0", "InceptionV3"),
    *("MobileNetV2", "NASNetMobile", "ResNet50"),
)


class T(NamedTuple):
    """A tensor to build; with ``data`` it is a constant."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    data: np.ndarray | None = None
    signature: tuple[int, ...] | None = None


class Op(NamedTuple):
    """An operator to build, its tensors by name."""

    kind: str
    inputs: Sequence[str]
    outputs: Sequence[str]


def _model(
    tensors: Sequence[T], operators: Sequence[Op], inputs: Sequence[str], outputs: Sequence[str]
) -> Any:
    schema = flatbuffer.schema()
    index = {tensor.name: position for position, tensor in enumerate(tensors)}
    types = {name.lower(): value for value, name in flatbuffer.enum_names("TensorType").items()}
    codes = {name: value for value, name in flatbuffer.enum_names("BuiltinOperator").items()}
    kinds = sorted({operator.kind for operator in operators})
    model = schema.ModelT(version=3, buffers=[schema.BufferT()])
    model.operatorCodes = [
        schema.OperatorCodeT(
            builtinCode=codes[k], deprecatedBuiltinCode=min(codes[k], 127), version=1
        )
        for k in kinds
    ]
    graph = schema.SubGraphT(tensors=[], operators=[], name=b"main")
    graph.inputs = np.array([index[name] for name in inputs], np.int32)
    graph.outputs = np.array([index[name] for name in outputs], np.int32)
    for tensor in tensors:
        raw = schema.TensorT(name=tensor.name.encode(), type=types[tensor.dtype])
        raw.shape = np.array(tensor.shape, np.int32)
        if tensor.signature is not None:
            raw.shapeSignature = np.array(tensor.signature, np.int32)
        if tensor.data is not None:
            raw.buffer = len(model.buffers)
            data = np.frombuffer(tensor.data.tobytes(), np.uint8)
            model.buffers.append(schema.BufferT(data=data))
        graph.tensors.append(raw)
    for operator in operators:
        raw = schema.OperatorT(opcodeIndex=kinds.index(operator.kind))
        raw.inputs = np.array([index[name] for name in operator.inputs], np.int32)
        raw.outputs = np.array([index[name] for name in operator.outputs], np.int32)
        graph.operators.append(raw)
    model.subgraphs = [graph]
    return model


@pytest.fixture
def model_of() -> Callable[..., Any]:
    """The schema's ``ModelT`` of (tensors, operators, input names, output names)."""
    return _model


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[..., Path]:
    """A `.tflite` file of (tensors, operators, input names, output names)."""

    def write(*args: Any) -> Path:
        path = tmp_path / "small.tflite"
        path.write_bytes(joined(model_pieces(_model(*args))))
        return path

    return write


@pytest.fixture
def tensor() -> type[T]:
    return T


@pytest.fixture
def operator() -> type[Op]:
    return Op


# In a group of its own each network is unpacked, up to 100 MB, by one process only.
@pytest.fixture(
    scope="session", params=[pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in SIX]
)
def keras_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def keras_path(keras_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One of the six networks in `facts/`, as the converter writes it but for its weights."""
    path = tmp_path_factory.mktemp("keras") / f"{keras_name}.tflite"
    path.write_bytes(lzma.decompress((FACTS / f"{keras_name}.tflite.xz").read_bytes()))
    yield path
    path.unlink()


@pytest.fixture(scope="session")
def keras_model(keras_path: Path) -> LoadedModel:
    return load_model(keras_path)


@pytest.fixture(scope="session")
def keras_network(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Network]:
    """One of the six networks by name, as data, read once."""

    @cache
    def read(name: str) -> Network:
        path = tmp_path_factory.mktemp("keras") / f"{name}.tflite"
        path.write_bytes(lzma.decompress((FACTS / f"{name}.tflite.xz").read_bytes()))
        network = read_network(path)
        path.unlink()
        return network

    return read


@pytest.fixture(scope="session", params=["float32", "int8"])
def mobilenet_path(request: pytest.FixtureRequest) -> Path:
    return MODELS / f"mobilenet_v2_1.0_224_{request.param}.tflite"


@pytest.fixture(scope="session")
def mobilenet(mobilenet_path: Path) -> LoadedModel:
    return load_model(mobilenet_path)


@pytest.fixture(scope="session")
def int8_path() -> Path:
    return MODELS / "mobilenet_v2_1.0_224_int8.tflite"


@pytest.fixture(scope="session")
def float32_path() -> Path:
    return MODELS / "mobilenet_v2_1.0_224_float32.tflite"


@pytest.fixture
def fastest(mobilenet_path: Path, int8_path: Path) -> str | None:
    """What runs this network if it may; tflite-runtime's XNNPACK is built without int8."""
    is_older = runtime_identity().name == "tflite-runtime"
    return None if is_older and mobilenet_path == int8_path else "XNNPACK"


@pytest.fixture
def two_branches(file_of: Callable[..., Path]) -> Path:
    """Inputs b and a; y = relu(a) is an output and feeds z = y · (b + a)."""
    shape = (2, 3)
    names = ["a", "b", "y", "sum", "z"]
    return file_of(
        [T(name, shape) for name in names],
        [
            Op("RELU", ["a"], ["y"]),
            Op("ADD", ["b", "a"], ["sum"]),
            Op("MUL", ["y", "sum"], ["z"]),
        ],
        ["b", "a"],
        ["z", "y"],
    )


@pytest.fixture
def half_weights(file_of: Callable[..., Path]) -> Path:
    """One network, z = relu(x + w) · w, w stored as float16 and unpacked by the first operator."""
    w = np.linspace(-1, 1, 8, dtype=np.float16)
    return file_of(
        [
            T("x", (1, 8)),
            T("w16", (8,), "float16", w),
            T("w", (8,)),
            T("sum", (1, 8)),
            T("relu", (1, 8)),
            T("z", (1, 8)),
        ],
        [
            Op("DEQUANTIZE", ["w16"], ["w"]),
            Op("ADD", ["x", "w"], ["sum"]),
            Op("RELU", ["sum"], ["relu"]),
            Op("MUL", ["relu", "w"], ["z"]),
        ],
        ["x"],
        ["z"],
    )


@pytest.fixture
def sparse(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """Y = relu(x) · w, with w stored sparse by rows and made dense by an operator."""
    schema = flatbuffer.schema()
    dense = np.array([[0, 2, 0, 0], [1, 0, 0, 3], [0, 0, 0, 0], [0, 0, 5, 0]], np.float32)
    root = _model(
        [
            T("x", (4, 4)),
            T("w_sparse", (4, 4), "float32", dense[dense != 0]),
            T("w", (4, 4)),
            T("r", (4, 4)),
            T("y", (4, 4)),
        ],
        [
            Op("DENSIFY", ["w_sparse"], ["w"]),
            Op("RELU", ["x"], ["r"]),
            Op("MUL", ["r", "w"], ["y"]),
        ],
        ["x"],
        ["y"],
    )
    rows = schema.DimensionMetadataT(format=schema.DimensionType.DENSE, denseSize=4)
    columns = schema.DimensionMetadataT(format=schema.DimensionType.SPARSE_CSR)
    vector = schema.SparseIndexVector.Int32Vector
    columns.arraySegmentsType = columns.arrayIndicesType = vector
    columns.arraySegments = schema.Int32VectorT(values=np.array([0, 1, 3, 3, 4], np.int32))
    columns.arrayIndices = schema.Int32VectorT(values=np.array([1, 0, 3, 2], np.int32))
    order = np.array([0, 1], np.int32)
    sparsity = schema.SparsityParametersT(traversalOrder=order, dimMetadata=[rows, columns])
    root.subgraphs[0].tensors[1].sparsity = sparsity
    path = tmp_path / "sparse.tflite"
    path.write_bytes(joined(model_pieces(root)))
    return path, dense
