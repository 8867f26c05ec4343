"""Runs of operators on interpreters that are made when needed and let go for others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from joulesplit.partition.parts import extract

if TYPE_CHECKING:
    from joulesplit.partition import Network, Runner
    from joulesplit.partition.reading import LoadedModel

KEPT_BYTES = 40_000_000
"""What interpreters may hold together that are kept for their next window; one may hold more.
Most blocks then stay, and a board of 512 MB has room for a large network's head."""

INTERPRETER_BYTES = 1_500_000
"""An interpreter without weights and activations: graph, delegate, kernels."""

STORED_AND_PACKED = 2
"""Weights are held once as stored and once as XNNPACK packs them."""


def part_bytes(network: Network, first_operator: int, last_operator: int) -> int:
    """Return about what an interpreter of a run of operators holds, byte.

    Args:
        network: The network.
        first_operator: Of the run.
        last_operator: Of the run, included.
    """
    stored: set[int] = set()
    widest_bits = 0
    for operator in network.operators[first_operator : last_operator + 1]:
        used = [network.tensors[index] for index in (*operator.inputs, *operator.outputs)]
        stored.update(tensor.index for tensor in used if tensor.is_constant)
        flowing = sum(tensor.bits for tensor in used if not tensor.is_constant)
        widest_bits = max(widest_bits, flowing)
    weight_bits = sum(network.tensors[index].bits for index in stored)
    return INTERPRETER_BYTES + (STORED_AND_PACKED * weight_bits + widest_bits) // 8


class LoadedParts:
    """Interpreters of runs of operators, those used last kept.

    Args:
        model: The network's file.
        new_runner: Makes an interpreter of a network's file.
        kept_bytes: What those kept may hold together, byte.
    """

    def __init__(
        self,
        model: LoadedModel,
        new_runner: Callable[[bytes], Runner],
        *,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._model, self._new_runner, self._kept_bytes = model, new_runner, kept_bytes
        self._parts: OrderedDict[tuple[int, int], Runner] = OrderedDict()

    @property
    def loaded_bytes(self) -> int:
        """What those loaded are taken to hold, byte."""
        return sum(part_bytes(self._model.network, *run) for run in self._parts)

    def holds(self, first_operator: int, last_operator: int) -> bool:
        """Say whether a run of operators is loaded."""
        return (first_operator, last_operator) in self._parts

    def get(self, first_operator: int, last_operator: int) -> Runner:
        """Return the interpreter of a run of operators; others may be let go for it.

        Raises:
            PartitionError: There is no such run, or the runtime refuses it.
        """
        run = first_operator, last_operator
        if run not in self._parts:
            self._make_room(part_bytes(self._model.network, *run))
            self._parts[run] = self._new_runner(extract(self._model, *run))
        self._parts.move_to_end(run)
        return self._parts[run]

    def _make_room(self, needed_bytes: int) -> None:
        while self._parts and self.loaded_bytes + needed_bytes > self._kept_bytes:
            _, oldest = self._parts.popitem(last=False)
            oldest.close()

    def clear(self) -> None:
        """Let all of them go."""
        while self._parts:
            self._parts.popitem()[1].close()
