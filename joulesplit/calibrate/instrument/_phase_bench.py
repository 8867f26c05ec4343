"""The steps of a start made ready to be measured, from reading the file to the first inference."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulesplit.calibrate.environment import give_memory_back
from joulesplit.calibrate.instrument._camera_picture import picture_keys, picture_steps
from joulesplit.calibrate.instrument._loaded_parts import copy_bytes
from joulesplit.calibrate.instrument._network_bench import REST_NS
from joulesplit.calibrate.profile import CONNECTION_PHASE
from joulesplit.calibrate.workloads import FreshStepWorkload, ReadyStepWorkload, StepWorkload
from joulesplit.partition import model_bytes, prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from joulesplit.calibrate.instrument._network_bench import NetworkBench
    from joulesplit.calibrate.workloads import DeviceActivity, Workload
    from joulesplit.drivers.protocols import Clock
    from joulesplit.partition import Network, Runner

READ_FILE = "model file: read it from the cache of the system"
LOAD = "model: load it"
ALLOCATE = "model: allocate its tensors"
FIRST_INFERENCE = "first inference"
SET_INPUT = "input: copy it into the network"

COPIES_AT_MOST = 16
"""Networks that are ready for one window of a step that each does only once, where memory is
plenty."""

COPIES_SHARE = 0.5
"""Of the memory available, what these copies may take: the sampler needs some, and no reading
may wait for a swap."""

WORKING_BYTES = 85_000_000
"""What the file, these copies and the parts beside them may hold together: a board of 512 MB has
room for it beside the program and the sampler. One copy of a large network takes more."""

EVERYWHERE = (READ_FILE, LOAD, ALLOCATE, SET_INPUT, FIRST_INFERENCE, CONNECTION_PHASE)
"""Steps that every network and link has."""


def phase_count(network: Network) -> int:
    """Return how many steps are measured apart for a network here, a new connection with them."""
    return len(EVERYWHERE) + len(picture_keys(network))


def copies_that_fit(network: Network, available_bytes: int | None) -> int:
    """Return how many copies of a network are ready at once, at least 1.

    A copy is taken to hold every tensor at its full size: packed weights, and results as if none
    took the memory of another. The file itself is shared.

    Args:
        network: The network.
        available_bytes: Memory that programs can still take, byte; None if it is not known.
    """
    if available_bytes is None:
        return COPIES_AT_MOST
    copy_bits = max(1, sum(tensor.bits for tensor in network.tensors))
    fitting = int(COPIES_SHARE * available_bytes * 8 / copy_bits)
    return max(1, min(COPIES_AT_MOST, fitting))


def copies_ready(network: Network, available_bytes: int | None) -> int:
    """Return how many copies of a network are made ready for a window, at least 1.

    Args:
        network: The network.
        available_bytes: Memory that programs can still take, byte; None if it is not known.
    """
    fitting = (WORKING_BYTES - network.parameter_bytes) // copy_bytes(network)
    return max(1, min(copies_that_fit(network, available_bytes), fitting))


class PhaseBench:
    """What happens once per start, as workloads.

    A simulated board spends its energies on inferences alone: of the other steps it knows
    nothing, so they show the host's times and no energy.

    Args:
        network: The network.
        clock: Time.
        activity: Who is told.
        available_bytes: Memory that programs can still take, byte; None if it is not known.
        scratch: Directory for a picture, which must outlast the workloads.
    """

    def __init__(
        self,
        network: NetworkBench,
        clock: Clock,
        activity: DeviceActivity,
        *,
        available_bytes: int | None,
        scratch: Path,
    ) -> None:
        self._scratch = scratch
        self._shelf: list[object] = []
        self._copies = copies_ready(network.network, available_bytes)
        self._network, self._clock, self._activity = network, clock, activity
        alone = network.is_a_file_of_its_own
        self._read = network.path.read_bytes if alone else partial(model_bytes, network.path)
        self._content = b""
        self._inputs = network.crossing(0)
        self._shapes = [array.shape for array in self._inputs]
        network.before_loading = self._let_go

    def workloads(self) -> dict[str, Workload]:
        """Return every step by its subject's key.

        Raises:
            OutputError: The picture cannot be written.
        """
        network, clock = self._network, self._clock
        pictures = picture_steps(network.network, self._scratch)
        return {
            READ_FILE: self._with_ready(READ_FILE, self._read, self._have_room),
            LOAD: self._with_ready(LOAD, self._loaded, self._have_content),
            **{key: self._step(key, step) for key, step in pictures.items()},
            SET_INPUT: self._with_ready(
                SET_INPUT, network.set_inputs, lambda: network.whole_ready(clock)
            ),
            ALLOCATE: self._fresh(ALLOCATE, self._loaded, prepare),
            FIRST_INFERENCE: self._fresh(FIRST_INFERENCE, self._ready, self._first),
        }

    def _step(self, name: str, step: Any) -> StepWorkload:
        return StepWorkload(name=name, step=step, clock=self._clock, activity=self._activity)

    def _with_ready(
        self, name: str, step: Callable[[], object], make_ready: Callable[[], None]
    ) -> ReadyStepWorkload:
        return ReadyStepWorkload(
            name=name,
            step=step,
            clock=self._clock,
            activity=self._activity,
            make_ready=make_ready,
        )

    def _fresh(
        self, name: str, make: Callable[[], object], step: Callable[[Any], None]
    ) -> FreshStepWorkload:
        def made_in_its_room() -> object:
            self._have_content(copies=self._copies)
            return make()

        return FreshStepWorkload(
            name=name,
            make=made_in_its_room,
            step=step,
            clock=self._clock,
            activity=self._activity,
            at_most=self._copies,
            shelf=self._shelf,
            settle=self._rest,
        )

    def _rest(self) -> None:
        self._clock.sleep_until_ns(self._clock.now_ns() + REST_NS)

    def _have_room(self, *, copies: int = 0) -> None:
        """Have no more parts loaded than go with the file and copies of the network."""
        network = self._network.network
        taken_bytes = network.parameter_bytes + copies * copy_bytes(network)
        if self._network.let_parts_go(leaving_bytes=WORKING_BYTES - taken_bytes):
            self._rest()

    def _have_content(self, *, copies: int = 0) -> None:
        """Have the file in memory, and room for copies of the network."""
        self._have_room(copies=copies)
        if not self._content:
            self._content = self._read()
            self._rest()

    def _let_go(self) -> None:
        """Keep nothing for a window that may not come soon; other networks are to be loaded."""
        if self._content:
            self._shelf.clear()
            self._content = b""
            give_memory_back()

    def _loaded(self) -> object:
        """Return the runtime's interpreter without tensors.

        Both runtimes allocate, and hand operators to their delegate, only when asked to.
        """
        return self._network.new_interpreter(self._content, self._shapes)

    def _ready(self) -> Runner:
        runner = self._network.new_runner(self._content, self._shapes)
        runner.set_inputs(self._inputs)
        return runner

    def _first(self, runner: Any) -> None:
        with self._activity.inference(1, len(self._network.blocks)):
            runner.invoke()
