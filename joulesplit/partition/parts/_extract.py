"""Parts of a network as `.tflite` files of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from joulesplit.partition._attached import placed
from joulesplit.partition._constants import (
    constant_tensors,
    initialisers,
    unpacking_operators,
    working_operators,
)
from joulesplit.partition._network import Cut, Network
from joulesplit.partition._writing import Piece, joined, model_pieces
from joulesplit.partition.cutting import ClosedCut, prefix_cuts
from joulesplit.partition.errors import CutError
from joulesplit.partition.parts._subnetwork import subnetwork
from joulesplit.partition.reading import LoadedModel, load_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some operators of a network as a file that is not written yet.

    Attributes:
        pieces: The `.tflite` file, piece by piece; the constants in it are not copied.
        flop: Its work, FLOP.
        inputs: Tensor indices in the whole network of what goes in, in order.
        outputs: The same of what comes out.
        tensors: The same of all the part's tensors, by their index in the part.
    """

    pieces: Sequence[Piece]
    flop: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    tensors: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """Return the whole file."""
        return joined(self.pieces)


def extract(model: LoadedModel | str | Path, first_operator: int, last_operator: int) -> bytes:
    """Return the operators from the first to the last one as a `.tflite` file.

    Its inputs are the tensors that cross before the first operator, its outputs those that
    cross after the last one, in the order of the cuts' ``tensors``. A tensor that only passes
    by is both. So consecutive parts run one after the other are the whole network. The same
    arguments give the same bytes.

    Args:
        model: A file's path, or what ``load_model`` returned, to extract several parts.
        first_operator: Index of the first operator.
        last_operator: Index of the last operator.

    Raises:
        CutError: The range is empty, outside the network or holds only stored constants, or the
            network cannot be cut at one of its ends.
        PartitionError: The file cannot be read; see ``load_model``.
    """
    if not isinstance(model, LoadedModel):
        model = load_model(model)
    return range_part(model, first_operator, last_operator).to_bytes()


def range_part(model: LoadedModel, first_operator: int, last_operator: int) -> Part:
    """Return the operators from the first to the last one as a part; see ``extract``.

    Raises:
        CutError: The range is empty, outside the network or holds only stored constants, or the
            network cannot be cut at one of its ends.
    """
    network = model.network
    count = len(network.operators)
    if not 0 <= first_operator <= last_operator < count:
        raise CutError(
            f"{network.name}: no operators from {first_operator} to {last_operator}; they are "
            f"numbered from 0 to {count - 1}"
        )
    chosen = working(network, range(first_operator, last_operator + 1))
    if not chosen:
        raise CutError(
            f"{network.name}: operators {first_operator} to {last_operator} only unpack stored "
            "constants; choose a range that does work"
        )
    start, end = (prefix_cuts(network)[place] for place in (first_operator, last_operator + 1))
    # Before the first operator nothing is cut off: the part takes what the network takes.
    check_possible(network, end if first_operator == 0 else start, end)
    return _part(model, chosen, start.tensors, end.tensors)


def check_possible(network: Network, *cuts: Cut) -> None:
    """Check that a network can be cut at some places.

    Raises:
        CutError: It cannot.
    """
    for cut in cuts:
        if cut.obstacle:
            raise CutError(
                f"{network.name}: cannot be cut after operator {cut.after_operator}: "
                f"{cut.obstacle}; cut elsewhere"
            )


def closed_head(model: LoadedModel, cut: ClosedCut) -> Part | None:
    """Return the device's side of a closed cut; None if it has no operators.

    It takes the network's inputs and gives what crosses, then the results that only stay.
    """
    if not cut.operators:
        return None
    kept = [index for index in cut.results if index not in cut.tensors]
    return _part(model, cut.operators, model.network.inputs, [*cut.tensors, *kept])


def closed_tail(model: LoadedModel, cut: ClosedCut) -> Part | None:
    """Return the server's side of a closed cut; None if it has no operators.

    It takes what crosses and gives the network's outputs that the device does not keep.
    """
    network = model.network
    device = frozenset(cut.operators)
    chosen = [i for i in working(network, range(len(network.operators))) if i not in device]
    if not chosen:
        return None
    kept = constant_tensors(network).union(cut.results)
    return _part(model, chosen, cut.tensors, [i for i in network.outputs if i not in kept])


def working(network: Network, operators: Iterable[int]) -> list[int]:
    """Return those operators that a cut puts on one side: all but what each side carries."""
    chosen = {operator.index for operator in working_operators(network)}
    return [index for index in operators if index in chosen]


def _part(
    model: LoadedModel, chosen: Iterable[int], inputs: Sequence[int], outputs: Sequence[int]
) -> Part:
    network = model.network
    operators = _with_carried(network, chosen)
    root, tensors = subnetwork(
        model.file.root,
        [tensor.shape for tensor in network.tensors],
        operators,
        inputs,
        outputs,
    )
    pieces = model_pieces(root)
    attached = placed(model.file.attached, sum(len(piece) for piece in pieces))
    return Part(
        pieces=[*pieces, attached] if attached else pieces,
        flop=sum(network.operators[index].flop or 0 for index in operators),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        tensors=tensors,
    )


def _with_carried(network: Network, chosen: Iterable[int]) -> list[int]:
    """Return the operators, with whatever unpacks the constants or fills the state they need."""
    unpacking = unpacking_operators(network)
    indices = set(chosen)
    needed = {name for index in indices for name in network.operators[index].state}
    indices |= {o.index for o in initialisers(network) if not needed.isdisjoint(o.state)}
    waiting = [tensor for index in indices for tensor in network.operators[index].inputs]
    while waiting:
        operator = unpacking.get(waiting.pop())
        if operator is not None and operator.index not in indices:
            indices.add(operator.index)
            waiting.extend(operator.inputs)
    return sorted(indices)
