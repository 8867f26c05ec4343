"""Runs of operators on interpreters that are made when needed and let go for others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from joulesplit.calibrate.environment import give_memory_back

if TYPE_CHECKING:
    from joulesplit.partition import Network, Runner

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
    weights, flowing = _weights_and_widest(network, first_operator, last_operator)
    return INTERPRETER_BYTES + STORED_AND_PACKED * weights + flowing


def copy_bytes(network: Network) -> int:
    """Return about what each further interpreter of a whole network holds, byte.

    Those of one file share the weights as stored.
    """
    weights, flowing = _weights_and_widest(network, 0, len(network.operators) - 1)
    return INTERPRETER_BYTES + weights + flowing


def _weights_and_widest(
    network: Network, first_operator: int, last_operator: int
) -> tuple[int, int]:
    """Return the weights that operators use, and the most that goes in and out of one, byte."""
    stored: set[int] = set()
    widest_bits = 0
    for operator in network.operators[first_operator : last_operator + 1]:
        used = [network.tensors[index] for index in (*operator.inputs, *operator.outputs)]
        stored.update(tensor.index for tensor in used if tensor.is_constant)
        flowing = sum(tensor.bits for tensor in used if not tensor.is_constant)
        widest_bits = max(widest_bits, flowing)
    return sum(network.tensors[index].bits for index in stored) // 8, widest_bits // 8


class LoadedParts:
    """Interpreters of runs of operators, those used last kept.

    Args:
        network: The network.
        new_runner: Makes the interpreter of its operators from the first to the last one.
        kept_bytes: What those kept may hold together, byte.
    """

    def __init__(
        self,
        network: Network,
        new_runner: Callable[[int, int], Runner],
        *,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._network, self._new_runner, self._kept_bytes = network, new_runner, kept_bytes
        self._parts: OrderedDict[tuple[int, int], Runner] = OrderedDict()

    @property
    def loaded_bytes(self) -> int:
        """What those loaded are taken to hold, byte."""
        return sum(part_bytes(self._network, *run) for run in self._parts)

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
            self.leave_at_most(self._kept_bytes - part_bytes(self._network, *run))
            self._parts[run] = self._new_runner(*run)
        self._parts.move_to_end(run)
        return self._parts[run]

    def leave_at_most(self, size_bytes: int) -> bool:
        """Let those go that were used longest ago, until the others hold no more than that.

        What they held goes back to the system, not only to this process.

        Args:
            size_bytes: Byte; below zero, all of them go.

        Returns:
            Whether any went.
        """
        before = len(self._parts)
        while self._parts and self.loaded_bytes > size_bytes:
            _, oldest = self._parts.popitem(last=False)
            oldest.close()
        if len(self._parts) == before:
            return False
        give_memory_back()
        return True
