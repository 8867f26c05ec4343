"""How often a network's answer stays when what crosses is sent in an encoding."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from operator import eq
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulesplit.partition._answers import AnswerCounts
from joulesplit.partition._encoding import Encoding, after_sending
from joulesplit.partition._network import Block, Network
from joulesplit.partition._runtime import Runner
from joulesplit.partition._specs import TEXT
from joulesplit.partition.checking._sending import Arrays
from joulesplit.partition.errors import EncodingError, InputError
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import LoadedModel

MOST_BYTES = 64 * 2**20
"""Of what crosses for several inputs so much is held at once, byte."""

Answer = bytes | int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """Answers to some inputs: without any encoding, and by l and encoding."""

    plain: list[Answer]
    sent: dict[tuple[int, Encoding], list[Answer]]


def answer_counts(
    model: LoadedModel,
    blocks: Sequence[Block],
    encodings: Collection[tuple[int, Encoding]],
    inputs: Sequence[Sequence[NDArray[Any]]],
    *,
    labels: Sequence[int] | None = None,
    threads: int = 1,
    use_xnnpack: bool = True,
) -> dict[tuple[int, Encoding], AnswerCounts]:
    """Run a network with and without an encoding at each of some splits, and count its answers.

    An input of which a number does not fit the encoding counts as sent as it is, which is what
    becomes of it.

    Args:
        model: What ``load_model`` returned.
        blocks: The whole network in order.
        encodings: An l from 0 to L − 1, and how floats are sent there; integers are sent without
            loss.
        inputs: The network's inputs, several times; read once, in order.
        labels: The right answer of each; None if they are not known.
        threads: Number of CPU threads of a run.
        use_xnnpack: Let the runtime use XNNPACK.

    Returns:
        By l and encoding.

    Raises:
        InputError: There are no inputs, or not as many labels; or one is no answer of the network.
        PartitionError: The network cannot be run; see ``Runner``.
    """
    if not inputs:
        raise InputError(f"{model.network.name}: no inputs to run it on; give one at least")
    if labels is not None:
        _require_labels(model.network, labels, len(inputs))
    runner = partial(Runner, threads=threads, use_xnnpack=use_xnnpack)
    most = _held_at_once(model, blocks)
    runs = [_run(model, blocks, encodings, part, runner) for part in _batches(inputs, most)]
    plain = [answer for run in runs for answer in run.plain]
    return {
        place: _counted(plain, [answer for run in runs for answer in run.sent[place]], labels)
        for place in encodings
    }


def _require_labels(network: Network, labels: Sequence[int], inputs: int) -> None:
    if len(labels) != inputs:
        raise InputError(f"{len(labels)} labels given for {inputs} inputs; give one each")
    output = network.tensors[network.outputs[0]]
    if output.dtype == TEXT:
        raise InputError(f"{network.name} answers with texts, which no number labels: leave it out")
    answers = prod(output.shape)
    wrong = [label for label in labels if not 0 <= label < answers]
    if wrong:
        raise InputError(
            f"label {wrong[0]} is no answer of {network.name}, which has {answers}: they are "
            "counted from 0"
        )


def _held_at_once(model: LoadedModel, blocks: Sequence[Block]) -> int:
    """Return of how many inputs what crosses is held at once."""
    largest_bits = max(model.network.input_bits, *(block.output_bits for block in blocks))
    return max(1, 8 * MOST_BYTES // max(1, largest_bits))


def _batches(inputs: Sequence[Sequence[NDArray[Any]]], most: int) -> Iterator[list[Arrays]]:
    for first in range(0, len(inputs), most):
        yield [list(inputs[at]) for at in range(first, min(first + most, len(inputs)))]


def _run(
    model: LoadedModel,
    blocks: Sequence[Block],
    encodings: Collection[tuple[int, Encoding]],
    inputs: Iterable[Arrays],
    runner: Callable[[bytes], Runner],
) -> _Answers:
    last = blocks[-1].last_operator
    values = list(inputs)
    sent: dict[tuple[int, Encoding], list[Answer]] = {}
    for position, block in enumerate(blocks):
        here = [place for place in encodings if place[0] == position]
        if here:
            with runner(extract(model, block.first_operator, last)) as tail:
                for place in here:
                    arrived = (_arrived(crossing, place[1]) for crossing in values)
                    sent[place] = [_answer(tail.run(arrays)) for arrays in arrived]
        with runner(extract(model, block.first_operator, block.last_operator)) as part:
            values = [part.run(arrays) for arrays in values]
    return _Answers(plain=[_answer(outputs) for outputs in values], sent=sent)


def _arrived(crossing: Arrays, encoding: Encoding) -> Arrays:
    """Return tensors as they arrive; as they are, if the encoding cannot hold them."""
    try:
        return after_sending(crossing, encoding)
    except EncodingError:
        return crossing


def _answer(outputs: Sequence[NDArray[Any]]) -> Answer:
    first = outputs[0]
    if first.dtype.kind == "S" or not first.size:
        return first.tobytes()
    return int(np.argmax(first))


def _counted(
    plain: Sequence[Answer], sent: Sequence[Answer], labels: Sequence[int] | None
) -> AnswerCounts:
    same = sum(map(eq, plain, sent))
    if labels is None:
        return AnswerCounts(inputs=len(plain), same=same)
    without = [*map(eq, plain, labels)]
    with_it = [*map(eq, sent, labels)]
    pairs = list(zip(without, with_it, strict=True))
    return AnswerCounts(
        inputs=len(plain),
        same=same,
        right=sum(without),
        lost=pairs.count((True, False)),
        gained=pairs.count((False, True)),
    )
