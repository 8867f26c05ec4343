"""The instrument put together, and a calibration with it, in real time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from calibrate.environment import Machine, describe_device
from calibrate.journal import Journal
from calibrate.plan import Plan, UploadSubject, upload_subjects
from calibrate.procedure import Bench, Progress, run_campaign
from calibrate.produce import Circumstances, produce_profile
from calibrate.profile import DeviceProfile, SimulatedTruth, Tool
from calibrate.sampler_process import SamplerProcess
from calibrate.workloads.protocol import DeviceActivity, RealActivity
from calibrate.workloads.synthetic import truth_of
from drivers.clock import MonotonicClock
from edge.client import EdgeClient
from edge.interface import route_interface
from joulesplit.network_bench import (
    NetworkBench,
    RuntimeChoice,
    client_send,
    upload_workloads,
)
from joulesplit.wiring import SIMULATED, SensorChoice, sensor_factory, simulated_world

if TYPE_CHECKING:
    from calibrate.sampler_process import SensorFactory
    from joulesplit.simulation import SimulatedWorld


class Instrument:
    """Everything a measurement needs, running: network, link, sampler, board.

    Use inside ``with``. Calibration and validation share it.

    Args:
        model: The ``.tflite`` file.
        sensor: The power source.
        edge_url: The edge server.
        token: Of the edge server.
        runtime: How the interpreter runs.
    """

    def __init__(
        self,
        model: Path,
        sensor: SensorChoice,
        *,
        edge_url: str,
        token: str | None,
        runtime: RuntimeChoice,
    ) -> None:
        self.clock = MonotonicClock()
        self.edge_url = edge_url
        self._sensor = sensor
        self._token = token
        self._network = NetworkBench(model, runtime)
        self._stack = ExitStack()
        self.world: SimulatedWorld | None = None
        self.activity: DeviceActivity = RealActivity()

    def __enter__(self) -> Instrument:
        """Prepare the blocks, reach the server, start the sampler.

        Raises:
            PartitionError: The network cannot be run.
            EdgeError: The server cannot be reached.
            SensorError: The sensor cannot be opened.
        """
        with ExitStack() as stack:
            self.network = stack.enter_context(self._network)
            self.client = stack.enter_context(EdgeClient(self.edge_url, token=self._token))
            self.client.health()
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
        subjects = upload_subjects(plan, list(payloads))
        send = client_send(self.client, self.clock, self.activity)
        return Bench(
            clock=self.clock,
            sampler=self.sampler,
            blocks=self.network.block_workloads(self.clock, self.activity),
            uploads=upload_workloads(subjects, payloads, send, self.clock, self.activity),
        ), subjects

    def truth(self, rate_bit_per_s: float) -> SimulatedTruth | None:
        """Return the simulated world's truth; None for real hardware."""
        if self.world is None:
            return None
        return truth_of(self.world.setup.costs, self.network.blocks, rate_bit_per_s)

    def circumstances(self, plan: Plan) -> Circumstances:
        """Return what a profile records beside the windows."""
        machine = Machine()
        interface = route_interface(urlsplit(self.edge_url).hostname or "")
        return Circumstances(
            created=datetime.now(UTC).astimezone().isoformat(timespec="seconds"),
            tool=this_tool(),
            device=describe_device(machine, interface),
            sensor=self.sampler.description,
            sampling=self.sampler.statistics(),
            model=self.network.identity,
            runtime=self.network.runtime,
            blocks=self.network.blocks,
            interface=interface,
            stated_rate_bit_per_s=plan.stated_rate_bit_per_s,
            throttled_bits=machine.throttled_bits,
            truth=self.truth(plan.stated_rate_bit_per_s),
        )


def this_tool() -> Tool:
    """Return this program, as a profile names it."""
    try:
        return Tool(name="joulesplit", version=version("joulesplit"))
    except PackageNotFoundError:
        return Tool(name="joulesplit", version="uninstalled source tree")


def calibrate_device(
    instrument: Instrument, plan: Plan, journal_path: Path, on_window: Callable[[Progress], None]
) -> DeviceProfile:
    """Run a whole calibration in real time.

    Args:
        instrument: Running instrument.
        plan: What to measure.
        journal_path: New file for the windows.
        on_window: Told before the first window and after each.

    Raises:
        SensorError: The sensor failed.
        EdgeError: The server failed.
        CalibrationError: The windows do not give the figures.
    """
    bench, subjects = instrument.bench(plan)
    with Journal(journal_path) as journal:
        records = run_campaign(plan, bench, subjects, on_window=on_window, keep=journal.append)
    return produce_profile(records, instrument.circumstances(plan))
