"""A network made ready to be measured: every block with its real input, every output to send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Self

from joulesplit.calibrate.campaign import BlockCut
from joulesplit.calibrate.profile import ModelIdentity, Runtime
from joulesplit.calibrate.workloads import BlockWorkload, DeviceActivity
from joulesplit.edge import NamedTensor, encode_bundle
from joulesplit.partition import Runner, make_interpreter, random_inputs, runtime_identity
from joulesplit.partition.cutting import blocks_at, every_cut_blocks, prefix_cuts, residual_blocks
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import LoadedModel, load_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joulesplit.drivers.protocols import Clock
    from joulesplit.partition import Block, Network

BALLAST_BYTES = 1 << 20
"""Pieces of memory between the interpreters are smaller than this: more than the largest cache of
a core has sets for, and little beside a network."""

INPUT_SEED = 1
"""Of the network's input while measuring; any input costs the same arithmetic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeChoice:
    """How the interpreter runs.

    Attributes:
        threads: Threads per inference.
        xnnpack: Use the XNNPACK delegate.
    """

    threads: int = 1
    xnnpack: bool = True


def blocks_cut(network: Network, where: BlockCut | tuple[int, ...]) -> tuple[Block, ...]:
    """Return a network as blocks, as a plan says where to cut it."""
    if where == "residual":
        return residual_blocks(network)
    return every_cut_blocks(network) if where == "every-cut" else blocks_at(network, where)


def _invoke(runners: Mapping[int, Runner], index: int) -> None:
    """Run the network that is there now: laid out anew, it is another one."""
    runners[index].invoke()


