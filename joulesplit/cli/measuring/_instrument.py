"""The instrument put together, and a calibration with it, in real time."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from joulesplit.calibrate.campaign import (
    Bench,
    BlockCut,
    Circumstances,
    Plan,
    UploadSubject,
    download_subjects,
    head_blocks,
    no_thermometer,
    upload_subjects,
)
from joulesplit.calibrate.environment import (
    Conditions,
    Machine,
    boot_of,
    describe_device,
    interface_kind,
    require_link,
    snapshot,
)
from joulesplit.calibrate.instrument import LinkBench, NetworkBench, PhaseBench, RuntimeChoice
from joulesplit.calibrate.profile import (
    CONNECTION_PHASE,
    InterfaceKind,
    SimulatedTruth,
    TunedSetting,
)
from joulesplit.calibrate.sampling import SamplerProcess
from joulesplit.calibrate.workloads import DeviceActivity, RealActivity, Workload, truth_of
from joulesplit.cli._choices import SIMULATED, SensorChoice
from joulesplit.cli._identity import this_tool
from joulesplit.cli._wiring import sensor_factory, simulated_world
from joulesplit.drivers import MonotonicClock
from joulesplit.edge import BITS_PER_BYTE, EdgeClient, route_interface
from joulesplit.edge.errors import InterfaceNotFoundError

if TYPE_CHECKING:
    from joulesplit.calibrate.sampling import SensorFactory
    from joulesplit.cli._simulation import SimulatedWorld


PreparedMachine = tuple[Machine, tuple[TunedSetting, ...]]
"""A machine, and what was set on it for the measurement."""


class Instrument:
    """Everything a measurement needs, running: network, link, sampler, board.

    Use inside ``with``. Calibration and validation share it.

    Args:
        model: The ``.tflite`` file.
        sensor: The power source.
        edge_url: The edge server.
        token: Of the edge server.
        runtime: How the interpreter runs.
        cut: Where blocks end, see ``joulesplit.calibrate.campaign._plan.Plan``.
        link: What the link to the server is called; None to take it as it is.
        machine: The machine that is measured, and what was set on it for that; None for this
            one as it is.
    """

    def __init__(
        self,
        model: Path,
        sensor: SensorChoice,
        *,
        edge_url: str,
        token: str | None,
        runtime: RuntimeChoice,
        cut: BlockCut | tuple[int, ...] = "residual",
        link: InterfaceKind | None = None,
        machine: PreparedMachine | None = None,
    ) -> None:
        self.clock = MonotonicClock()
        self.edge_url = edge_url
        self._sensor = sensor
        self._token = token
        self._network = NetworkBench(model, runtime, cut=cut)
        self._expected_link = link
        self.machine, self._tuned = machine or (Machine(), ())
        self._stack = ExitStack()
        self.world: SimulatedWorld | None = None
        self.activity: DeviceActivity = RealActivity()

    def __enter__(self) -> Instrument:
        """Prepare the blocks, reach the server, start the sampler.

        Raises:
            PartitionError: The network cannot be run.
            EdgeError: The server cannot be reached.
            LinkKindError: The way to the server is not of the kind it would be called.
            SensorError: The sensor cannot be opened.
        """
        with ExitStack() as stack:
            self.client = stack.enter_context(EdgeClient(self.edge_url, token=self._token))
            self.server = self.client.health()
            self.interface = self._route()
            self.link_kind = interface_kind(self.machine, self.interface)
            if self._expected_link is not None:
                require_link(self._expected_link, self.interface, self.link_kind)
            self.network = stack.enter_context(self._network)
            self.sampler = stack.enter_context(SamplerProcess(self._factory(), self.clock))
            if self.world is not None:
                self.activity = self.world.board(self.network.blocks)
            self._stack = stack.pop_all()
        return self

    def _factory(self) -> SensorFactory:
        if self._sensor.kind != SIMULATED:
            return sensor_factory(self._sensor)
        self.world = simulated_world(self._sensor.seed, self.clock)
        return self.world.sensor_factory

    def __exit__(self, *exception: object) -> None:
        """Stop the sampler and release everything."""
        self._stack.close()

    def bench(self, plan: Plan) -> tuple[Bench, tuple[UploadSubject, ...]]:
        """Return the workloads of a plan, and its uploads."""
        payloads = self.network.payloads()
        most_bits = BITS_PER_BYTE * self.server.max_body_bytes
        subjects = upload_subjects(plan, list(payloads), most_bits)
        link = self._link()
        received = download_subjects(plan, subjects) if plan.downloads else ()
        blocks = self.network.blocks
        heads = (*head_blocks(plan, blocks), *((len(blocks),) if plan.whole else ()))
        return Bench(
            clock=self.clock,
            sampler=self.sampler,
            blocks=self.network.block_workloads(self.clock, self.activity),
            heads=self.network.head_workloads(heads, self.clock, self.activity),
            uploads=link.uploads(subjects, payloads),
            downloads=link.downloads(received),
            phases=self._phases(link) if plan.phases else {},
            thermometer=no_thermometer if self.world else lambda: self.machine.temperature_c,
        ), subjects

    def _link(self) -> LinkBench:
        return LinkBench(
            self.client,
            self.clock,
            self.activity,
            interface=self.interface,
            link_rate_bit_per_s=self.world.link_rate_bit_per_s if self.world else None,
        )

    def _phases(self, link: LinkBench) -> dict[str, Workload]:
        scratch = self._stack.enter_context(TemporaryDirectory(prefix="joulesplit-"))
        phases = PhaseBench(
            self.network,
            self.clock,
            self.activity,
            available_bytes=self.machine.available_bytes,
            scratch=Path(scratch),
        )
        return {**phases.workloads(), CONNECTION_PHASE: link.connection()}

    def truth(self, rate_bit_per_s: float) -> SimulatedTruth | None:
        """Return the simulated world's truth; None for real hardware."""
        if self.world is None:
            return None
        return truth_of(self.world.setup.costs, self.network.blocks, rate_bit_per_s)

    @property
    def boot_id(self) -> str | None:
        """Of the boot that the clock counts from; None if the system does not tell."""
        return boot_of(self.machine)

    def conditions(self) -> Conditions | None:
        """Return the machine's state now; None in a simulated world, which has another one."""
        try:
            interface = self._route()
        except InterfaceNotFoundError:
            interface = None
        return self._snapshot(interface, thorough=True)

    def conditions_between(self) -> Conditions | None:
        """Return the machine's state between two windows, cheaply.

        None in a simulated world, and while there is no route: a radio that is looking for its
        network again leads nowhere else.
        """
        try:
            return self._snapshot(self._route(), thorough=False)
        except InterfaceNotFoundError:
            return None

    def _snapshot(self, interface: str | None, *, thorough: bool) -> Conditions | None:
        if self.world is not None:
            return None
        own = (os.getpid(),)
        return snapshot(self.machine, interface=interface, own_processes=own, thorough=thorough)

    def _route(self) -> str:
        """Return the interface by which packets to the server leave now."""
        return route_interface(urlsplit(self.edge_url).hostname or "")

    def circumstances(self, plan: Plan) -> Circumstances:
        """Return what a profile records beside the windows."""
        return Circumstances(
            created=datetime.now(UTC).astimezone().isoformat(timespec="seconds"),
            tool=this_tool(),
            device=describe_device(self.machine, self.interface, tuned=self._tuned),
            sensor=self.sampler.description,
            sampling=self.sampler.statistics(),
            model=self.network.identity,
            runtime=self.network.runtime,
            blocks=self.network.blocks,
            interface=self.interface,
            stated_rate_bit_per_s=plan.stated_rate_bit_per_s,
            throttled_bits=self.machine.throttled_bits,
            truth=self.truth(plan.stated_rate_bit_per_s),
            operators=self.network.network.operators,
        )
