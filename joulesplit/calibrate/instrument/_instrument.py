"""The instrument put together: a network, the way to the edge server, a sampler, a device."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
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
    for_link,
    head_blocks,
    upload_subjects,
)
from joulesplit.calibrate.environment import (
    Conditions,
    LoadWatch,
    PagingWatch,
    boot_of,
    describe_device,
    give_memory_back,
    interface_kind,
    require_link,
    this_tool,
)
from joulesplit.calibrate.instrument._encoding_bench import encoding_workloads
from joulesplit.calibrate.instrument._link_bench import LinkBench
from joulesplit.calibrate.instrument._network_bench import NetworkBench, RuntimeChoice
from joulesplit.calibrate.instrument._phase_bench import PhaseBench
from joulesplit.calibrate.profile import CONNECTION_PHASE, InterfaceKind
from joulesplit.calibrate.sampling import SamplerProcess
from joulesplit.calibrate.workloads import Workload
from joulesplit.edge import BITS_PER_BYTE, EdgeClient, route_interface
from joulesplit.edge.errors import InterfaceNotFoundError

if TYPE_CHECKING:
    from joulesplit.calibrate.instrument._device import DeviceUnderTest
    from joulesplit.edge import LinkProbe


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeAddress:
    """Where the edge server is.

    Attributes:
        url: ``http://HOST:PORT``.
        token: What it was started with; None for none.
    """

    url: str
    token: str | None = None


class Instrument:
    """Everything a measurement needs, running: network, link, sampler, device.

    Use inside ``with``. Calibration and validation share it.

    Args:
        model: The ``.tflite`` file.
        device: What is measured; also an attribute.
        edge: The edge server; also an attribute.
        runtime: How the interpreter runs; None for one thread with XNNPACK.
        cut: Where blocks end, see ``joulesplit.calibrate.campaign.Plan``.
        link: What the link to the server is called; None to take it as it is.
    """

    def __init__(
        self,
        model: Path,
        device: DeviceUnderTest,
        edge: EdgeAddress,
        *,
        runtime: RuntimeChoice | None = None,
        cut: BlockCut | tuple[int, ...] = "residual",
        link: InterfaceKind | None = None,
    ) -> None:
        self.device, self.edge, self.clock = device, edge, device.clock
        self._network = NetworkBench(model, runtime or RuntimeChoice(), cut=cut)
        self._expected_link = link
        self._stack = ExitStack()

    def __enter__(self) -> Instrument:
        """Prepare the blocks, reach the server, start the sampler.

        Raises:
            PartitionError: The network cannot be run.
            EdgeError: The server cannot be reached.
            LinkKindError: The way to the server is not of the kind it would be called.
            SensorError: The sensor cannot be opened.
        """
        with ExitStack() as stack:
            self.client = stack.enter_context(EdgeClient(self.edge.url, token=self.edge.token))
            self.server = self.client.health()
            self.interface = self._route()
            self.link_kind = interface_kind(self.device.machine, self.interface)
            if self._expected_link is not None:
                require_link(self._expected_link, self.interface, self.link_kind)
            self.network = stack.enter_context(self._network)
            sampler = SamplerProcess(self.device.sensor_factory, self.clock)
            self.sampler = stack.enter_context(sampler)
            self.activity = self.device.activity(self.network.blocks)
            self._stack = stack.pop_all()
        return self

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
        give_memory_back()
        return Bench(
            clock=self.clock,
            sampler=self.sampler,
            blocks=self.network.block_workloads(self.clock, self.activity),
            heads=self.network.head_workloads(heads, self.clock, self.activity),
            uploads=link.uploads(subjects, payloads),
            downloads=link.downloads(received),
            phases=self._encodings(plan) | (self._phases(link) if plan.phases else {}),
            thermometer=lambda: self.device.temperature_c,
            lay_out_anew=partial(self.network.lay_out_anew, Random(plan.order_seed)),
            foreign_load=LoadWatch(self.device.machine),
            paging=PagingWatch(self.device.machine),
        ), subjects

    def fit_to_link(self, plan: Plan) -> tuple[Plan, LinkProbe]:
        """Probe the link and return a plan that it carries, and what it is like.

        Args:
            plan: As asked for. Rates that somebody stated stay; a preset's give way.

        Raises:
            RateNotCarriedError: A stated rate is more than the link carries.
            CalibrationError: The link dropped.
            EdgeError: The server failed.
        """
        probe = self._link().probe(() if plan.fit_rates else plan.paced_rates_bit_per_s)
        return for_link(plan, probe.rate_bit_per_s.value), probe

    def _sent_rate_bit_per_s(self, plan: Plan) -> float:
        """Return the rate that E_c is of on a simulated link, bit/s; a real one's tells itself."""
        link_bit_per_s = self.device.link_rate_bit_per_s
        if link_bit_per_s is None:
            return plan.stated_rate_bit_per_s
        return plan.sent_rate_bit_per_s(link_bit_per_s)

    def _link(self) -> LinkBench:
        return LinkBench(
            self.client,
            self.clock,
            self.activity,
            interface=self.interface,
            link_rate_bit_per_s=self.device.link_rate_bit_per_s,
        )

    def _encodings(self, plan: Plan) -> dict[str, Workload]:
        return encoding_workloads(plan.encodings, self.network, self.clock, self.activity)

    def _phases(self, link: LinkBench) -> dict[str, Workload]:
        scratch = self._stack.enter_context(TemporaryDirectory(prefix="joulesplit-"))
        phases = PhaseBench(
            self.network,
            self.clock,
            self.activity,
            available_bytes=self.device.machine.available_bytes,
            scratch=Path(scratch),
        )
        return {**phases.workloads(), CONNECTION_PHASE: link.connection()}

    @property
    def boot_id(self) -> str | None:
        """Of the boot that the clock counts from; None if the system does not tell."""
        return boot_of(self.device.machine)

    def conditions(self) -> Conditions | None:
        """Return the machine's state now; None in a simulated world, which has another one."""
        try:
            interface = self._route()
        except InterfaceNotFoundError:
            interface = None
        return self.device.conditions(interface, thorough=True)

    def conditions_between(self) -> Conditions | None:
        """Return the machine's state between two windows, cheaply.

        None in a simulated world, and while there is no route: a radio that is looking for its
        network again leads nowhere else.
        """
        try:
            return self.device.conditions(self._route(), thorough=False)
        except InterfaceNotFoundError:
            return None

    def _route(self) -> str:
        """Return the interface by which packets to the server leave now."""
        return route_interface(urlsplit(self.edge.url).hostname or "")

    def circumstances(self, plan: Plan) -> Circumstances:
        """Return what a profile records beside the windows."""
        device = self.device
        return Circumstances(
            created=datetime.now(UTC).astimezone().isoformat(timespec="seconds"),
            tool=this_tool(),
            device=describe_device(device.machine, self.interface, tuned=device.tuned),
            sensor=self.sampler.description,
            sampling=self.sampler.statistics(),
            model=self.network.identity,
            runtime=self.network.runtime,
            blocks=self.network.blocks,
            interface=self.interface,
            stated_rate_bit_per_s=plan.stated_rate_bit_per_s,
            throttled_bits=device.machine.throttled_bits,
            truth=device.truth(self.network.blocks, self._sent_rate_bit_per_s(plan)),
            operators=self.network.network.operators,
        )
