"""Shapes as they are at run time, also where the file leaves a dimension open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition._constants import is_unpacking
from joulesplit.partition._custom_operators import CUSTOM, LITERT_HAS, custom_options, custom_shapes
from joulesplit.partition._network import Shape
from joulesplit.partition.errors import (
    InputError,
    InvocationError,
    NoSuchNameError,
    UnsupportedModelError,
)
from joulesplit.partition.reading._graphs import ABSENT, Graph

OPEN = -1
"""schema.fbs: −1 in ``shape_signature`` is a dimension known only at run time."""
MAX_RANK = 32
"""numpy 1's limit; no kernel takes more than 8 dimensions."""
MAX_ELEMENTS = 2**48
"""No machine holds a tensor of that size; larger ones are damage."""
SHAPED_BY_DATA = frozenset({"WHERE", "UNIQUE"})
"""Operators whose output has as many elements as the data decide."""
SHAPED_BY_INPUT: Mapping[str, tuple[int, ...]] = {
    "RESHAPE": (1,),
    "FILL": (0,),
    "RANGE": (0, 1, 2),
    "TILE": (1,),
    "BROADCAST_TO": (1,),
    "PAD": (1,),
    "PADV2": (1,),
    "MIRROR_PAD": (1,),
    "SLICE": (1, 2),
    "STRIDED_SLICE": (1, 2, 3),
    "RESIZE_BILINEAR": (1,),
    "RESIZE_NEAREST_NEIGHBOR": (1,),
    "TRANSPOSE_CONV": (0,),
    "CONV_3D_TRANSPOSE": (0,),
    "ONE_HOT": (1,),
    "TOPK_V2": (1,),
    "SPACE_TO_BATCH_ND": (1, 2),
    "BATCH_TO_SPACE_ND": (1, 2),
    "SPARSE_TO_DENSE": (1,),
    "SCATTER_ND": (2,),
    "RANDOM_UNIFORM": (0,),
    "RANDOM_STANDARD_NORMAL": (0,),
}
"""Positions of the inputs whose values give the output its shape; usually constants."""
OF_SHAPES = frozenset({"SHAPE", "RANK"})
"""Operators whose result follows from a shape alone."""
SHAPED_ELSEWHERE = frozenset(
    {"IF", "WHILE", "CALL", "CALL_ONCE", "READ_VARIABLE", "HASHTABLE_FIND", "HASHTABLE_SIZE"}
)
"""Operators whose results have the shape that other subgraphs or earlier runs gave them."""
SIZES = frozenset({"int32", "int64"})
"""Element types of what kernels take as a size, an axis or a place."""
ONLY_NUMBERS = frozenset(
    {"ADD", "CAST", "DIV", "EMBEDDING_LOOKUP", "EQUAL", "GATHER", "GATHER_ND", "GREATER",
     "GREATER_EQUAL", "LESS", "LESS_EQUAL", "LOGICAL_AND", "MAXIMUM", "MINIMUM", "MUL",
     "NOT_EQUAL", "SELECT", "SELECT_V2", "SUB"}
)  # fmt: skip
"""Operators to whose result's shape no value of an input matters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledShapes:
    """Shapes of all tensors, and what was assumed for them.

    Attributes:
        shapes: By tensor index.
        assumed_batch: True if an open leading dimension of an input was taken as 1.
        notes: What a reader of the figures must know, one sentence each.
    """

    shapes: tuple[Shape, ...]
    assumed_batch: bool = False
    notes: tuple[str, ...] = ()


def run_time_shapes(
    graph: Graph, input_shapes: Mapping[str, Sequence[int]] | None = None
) -> SettledShapes:
    """Return the shape of every tensor of a file's main subgraph for one sample.

    If the file leaves a dimension open anywhere, or computes it, the figures in it are
    placeholders. An open leading dimension of an input is the batch and becomes 1 unless the
    caller says otherwise; the runtime then works out all shapes that follow.

    Args:
        graph: The main subgraph.
        input_shapes: Shapes for some inputs by their names, in the file or in its signature.

    Raises:
        InputError: ``input_shapes`` names no input, or gives it an impossible shape.
        UnsupportedModelError: An input leaves another dimension open.
        InvocationError: The runtime cannot run the network to settle the shapes.
        RuntimeMissingError: Open dimensions need the runtime, and none is installed.
    """
    stated = stated_shapes(graph)
    given = _given(graph, input_shapes or {})
    changed = any(shape != _numbers(graph.raw.tensors[i].shape) for i, shape in given.items())
    if changed or stated is None:
        return _settled_by_runs(graph, given)
    return SettledShapes(shapes=stated)


def stated_shapes(graph: Graph) -> tuple[Shape, ...] | None:
    """Return the shapes as a file states them; None if it leaves one open or computes it.

    Raises:
        ValueError: A shape is damage.
    """
    _check_ranks(graph.raw)
    tensors = graph.raw.tensors
    ranked = any(tensor.hasRank for tensor in tensors)
    if any(_is_open(tensor) or (ranked and _is_unranked(tensor)) for tensor in tensors):
        return None
    if _computes_shapes(graph):
        return None
    return _sane(_with_custom_shapes(graph, [_numbers(tensor.shape) for tensor in tensors]))


def _with_custom_shapes(graph: Graph, shapes: list[Shape]) -> list[Shape]:
    """Put in what LiteRT's custom operators make: converters state no shape for it."""
    for kind, raw, inputs, outputs in graph.operators():
        if kind in LITERT_HAS:
            taken = [None if i == ABSENT else shapes[i] for i in inputs]
            made = custom_shapes(kind, taken, custom_options(raw)) or ()
            for index, shape in zip(outputs, made, strict=True):
                shapes[index] = shape
    return shapes


