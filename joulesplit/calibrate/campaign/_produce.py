"""A campaign's windows and circumstances to a device profile. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from joulesplit.calibrate.checks import Evidence
from joulesplit.calibrate.checks import judge
from joulesplit.calibrate.errors import ReplayedError
from joulesplit.calibrate.estimates import compute_of, idle_of, ratio_of_e_d_and_e_c
from joulesplit.calibrate.estimates import loads_of
from joulesplit.calibrate.estimates import SystematicBudget, budget_of
from joulesplit.calibrate.estimates import rates_left_out, uplink_of
from joulesplit.calibrate.estimates import window_budget
from joulesplit.calibrate.profile import Check, Compute, DeviceProfile, Link, ModelIdentity, Runtime, Sampling, Sensor, SimulatedTruth, Tool, Uplink
from joulesplit.calibrate.profile import Device
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.drivers.readings import REPLAY_KIND, SensorDescription
from joulesplit.partition import Block, Operator

LOOPBACK_INTERFACE = "lo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Everything a profile records beside the windows.

    Attributes:
        created: ISO 8601 with offset.
        tool: What measures.
        device: The machine.
        sensor: As opened.
        sampling: How the sampler fared.
        model: The network.
        runtime: What ran it.
        blocks: Of the network.
        interface: Network interface of the uplink.
        stated_rate_bit_per_s: Rate that E_c is stated at, bit/s.
        throttled_bits: After the campaign; None where it cannot be known.
        truth: Of a simulated world; None for anything measured.
        operators: Of the network, in execution order; without them there are no costs by class
            of operator.
        checks: That others have made, of the machine's state.
    """

    created: str
    tool: Tool
    device: Device
    sensor: SensorDescription
    sampling: SamplerStatistics
    model: ModelIdentity
    runtime: Runtime
    blocks: Sequence[Block]
    interface: str
    stated_rate_bit_per_s: float
    throttled_bits: int | None
    truth: SimulatedTruth | None
    operators: Sequence[Operator] = ()
    checks: Sequence[Check] = ()

    @property
    def loopback(self) -> bool:
        """The uploads never leave the machine."""
        return self.interface == LOOPBACK_INTERFACE


def _sampling(statistics: SamplerStatistics) -> Sampling:
    return Sampling(
        readings=statistics.readings,
        lost=statistics.lost,
        clipped=statistics.clipped,
        cpu_fraction=statistics.cpu_fraction,
    )


def _evidence(
    records: Sequence[WindowRecord], around: Circumstances, compute: Compute, uplink: Uplink
) -> Evidence:
    return Evidence(
        records=records,
        sampling=around.sampling,
        throttled_bits=around.throttled_bits,
        e_d=compute.e_d_flop_per_j.net or compute.e_d_flop_per_j.gross,
        e_c=uplink.e_c_bit_per_j.net or uplink.e_c_bit_per_j.gross,
        stated_rate_bit_per_s=uplink.rate_bit_per_s,
        rates_left_out_bit_per_s=rates_left_out(uplink),
        loopback=around.loopback,
        simulated=around.sensor.simulated,
        sensor=around.sensor,
        board=around.device.board,
        extra=around.checks,
    )


def _sensor(
    description: SensorDescription, budget: SystematicBudget, records: Sequence[WindowRecord]
) -> Sensor:
    return Sensor(
        kind=description.kind,
        name=description.name,
        rail=description.rail,
        includes=description.includes,
        simulated=description.simulated,
        modelled=description.modelled,
        cycle_s=description.cycle_s,
        observed_fraction=description.observed_fraction,
        scale_u_rel=budget.scale_u_rel,
        offset_u_w=budget.offset_u_w,
        budget=budget.terms,
        settings=description.settings,
        window_budget=window_budget(records, description),
        load_u_rel=budget.load_u_rel,
        load_power_w=budget.load_power_w,
    )


def _require_live(sensor: SensorDescription) -> None:
    # The kind too: journals of before the mark have nothing else.
    if sensor.replayed or sensor.kind == REPLAY_KIND:
        raise ReplayedError(
            f"{sensor.name} delivers readings of another time: they price no work that ran now; "
            "calibrate with a sensor that measures it"
        )


def produce_profile(records: Sequence[WindowRecord], around: Circumstances) -> DeviceProfile:
    """Return the profile that the windows of a campaign give.

    Args:
        records: Every window of the campaign.
        around: Its circumstances.

    Raises:
        ReplayedError: The sensor replayed a recording.
        EstimateError: The windows do not determine a figure, or an energy is not positive.
    """
    _require_live(around.sensor)
    budget = budget_of(around.sensor.accuracy, loads_of(records))
    simulated = around.sensor.simulated
    compute = compute_of(
        records,
        around.blocks,
        budget,
        model=around.model,
        runtime=around.runtime,
        operators=around.operators,
    )
    uplink = uplink_of(records, around.stated_rate_bit_per_s, budget)
    return DeviceProfile(
        created=around.created,
        tool=around.tool,
        source="simulated" if simulated else "modelled" if around.sensor.modelled else "measured",
        device=around.device,
        sensor=_sensor(around.sensor, budget, records),
        sampling=_sampling(around.sampling),
        idle=idle_of(records, budget),
        compute=compute,
        link=Link(interface=around.interface, loopback=around.loopback, uplink=uplink),
        quality=judge(_evidence(records, around, compute, uplink)),
        simulated=simulated,
        truth=around.truth if simulated else None,
        e_d_over_e_c_flop_per_bit=ratio_of_e_d_and_e_c(
            records, around.blocks, around.stated_rate_bit_per_s, budget
        ),
    )
