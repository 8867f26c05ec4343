"""A `.tflite` file as a network: tensors, operators, their shapes and their work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition._calls import MAIN, reachable_subgraphs
from joulesplit.partition._constants import stored_constants
from joulesplit.partition._custom_operators import COMPILED_FOR, CUSTOM
from joulesplit.partition._flatbuffer import ModelFile
from joulesplit.partition._network import Network
from joulesplit.partition.errors import PartitionError, UnsupportedModelError
from joulesplit.partition.reading._bodies import Body, CalledWork
from joulesplit.partition.reading._graphs import Graph, graph_of
from joulesplit.partition.reading._notes import reading_notes
from joulesplit.partition.reading._operators import OperatorReader, body_of
from joulesplit.partition.reading._order import check_order
from joulesplit.partition.reading._shapes import run_time_shapes
from joulesplit.partition.reading._signatures import main_signature, with_signature_first
from joulesplit.partition.reading._state import state_tensors
from joulesplit.partition.reading._tensors import Weight, network_tensors, stored_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A network and the file it was read from, kept to extract parts of it.

    Attributes:
        network: The network as data.
        file: The file as read.
    """

    network: Network
    file: ModelFile


def read_network(
    path: str | Path,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    *,
    signature: str | None = None,
) -> Network:
    """Read a `.tflite` file as a network; see ``load_model``."""
    return load_model(path, input_shapes, signature=signature).network


def load_model(
    path: str | Path,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    *,
    signature: str | None = None,
) -> LoadedModel:
    """Read a `.tflite` file once, to extract several parts of it.

    The network is the file's first subgraph, the one the runtime runs, or that of the signature
    asked for. Operators that run other subgraphs stay whole; their work is counted where the
    file tells it. A leading input dimension that the file leaves open (the batch) is taken as 1
    unless ``input_shapes`` says otherwise: one inference is one sample. Every shape that depends
    on it is then asked of the runtime. ``Network.notes`` says what was assumed or left out.

    Args:
        path: The file.
        input_shapes: Shapes for some inputs by their names, in the file or in its signature.
        signature: Name of one of the file's signatures.

    Raises:
        ModelNotFoundError: No such file, or it cannot be read.
        NotATfliteModelError: The file is something else.
        TruncatedModelError: The file is incomplete or damaged.
        UnsupportedModelError: The model cannot be split (open shapes, nothing computed).
        InputError: ``input_shapes`` names no input, or gives it an impossible shape; or there is
            no such signature.
        InvocationError: The runtime cannot run the network to settle open shapes.
        RuntimeMissingError: The schema is not installed, or open shapes need the runtime.
    """
    file = flatbuffer.read_model_file(path)
    try:
        if signature is not None:
            file = with_signature_first(file, signature)
        network = _network(file, input_shapes)
    except flatbuffer.READER_ERRORS as error:
        if isinstance(error, PartitionError):
            raise
        raise flatbuffer.damaged(file.name, f"{type(error).__name__}: {error}") from error
    return LoadedModel(network=network, file=file)


def read_again(path: str | Path, network: Network) -> LoadedModel:
    """Read the file of a network again, whose bytes were let go, to extract more of it.

    Args:
        path: The file, as it was given to ``load_model``, of its first subgraph.
        network: As it was read then.

    Raises:
        PartitionError: As ``load_model``.
        UnsupportedModelError: The file is another one by now.
    """
    file = flatbuffer.read_model_file(path)
    if file.sha256 != network.sha256:
        raise UnsupportedModelError(
            f"{path}: was replaced by another file meanwhile; leave it as it is while it is in use"
        )
    return LoadedModel(network=network, file=file)


def _network(file: ModelFile, input_shapes: Mapping[str, Sequence[int]] | None) -> Network:
    graph = graph_of(file, MAIN)
    _check_computes(graph)
    _check_not_compiled(graph)
    numbers = reachable_subgraphs(file.root, graph.raw.operators)
    bodies, called = _called(graph, numbers)
    settled = run_time_shapes(graph, input_shapes)
    tensors = network_tensors(graph, settled.shapes)
    weights = _weights([graph, *(body.graph for body in bodies.values())])
    network = Network(
        sha256=file.sha256,
        name=file.name,
        tensors=tensors,
        operators=OperatorReader(graph, tensors, bodies, called).operators(),
        inputs=tuple(int(index) for index in graph.raw.inputs),
        outputs=tuple(int(index) for index in graph.raw.outputs),
        parameters=sum(weight.elements for weight in weights),
        parameter_bytes=sum(weight.stored_bytes for weight in weights),
        signature=main_signature(file.root),
        assumed_batch=settled.assumed_batch,
        notes=settled.notes,
    )
    check_order(network, state_tensors(graph) | stored_constants(tensors))
    return replace(network, notes=(*network.notes, *reading_notes(file, network, len(numbers))))


def _check_computes(graph: Graph) -> None:
    if not graph.kinds or not len(graph.raw.outputs):
        raise UnsupportedModelError(
            f"{graph.file.name}: computes nothing ({len(graph.kinds)} operators, "
            f"{len(graph.raw.outputs)} outputs); give a network with some of both"
        )


def _check_not_compiled(graph: Graph) -> None:
    found = next((kind for kind in graph.kinds if kind in COMPILED_FOR), None)
    if found is not None:
        raise UnsupportedModelError(
            f"{graph.file.name}: was compiled for {COMPILED_FOR[found]}: its network is inside "
            f"operator {found.removeprefix(CUSTOM)}, which nothing else can look into or run; cut "
            "the .tflite file that it was compiled from"
        )


def _weights(graphs: Iterable[Graph]) -> list[Weight]:
    """Return the weights that operators of some subgraphs use, those of one buffer once."""
    weights: dict[int, Weight] = {}
    for graph in graphs:
        weights |= stored_weights(graph)
    return list(weights.values())


def _called(graph: Graph, numbers: Sequence[int]) -> tuple[dict[int, Body], CalledWork]:
    """Return what the subgraphs take that others run; each is read after those it runs."""
    bodies: dict[int, Body] = {}
    called = CalledWork(bodies)
    for number in numbers:
        bodies[number] = body_of(graph.sibling(number), bodies, called)
    return bodies, called
