"""A subgraph of a file with what it takes to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from joulesplit.partition._flatbuffer import (
    ModelFile,
    enum_names,
    operator_inputs,
    operator_kinds,
    operator_outputs,
    text,
)
from joulesplit.partition._obstacles import SHOWN_NAME

ABSENT = -1
"""schema.fbs: stands for an optional input that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the numbers in a file stand for.

    Attributes:
        kinds: Name of each operator code.
        dtypes: numpy names of element types, by the schema's numbers.
    """

    kinds: tuple[str, ...]
    dtypes: Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A subgraph.

    Attributes:
        file: The file.
        number: Its number in the file.
        raw: The schema's ``SubGraphT``.
        names: What the file's numbers for kinds and types stand for.
        kinds: Name of each operator's kind.
        dtypes: numpy name of each tensor's element type; ``type 99`` for one nobody knows.
    """

    file: ModelFile
    number: int
    raw: Any
    names: Names
    kinds: tuple[str, ...]
    dtypes: tuple[str, ...]

    def sibling(self, number: int) -> Graph:
        """Return another subgraph of the same file."""
        return _graph(self.file, number, self.names)

    def operators(self) -> Iterator[tuple[str, Any, tuple[int, ...], tuple[int, ...]]]:
        """Yield kind, the schema's ``OperatorT``, inputs and outputs of every operator.

        Inputs are tensor indices, −1 for an absent optional one.
        """
        for kind, raw in zip(self.kinds, self.raw.operators, strict=True):
            yield kind, raw, operator_inputs(raw), operator_outputs(raw)

    def data(self, tensor: int) -> Any:
        """Return a tensor's stored bytes; None if it has none."""
        found = self.file.root.buffers[self.raw.tensors[tensor].buffer].data
        return None if found is None or len(found) == 0 else found

    def name(self, tensor: int) -> str:
        """Return a tensor's name as messages show it."""
        return repr(text(self.raw.tensors[tensor].name)[:SHOWN_NAME])


def graph_of(file: ModelFile, number: int) -> Graph:
    """Return a subgraph of a file."""
    types = {value: name.lower() for value, name in enum_names("TensorType").items()}
    return _graph(file, number, Names(kinds=operator_kinds(file.root), dtypes=types))


def _graph(file: ModelFile, number: int, names: Names) -> Graph:
    raw = file.root.subgraphs[number]
    return Graph(
        file=file,
        number=number,
        raw=raw,
        names=names,
        kinds=tuple(names.kinds[operator.opcodeIndex] for operator in raw.operators),
        dtypes=tuple(names.dtypes.get(t.type, f"type {t.type}") for t in raw.tensors),
    )
