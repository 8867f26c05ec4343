"""A network made ready to be measured: every block with its real input, every output to send."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Self

from joulesplit.calibrate.campaign import BlockCut
from joulesplit.calibrate.environment import give_memory_back
from joulesplit.calibrate.instrument._loaded_parts import LoadedParts
from joulesplit.calibrate.profile import ModelIdentity, Runtime
from joulesplit.calibrate.workloads import BlockWorkload, DeviceActivity
from joulesplit.edge import NamedTensor, encode_bundle
from joulesplit.partition import (
    Runner,
    make_interpreter,
    resize,
    runtime_identity,
    scaled_bytes,
    tensor_specs,
)
from joulesplit.partition.cutting import blocks_at, every_cut_blocks, prefix_cuts, residual_blocks
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import LoadedModel, load_model, read_again

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joulesplit.drivers.protocols import Clock
    from joulesplit.partition import Block, Network

BALLAST_BYTES = 1 << 20
"""Pieces of memory between the interpreters are smaller than this: more than the largest cache of
a core has sets for, and little beside a network."""

KEPT_FILE_BYTES = 16_000_000
"""A file with more weights is read again for each part that is loaded of it. On a board of 512 MB
its bytes are missed; reading a small one again would only take time, a third of what loading a
block takes, dozens of times in a campaign."""

REST_NS = 100_000_000
"""After loading, until the idle of a window may begin: the board has settled by then, and no mean
of the sensor (70 ms of 128 samples) reaches back."""

INPUT_SEED = 1
"""Of the network's input while measuring; any input costs the same arithmetic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeChoice:
    """How the interpreter runs.

    Attributes:
        threads: Threads per inference.
        xnnpack: Use the XNNPACK delegate.
        input_shapes: Shapes of the network's inputs by name, where they are not what the file
            says or leaves open; an edge server has to be started with the same.
    """

    threads: int = 1
    xnnpack: bool = True
    input_shapes: Mapping[str, Sequence[int]] | None = None


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

    Attributes:
        network: The network as data.
        blocks: It as blocks.
        is_a_file_of_its_own: It is not inside another file.
        before_loading: Called before a block or head is loaded: lets go what was kept beside them.

    Raises:
        PartitionError: The file cannot be read, cut or run.
    """

    def __init__(
        self, path: Path, choice: RuntimeChoice, *, cut: BlockCut | tuple[int, ...] = "residual"
    ) -> None:
        self.path = path
        self._file: LoadedModel | None = load_model(path, choice.input_shapes)
        self._keeps_file = True
        self.network: Network = self._file.network
        self.is_a_file_of_its_own = isinstance(self._file.file.source, Path)
        self.blocks: tuple[Block, ...] = blocks_cut(self.network, cut)
        self._choice = choice
        self._stack = ExitStack()
        self._parts = LoadedParts(self.network, self._part)
        self._cuts = {cut.after_operator: cut for cut in prefix_cuts(self.network)}
        self.before_loading: Callable[[], None] = lambda: None

    @property
    def model(self) -> LoadedModel:
        """The network with its file, which is read again where its bytes were let go.

        Raises:
            PartitionError: It cannot be read any more, or is another one by now.
        """
        if self._file is None:
            self._file = read_again(self.path, self.network)
        return self._file

    def _let_file_go(self) -> None:
        """Have no byte of a large file in memory until it is needed again."""
        if not self._keeps_file:
            self._file = None
            give_memory_back()

    def __enter__(self) -> Self:
        """Run the chain of blocks once, to have what crosses between them."""
        self._stack.callback(self.let_parts_go)
        self._tensors = {0: self._network_input()}
        self._ballast: list[bytearray] = []
        for block in self.blocks:
            runner = self._parts.get(block.first_operator, block.last_operator)
            self._tensors[block.index] = runner.run(self._tensors[block.index - 1])
        # From here on parts come one at a time, and may be as large as the file.
        self._keeps_file = self.network.parameter_bytes <= KEPT_FILE_BYTES
        self._let_file_go()
        return self

    def lay_out_anew(self, chance: Random) -> None:
        """Give every block and head a new place in memory.

        The interpreters are made again when they are next used, among pieces of memory of random
        size that stay taken: their arenas and packed weights come to lie on other pages and at
        other offsets. It is the same process still: where the system put its code and libraries
        stays.

        Args:
            chance: Where the sizes are from.
        """
        self.let_parts_go()
        self._ballast = [bytearray(chance.randrange(1, BALLAST_BYTES)) for _ in self.blocks]
        del self._ballast[:: chance.randint(2, 4)]

    def __exit__(self, *exception: object) -> None:
        """Release the interpreters."""
        self._stack.close()

    def runner(self, first_operator: int, last_operator: int) -> Runner:
        """Return an interpreter for a run of operators; released with the bench."""
        return self._stack.enter_context(self._part(first_operator, last_operator))

    def _part(self, first_operator: int, last_operator: int) -> Runner:
        content = extract(self.model, first_operator, last_operator)
        # The runtime takes as much again to pack the weights.
        self._let_file_go()
        return self.new_runner(content)

    def new_runner(
        self, content: bytes, input_shapes: Sequence[tuple[int, ...]] | None = None
    ) -> Runner:
        """Return an interpreter for a network's file; released by the caller.

        Args:
            content: The file.
            input_shapes: Shapes of its inputs, in order, where it may leave them open.
        """
        return Runner(
            content,
            threads=self._choice.threads,
            use_xnnpack=self._choice.xnnpack,
            input_shapes=input_shapes,
        )

    def let_parts_go(self, *, leaving_bytes: int = 0) -> bool:
        """Let blocks and heads go, those used longest ago first; they are loaded when needed.

        Args:
            leaving_bytes: What may stay, byte.

        Returns:
            Whether any went.
        """
        return self._parts.leave_at_most(leaving_bytes)

    def new_interpreter(self, content: bytes, input_shapes: Sequence[tuple[int, ...]]) -> Any:
        """Return the runtime's own interpreter of a network's file, its tensors not allocated."""
        interpreter = make_interpreter(
            content, threads=self._choice.threads, use_xnnpack=self._choice.xnnpack
        )
        resize(interpreter, input_shapes)
        return interpreter

    def _network_input(self) -> list[NDArray[Any]]:
        return scaled_bytes(tensor_specs(self.network, self.network.inputs), INPUT_SEED)

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
        bodies: dict[int, bytes] = {}
        for block in range(len(self.blocks) + 1):
            body = encode_bundle(self.named_crossing(block, self.crossing(block)))[1]
            bodies[8 * len(body)] = body
        return bodies

    def block_workloads(self, clock: Clock, activity: DeviceActivity) -> dict[int, BlockWorkload]:
        """Return each block as a workload, with its real input once it is made ready."""
        return {
            block.index: self._workload(block.name, block.index, block.index, clock, activity)
            for block in self.blocks
        }

    def head_workloads(
        self, last_blocks: Sequence[int], clock: Clock, activity: DeviceActivity
    ) -> dict[int, BlockWorkload]:
        """Return blocks 1 … l as one network each, likewise."""
        return {
            last: self._workload(f"blocks 1 to {last} as one network", 1, last, clock, activity)
            for last in last_blocks
        }

    def _workload(
        self, name: str, first: int, last: int, clock: Clock, activity: DeviceActivity
    ) -> BlockWorkload:
        run = self.last_operator(first - 1) + 1, self.last_operator(last)
        return BlockWorkload(
            name=name,
            first_block=first,
            last_block=last,
            invoke=lambda: self._parts.get(*run).invoke(),
            clock=clock,
            activity=activity,
            make_ready=lambda: self._make_ready(run, self.crossing(first - 1), clock),
        )

    def whole_ready(self, clock: Clock) -> None:
        """Have the whole network loaded and warm, as before a window of it."""
        self._make_ready((0, self.last_operator(len(self.blocks))), self.crossing(0), clock)

    def set_inputs(self) -> None:
        """Copy the input into the whole network, which is loaded."""
        self._parts.get(0, self.last_operator(len(self.blocks))).set_inputs(self.crossing(0))

    def _make_ready(
        self, run: tuple[int, int], inputs: Sequence[NDArray[Any]], clock: Clock
    ) -> None:
        """Load a run of operators unless it is, run it once, as first runs are dearer, and rest."""
        if not self._parts.holds(*run):
            self.before_loading()
            self._parts.get(*run).run(inputs)
            clock.sleep_until_ns(clock.now_ns() + REST_NS)

    @property
    def identity(self) -> ModelIdentity:
        """The network, as a profile names it."""
        return ModelIdentity(
            name=self.network.name,
            sha256=self.network.sha256,
            input_bits=self.network.input_bits,
            input_shapes=self.network.input_shapes,
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