def _is_unranked(tensor: Any) -> bool:
    """Return whether a tensor has any shape at all; only newer writers say so."""
    return not tensor.hasRank and not len(_numbers(tensor.shape))


def _numbers(vector: Any) -> Shape:
    return () if vector is None else tuple(int(size) for size in vector)


def _check_ranks(graph: Any) -> None:
    for index, tensor in enumerate(graph.tensors):
        for vector in (tensor.shape, tensor.shapeSignature):
            if vector is not None and len(vector) > MAX_RANK:
                raise ValueError(f"tensor {index} has {len(vector)} dimensions")


def _sane(shapes: Sequence[Shape]) -> tuple[Shape, ...]:
    for index, shape in enumerate(shapes):
        elements = 1
        for size in shape:
            elements *= size
            if size < 0 or elements > MAX_ELEMENTS:
                raise ValueError(f"tensor {index} has shape {shape}")
    return tuple(shapes)


def _given(graph: Graph, input_shapes: Mapping[str, Sequence[int]]) -> dict[int, Shape]:
    """Return the shapes that the caller gives, by tensor index."""
    names, file = _input_names(graph), graph.file
    given = {}
    for name, shape in input_shapes.items():
        if name not in names:
            raise NoSuchNameError(
                f"{file.name}: has no input {name!r}; its inputs are {', '.join(sorted(names))}"
            )
        index, sizes = names[name], tuple(int(size) for size in shape)
        rank = len(_numbers(graph.raw.tensors[index].shape))
        if len(sizes) != rank or min(sizes, default=1) < 1:
            raise InputError(
                f"{file.name}: input {name!r} cannot have shape {sizes}; give {rank} sizes from "
                "1 up"
            )
        given[index] = sizes
    return given


def _input_names(graph: Graph) -> dict[str, int]:
    """Return the inputs by every name they go by: in the graph and in its signatures."""
    names = {}
    for signature in graph.file.root.signatureDefs or ():
        if signature.subgraphIndex == graph.number:
            for entry in signature.inputs or ():
                names[flatbuffer.text(entry.name)] = int(entry.tensorIndex)
    inputs = {int(index) for index in graph.raw.inputs}
    names = {name: index for name, index in names.items() if index in inputs}
    return names | {flatbuffer.text(graph.raw.tensors[index].name): index for index in inputs}