class NetworkBench:
    """The interpreters of a network's blocks, with its real intermediate tensors.

    Args:
        path: The ``.tflite`` file.
        choice: How the interpreter runs.
        cut: Where blocks end, see ``joulesplit.calibrate.campaign._plan.Plan``.

    Raises:
        PartitionError: The file cannot be read, cut or run.
    """

    def __init__(
        self, path: Path, choice: RuntimeChoice, *, cut: BlockCut | tuple[int, ...] = "residual"
    ) -> None:
        self.path = path
        self.model: LoadedModel = load_model(path)
        self.blocks: tuple[Block, ...] = blocks_cut(self.network, cut)
        self._choice = choice
        self._stack = ExitStack()
        self._cuts = {cut.after_operator: cut for cut in prefix_cuts(self.network)}

    @property
    def network(self) -> Network:
        """The network as data."""
        return self.model.network

    def __enter__(self) -> Self:
        """Make an interpreter for every block and run the chain once."""
        self._tensors = {0: self._network_input()}
        self._runners: dict[int, Runner] = {}
        self._heads: dict[int, Runner] = {}
        self._ballast: list[bytearray] = []
        self._run_blocks()
        return self

    def _run_blocks(self) -> None:
        for block in self.blocks:
            runner = self.runner(block.first_operator, block.last_operator)
            self._tensors[block.index] = runner.run(self._tensors[block.index - 1])
            self._runners[block.index] = runner

    def lay_out_anew(self, chance: Random) -> None:
        """Give every block and head a new place in memory, and run each once.

        The interpreters are made again, in another order among pieces of memory of random size
        that stay taken: their arenas and packed weights come to lie on other pages and at other
        offsets. It is the same process still: where the system put its code and libraries stays.

        Args:
            chance: Where the sizes and the order are from.
        """
        self._stack.close()
        self._ballast = [bytearray(chance.randrange(1, BALLAST_BYTES)) for _ in self.blocks]
        del self._ballast[:: chance.randint(2, 4)]
        heads = list(self._heads)
        chance.shuffle(heads)
        if chance.random() < 0.5:
            self._make_heads(heads)
            self._run_blocks()
        else:
            self._run_blocks()
            self._make_heads(heads)

    def _have_head(self, last_block: int) -> None:
        if last_block not in self._heads:
            self._make_heads((last_block,))

    def _make_heads(self, last_blocks: Sequence[int]) -> None:
        for last in last_blocks:
            self._heads[last] = self._head(last)
            self._heads[last].invoke()

    def __exit__(self, *exception: object) -> None:
        """Release the interpreters."""
        self._stack.close()

    def runner(self, first_operator: int, last_operator: int) -> Runner:
        """Return an interpreter for a run of operators; released with the bench."""
        return self._stack.enter_context(
            self.new_runner(extract(self.model, first_operator, last_operator))
        )

    def new_runner(self, content: bytes) -> Runner:
        """Return an interpreter for a network's file; released by the caller."""
        return Runner(content, threads=self._choice.threads, use_xnnpack=self._choice.xnnpack)

    def new_interpreter(self, content: bytes) -> Any:
        """Return the runtime's own interpreter of a network's file, its tensors not allocated."""
        return make_interpreter(
            content, threads=self._choice.threads, use_xnnpack=self._choice.xnnpack
        )

    def _network_input(self) -> list[NDArray[Any]]:
        with Runner(extract(self.model, 0, len(self.network.operators) - 1)) as whole:
            return random_inputs(whole.inputs, INPUT_SEED)

    def last_operator(self, block: int) -> int:
        """Return the last operator of block l; −1 for l = 0."""
        return self.blocks[block - 1].last_operator if block else -1

    def crossing(self, block: int) -> list[NDArray[Any]]:
        """Return what crosses after block l (the network's input for l = 0)."""
        return self._tensors[block]

    def named_crossing(self, block: int, arrays: Sequence[NDArray[Any]]) -> tuple[NamedTensor, ...]:
        """Return arrays that cross after block l with the names they have in the file."""
        cut = self._cuts[self.last_operator(block)]
        names = [self.network.tensors[index].name for index in cut.tensors]
        return tuple(
            NamedTensor(name=name, data=array) for name, array in zip(names, arrays, strict=True)
        )

    def payloads(self) -> dict[int, bytes]:
        """Return what really crosses at l = 0 … L as it goes on the wire, by size in bits."""
        bodies = [
            encode_bundle(self.named_crossing(block, self.crossing(block)))[1]
            for block in range(len(self.blocks) + 1)
        ]
        return {8 * len(body): body for body in bodies}

    def block_workloads(self, clock: Clock, activity: DeviceActivity) -> dict[int, BlockWorkload]:
        """Return each block as a workload, its real input in place."""
        return {
            block.index: BlockWorkload(
                name=block.name,
                first_block=block.index,
                last_block=block.index,
                invoke=partial(_invoke, self._runners, block.index),
                clock=clock,
                activity=activity,
            )
            for block in self.blocks
        }

    def head_workloads(
        self, last_blocks: Sequence[int], clock: Clock, activity: DeviceActivity
    ) -> dict[int, BlockWorkload]:
        """Return blocks 1 … l as one network each; each is made when a window first needs it."""
        return {
            last: BlockWorkload(
                name=f"blocks 1 to {last} as one network",
                first_block=1,
                last_block=last,
                invoke=partial(_invoke, self._heads, last),
                clock=clock,
                activity=activity,
                make_ready=partial(self._have_head, last),
            )
            for last in last_blocks
        }

    def _head(self, last_block: int) -> Runner:
        runner = self.runner(0, self.last_operator(last_block))
        runner.set_inputs(self.crossing(0))
        return runner

    @property
    def identity(self) -> ModelIdentity:
        """The network, as a profile names it."""
        return ModelIdentity(
            name=self.network.name, sha256=self.network.sha256, input_bits=self.network.input_bits
        )

    @property
    def runtime(self) -> Runtime:
        """The interpreter, as a profile names it."""
        identity = runtime_identity()
        return Runtime(
            name=identity.name,
            version=identity.version,
            threads=self._choice.threads,
            xnnpack=self._choice.xnnpack,
        )
