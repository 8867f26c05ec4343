"""A file's signatures: named networks in it, each a subgraph of its own."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from joulesplit.partition._calls import MAIN, with_calls
from joulesplit.partition._described import TFLITE_METADATA
from joulesplit.partition._flatbuffer import ModelFile, text
from joulesplit.partition.errors import NoSuchNameError


def main_signature(root: Any) -> str:
    """Return the name of the first signature of the main subgraph; empty if it has none."""
    own = (s for s in root.signatureDefs or () if s.subgraphIndex == MAIN)
    return next((text(signature.signatureKey) for signature in own), "")


def with_signature_first(file: ModelFile, name: str) -> ModelFile:
    """Return a file whose main subgraph is that of a signature.

    The two subgraphs change places, and whatever refers to them follows. Nothing else changes;
    large arrays are shared with the given file.

    Raises:
        NoSuchNameError: There is no signature of that name.
    """
    signatures = list(file.root.signatureDefs or ())
    chosen = next((s for s in signatures if text(s.signatureKey) == name), None)
    if chosen is None:
        known = ", ".join(repr(text(s.signatureKey)) for s in signatures) or "none"
        raise NoSuchNameError(f"{file.name}: has no signature {name!r}; its signatures are {known}")
    numbers = {MAIN: int(chosen.subgraphIndex), int(chosen.subgraphIndex): MAIN}
    root = copy.copy(file.root)
    order = [numbers.get(place, place) for place in range(len(root.subgraphs))]
    root.subgraphs = [_renumbered(file.root.subgraphs[number], numbers) for number in order]
    first = [chosen, *(signature for signature in signatures if signature is not chosen)]
    if chosen.subgraphIndex != MAIN:
        # TFLite's own describe the subgraph that was the first.
        root.metadata = [e for e in root.metadata or () if text(e.name) != TFLITE_METADATA]
    root.signatureDefs = [_pointed(signature, numbers) for signature in first]
    return replace(file, root=root, source=None)


def _renumbered(graph: Any, numbers: dict[int, int]) -> Any:
    new = copy.copy(graph)
    new.operators = [with_calls(operator, numbers) for operator in graph.operators]
    return new


def _pointed(signature: Any, numbers: dict[int, int]) -> Any:
    new = copy.copy(signature)
    new.subgraphIndex = numbers.get(int(signature.subgraphIndex), int(signature.subgraphIndex))
    return new