def _computes_shapes(graph: Graph) -> bool:
    """Return whether an output's shape is known only once the network runs."""
    known = {index for index in range(len(graph.raw.tensors)) if graph.data(index) is not None}
    for kind, _raw, inputs, outputs in graph.operators():
        decisive = [inputs[i] for i in SHAPED_BY_INPUT.get(kind, ()) if i < len(inputs)]
        if kind in SHAPED_BY_DATA or not known.issuperset(decisive):
            return True
        if is_unpacking(kind, [i for i in inputs if i != -1], known):
            known.update(outputs)
    return False


def depend_on_values(graph: Graph) -> bool:
    """Return whether a shape may depend on what is in the inputs, not on their shapes alone.

    What is computed from constants and shapes does not. Any other whole number may decide about a
    shape, but where the operator is one of ``ONLY_NUMBERS``.
    """
    known = {index for index in range(len(graph.raw.tensors)) if graph.data(index) is not None}
    for kind, _raw, inputs, outputs in graph.operators():
        if kind in SHAPED_BY_DATA or kind in SHAPED_ELSEWHERE or kind.startswith(CUSTOM):
            return True
        computed = [i for i in inputs if i not in known and i != ABSENT]
        if kind in OF_SHAPES or not computed:
            known.update(outputs)
        elif kind not in ONLY_NUMBERS and any(graph.dtypes[i] in SIZES for i in computed):
            return True
    return False


def _settled_by_runs(graph: Graph, given: Mapping[int, Shape]) -> SettledShapes:
    from joulesplit.partition._writing import whole_file
    from joulesplit.partition.reading._shape_run import shapes_on_two_inputs

    file, tensors = graph.file, graph.raw.tensors
    wanted = {int(i): given.get(int(i)) or _one_sample(graph, int(i)) for i in graph.raw.inputs}
    try:
        on_zeros, on_random = shapes_on_two_inputs(
            whole_file(file), wanted, alike=not depend_on_values(graph)
        )
    except InvocationError as error:
        raise InvocationError(f"{file.name}: {error}") from error
    for index, tensor in enumerate(tensors):
        if index not in on_random and _is_open(tensor):
            raise InvocationError(f"{file.name}: the runtime reports no shape for tensor {index}")
    stored = [_numbers(tensor.shape) for tensor in tensors]
    assumed = sorted(i for i in wanted if i not in given and _is_open(tensors[i]))
    return SettledShapes(
        shapes=_sane([on_random.get(index, shape) for index, shape in enumerate(stored)]),
        assumed_batch=bool(assumed),
        notes=(
            *(_batch_note(tensors[i], wanted[i]) for i in assumed),
            *_data_note(graph, on_zeros, on_random),
        ),
    )


def _is_open(tensor: Any) -> bool:
    return OPEN in _numbers(tensor.shapeSignature)


def _one_sample(graph: Graph, index: int) -> Shape:
    """Return the shape of an input for one sample; only its batch may be open."""
    tensor = graph.raw.tensors[index]
    signature = _numbers(tensor.shapeSignature)
    if OPEN in signature[1:]:
        name = flatbuffer.text(tensor.name)
        example = ",".join("N" if size == OPEN else str(size) for size in (1, *signature[1:]))
        raise UnsupportedModelError(
            f"{graph.file.name}: input {name!r} leaves dimensions open ({signature}), and the "
            f"work depends on them; give its shape, e.g. --input-shape {name}={example}"
        )
    return tuple(1 if size == OPEN else size for size in signature) or _numbers(tensor.shape)


def _batch_note(tensor: Any, shape: Shape) -> str:
    return f"input {flatbuffer.text(tensor.name)!r} leaves its batch open; it was taken as {shape}"


def _data_note(
    graph: Graph, on_zeros: Mapping[int, Shape], on_random: Mapping[int, Shape]
) -> tuple[str, ...]:
    differing = [index for index, shape in on_random.items() if on_zeros.get(index) != shape]
    if not differing:
        return ()
    first = differing[0]
    name = graph.name(first) if first < len(graph.raw.tensors) else "'scratch'"
    note = (
        f"{len(differing)} tensors have a shape that depends on the data (the first, {name}, "
        f"{on_zeros.get(first)} on zeros and {on_random[first]} on random numbers); their sizes "
        "and the work on them are those of the random numbers"
    )
    return (note,)
