"""The steps of a start made ready to be measured, from reading the file to the first inference."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulesplit.calibrate.instrument._camera_picture import picture_keys, picture_steps
from joulesplit.calibrate.profile import CONNECTION_PHASE
from joulesplit.calibrate.workloads import FreshStepWorkload, StepWorkload
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
        self._copies = copies_that_fit(network.network, available_bytes)
        self._network, self._clock, self._activity = network, clock, activity
        alone = isinstance(network.model.file.source, Path)
        self._read = network.path.read_bytes if alone else partial(model_bytes, network.path)
        self._content = self._read()
        self._runner = network.runner(0, len(network.network.operators) - 1)
        self._inputs = network.crossing(0)
        self._shapes = [array.shape for array in self._inputs]

    def workloads(self) -> dict[str, Workload]:
        """Return every step by its subject's key.

        Raises:
            OutputError: The picture cannot be written.
        """
        steps = {
            READ_FILE: self._read,
            LOAD: self._loaded,
            **picture_steps(self._network.network, self._scratch),
            SET_INPUT: lambda: self._runner.set_inputs(self._inputs),
        }
        return {
            **{key: self._step(key, step) for key, step in steps.items()},
            ALLOCATE: self._fresh(ALLOCATE, self._loaded, prepare),
            FIRST_INFERENCE: self._fresh(FIRST_INFERENCE, self._ready, self._first),
        }

    def _step(self, name: str, step: Any) -> StepWorkload:
        return StepWorkload(name=name, step=step, clock=self._clock, activity=self._activity)

    def _fresh(
        self, name: str, make: Callable[[], object], step: Callable[[Any], None]
    ) -> FreshStepWorkload:
        return FreshStepWorkload(
            name=name,
            make=make,
            step=step,
            clock=self._clock,
            activity=self._activity,
            at_most=self._copies,
            shelf=self._shelf,
        )

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
