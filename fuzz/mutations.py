"""Changes to a `.tflite` file that leave it a whole FlatBuffer: what random bytes rarely reach."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition import joined, model_pieces

SIZES = (-(2**31), -1, 0, 1, 2, 7, 255, 65536, 2**31 - 1)
"""Dimensions and indices that checks get wrong."""
Mutation = Callable[[Any, random.Random], None]


def mutated(data: bytes, rng: random.Random) -> bytes | None:
    """Return a file with one to four things changed; None if it cannot be parsed or written."""
    try:
        root = flatbuffer.schema().ModelT.InitFromPackedBuf(bytearray(data))
        for _ in range(rng.choice([1, 1, 2, 4])):
            rng.choice(MUTATIONS)(root, rng)
        return joined(model_pieces(root))
    except Exception:  # noqa: BLE001 - the file was broken before, or the change cannot be written
        return None


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Return a file with some bytes changed, words overwritten, or cut short."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        place = rng.randrange(max(len(changed), 1))
        how = rng.randrange(4)
        if how == 0:
            changed[place : place + 4] = rng.choice(SIZES).to_bytes(4, "little", signed=True)
        elif how == 1 and rng.random() < 0.1:
            del changed[place:]
        elif changed:
            changed[place % len(changed)] = rng.randrange(256)
    return bytes(changed)


def _graph(root: Any, rng: random.Random) -> Any:
    return rng.choice(root.subgraphs)


def _vector(rng: random.Random, limit: int) -> Any:
    """Return a few indices, most of them valid."""
    values = [rng.randrange(limit) if rng.random() < 0.9 else rng.choice(SIZES) for _ in range(3)]
    return np.array(values[: rng.randrange(4)], np.int32)


def _rewire(root: Any, rng: random.Random) -> None:
    graph = _graph(root, rng)
    operator, count = rng.choice(graph.operators), len(graph.tensors)
    name = rng.choice(["inputs", "outputs", "intermediates"])
    setattr(operator, name, _vector(rng, count))


def _swap_index(root: Any, rng: random.Random) -> None:
    graph = _graph(root, rng)
    operator = rng.choice(graph.operators)
    name = rng.choice(["inputs", "outputs"])
    values = np.array(getattr(operator, name), np.int32)
    values[rng.randrange(len(values))] = rng.randrange(-1, len(graph.tensors))
    setattr(operator, name, values)


def _interface(root: Any, rng: random.Random) -> None:
    graph = _graph(root, rng)
    setattr(graph, rng.choice(["inputs", "outputs"]), _vector(rng, len(graph.tensors)))


def _reorder(root: Any, rng: random.Random) -> None:
    rng.shuffle(_graph(root, rng).operators)


def _repeat(root: Any, rng: random.Random) -> None:
    graph = _graph(root, rng)
    graph.operators += [rng.choice(graph.operators)] * rng.choice([1, 3, 300])


def _drop(root: Any, rng: random.Random) -> None:
    graph = _graph(root, rng)
    del graph.operators[rng.randrange(len(graph.operators))]


def _reshape(root: Any, rng: random.Random) -> None:
    tensor = rng.choice(_graph(root, rng).tensors)
    sizes = np.array(tensor.shape, np.int32)
    if len(sizes) and rng.random() < 0.7:
        sizes[rng.randrange(len(sizes))] = rng.choice(SIZES[2:])
    else:
        sizes = np.array([rng.choice(SIZES[2:6])] * rng.choice([0, 1, 2, 5, 40]), np.int32)
    tensor.shape = sizes


def _retype(root: Any, rng: random.Random) -> None:
    tensor = rng.choice(_graph(root, rng).tensors)
    field = rng.randrange(4)
    if field == 0:
        tensor.type = rng.randrange(25)
    elif field == 1:
        tensor.isVariable = not tensor.isVariable
    elif field == 2:
        tensor.buffer = rng.randrange(len(root.buffers) + 1)
    else:
        tensor.name = rng.choice([None, b"", b"\xff\n;/;", b"a/" * 2000, b"x/Conv2D"])


def _recode(root: Any, rng: random.Random) -> None:
    code = rng.choice(root.operatorCodes)
    value = rng.randrange(210)
    code.builtinCode, code.deprecatedBuiltinCode = value, min(value, 127)
    code.customCode = rng.choice([None, b"magic", b"\xff\n"])


def _options(root: Any, rng: random.Random) -> None:
    operator = rng.choice(_graph(root, rng).operators)
    fields = vars(operator.builtinOptions or object.__new__(_Empty))
    numbers = [name for name, value in fields.items() if isinstance(value, int)]
    if numbers:
        setattr(operator.builtinOptions, rng.choice(numbers), rng.choice([0, 1, 2, 100]))
    else:
        operator.builtinOptions, operator.builtinOptionsType = None, 0


class _Empty:
    """An operator's options that hold nothing."""


def _buffer(root: Any, rng: random.Random) -> None:
    buffer = rng.choice(root.buffers)
    how = rng.randrange(4)
    if how == 0:
        buffer.data = None
    elif how == 1:
        buffer.data = np.arange(rng.choice([0, 1, 4, 64]), dtype=np.uint8)
    else:
        buffer.offset, buffer.size = rng.choice([1, 2, 64, 2**40]), rng.choice([0, 8, 2**40])


def _subgraphs(root: Any, rng: random.Random) -> None:
    how = rng.randrange(3)
    if how == 0:
        root.subgraphs = root.subgraphs * rng.choice([2, 50])
    elif how == 1:
        rng.shuffle(root.subgraphs)
    else:
        root.subgraphs = root.subgraphs[: rng.randrange(3)]


def _calls(root: Any, rng: random.Random) -> None:
    """Let an operator run some subgraph, in one role or another."""
    schema, operator = flatbuffer.schema(), rng.choice(_graph(root, rng).operators)
    number, other = (rng.choice([-1, *range(len(root.subgraphs) + 1)]) for _ in range(2))
    kind, fields = rng.choice(
        [
            ("While", {"condSubgraphIndex": number, "bodySubgraphIndex": other}),
            ("If", {"thenSubgraphIndex": number, "elseSubgraphIndex": other}),
            ("Call", {"subgraph": number}),
            ("CallOnce", {"initSubgraphIndex": number}),
        ]
    )
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, f"{kind}Options")
    operator.builtinOptions = getattr(schema, f"{kind}OptionsT")(**fields)
    codes = {name: value for value, name in flatbuffer.enum_names("BuiltinOperator").items()}
    code = codes[{"CallOnce": "CALL_ONCE"}.get(kind, kind.upper())]
    root.operatorCodes.append(
        schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=min(code, 127))
    )
    operator.opcodeIndex = len(root.operatorCodes) - 1


def _signatures(root: Any, rng: random.Random) -> None:
    signature = flatbuffer.schema().SignatureDefT(
        signatureKey=rng.choice([None, b"", b"\xff", b"a"])
    )
    signature.subgraphIndex = rng.randrange(len(root.subgraphs) + 1)
    signature.inputs = signature.outputs = []
    root.signatureDefs = [*(root.signatureDefs or ()), signature]


MUTATIONS: tuple[Mutation, ...] = (
    *(_rewire, _swap_index, _swap_index, _interface, _reorder, _repeat, _drop, _reshape),
    *(_retype, _retype, _recode, _recode, _options, _buffer, _subgraphs, _calls, _calls),
    _signatures,
)
