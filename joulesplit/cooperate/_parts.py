"""The parts of a network on this device: heads, tails and the whole, made once when first used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from joulesplit.edge import NamedTensor
from joulesplit.partition import Runner, tensor_specs
from joulesplit.partition.cutting import prefix_cuts
from joulesplit.partition.parts import extract

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joulesplit.partition import TensorSpec
    from joulesplit.partition.reading import LoadedModel


class NetworkParts:
    """The parts of a network, each run on demand; not for several threads at once.

    Args:
        model: The network.
        threads: Per inference.
        use_xnnpack: See ``Runner``.
    """

    def __init__(self, model: LoadedModel, *, threads: int, use_xnnpack: bool) -> None:
        self.network = model.network
        self.last_operator = len(self.network.operators) - 1
        self._model, self._threads, self._use_xnnpack = model, threads, use_xnnpack
        self._runners: dict[tuple[int, int], Runner] = {}
        self._cuts = {cut.after_operator: cut for cut in prefix_cuts(self.network)}
        self.outputs = tensor_specs(self.network, self.network.outputs)

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What the network takes, in the file's order."""
        return tensor_specs(self.network, self.network.inputs)

    @property
    def last_operators(self) -> set[int]:
        """Where the network can be cut: −1 before its first operator."""
        return set(self._cuts) | {self.last_operator}

    def head(self, last_operator: int, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return what crosses after an operator; −1 gives the inputs themselves."""
        if last_operator < 0:
            return list(inputs)
        return self._runner(0, last_operator).run(inputs)

    def crossing_bits(self, last_operator: int) -> int:
        """Return what crosses after an operator as it is, bit."""
        return self._cuts[last_operator].bits

    def tail(self, last_operator: int, crossing: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the network's results from what crosses after an operator."""
        if last_operator == self.last_operator:
            return list(crossing)
        return self._runner(last_operator + 1, self.last_operator).run(crossing)

    def named(self, last_operator: int, crossing: Sequence[NDArray[Any]]) -> list[NamedTensor]:
        """Return what crosses with the names it has in the file."""
        names = (self.network.tensors[i].name for i in self._cuts[last_operator].tensors)
        return [NamedTensor(name=n, data=a) for n, a in zip(names, crossing, strict=True)]

    def prepare(self, last_operators: Sequence[int]) -> None:
        """Make heads and tails of some cuts, and the whole, before they are needed."""
        for last in last_operators:
            if last >= 0:
                self._runner(0, last)
            if last < self.last_operator:
                self._runner(last + 1, self.last_operator)
        self._runner(0, self.last_operator)

    def _runner(self, first: int, last: int) -> Runner:
        runner = self._runners.get((first, last))
        if runner is None:
            content = extract(self._model, first, last)
            runner = Runner(content, threads=self._threads, use_xnnpack=self._use_xnnpack)
            self._runners[first, last] = runner
        return runner

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for runner in self._runners.values():
            runner.close()
        self._runners.clear()
