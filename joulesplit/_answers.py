"""How often the answer stays with what a usage sends, found by running the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from joulesplit.optimizer import InputForm, Usage, agreement_of
from joulesplit.partition import SENDABLE, Block, Encoding
from joulesplit.partition.checking import answer_counts
from joulesplit.partition.reading import LoadedModel


def with_agreements(
    usage: Usage,
    model: LoadedModel,
    blocks: Sequence[Block],
    inputs: Sequence[Sequence[NDArray[Any]]],
    labels: Sequence[int] | None = None,
) -> Usage:
    """Return a usage that knows how often the answer stays wherever it changes numbers.

    Args:
        usage: Says what is sent in which encoding.
        model: The network.
        blocks: Its blocks.
        inputs: Of the network, as they are in use.
        labels: The right answer of each; None if they are not known.

    Raises:
        InputError: There are no inputs, or not as many labels.
        PartitionError: The network cannot be run.
    """
    places = _of_splits(usage, len(blocks))
    forms = _lossy_forms(usage)
    asked = {*places.items(), *((0, SENDABLE[form.name]) for form in forms)}
    if not asked:
        return usage
    counted = answer_counts(model, blocks, asked, inputs, labels=labels)
    found = {place: agreement_of(counts) for place, counts in counted.items()}
    encoding = usage.encoding
    if encoding is not None:
        agreements = {block: found[block, sent] for block, sent in places.items()}
        encoding = replace(encoding, agreements=agreements)
    told = [
        replace(form, agreement=found[0, SENDABLE[form.name]]) if form in forms else form
        for form in usage.input_forms
    ]
    return replace(usage, encoding=encoding, input_forms=tuple(told))


def _of_splits(usage: Usage, blocks: int) -> dict[int, Encoding]:
    """Return the encoding of each split that changes numbers, a form of the input apart."""
    first = 1 if usage.input_form is not None else 0
    named = {block: usage.sent_as(block) for block in range(first, blocks)}
    return {
        block: SENDABLE[name]
        for block, name in named.items()
        if name is not None and usage.changes_numbers(block)
    }


def _lossy_forms(usage: Usage) -> list[InputForm]:
    """Return the forms of the input that may be taken and change numbers."""
    if usage.input_bits is not None or not usage.allow_lossy_input:
        return []
    return [form for form in usage.input_forms if not form.is_lossless]
