"""A journal to a profile in one pass: its windows, what stands beside them, its end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from joulesplit.calibrate.campaign._circumstances import Circumstances
from joulesplit.calibrate.campaign._machine_states import machine_checks
from joulesplit.calibrate.checks import (
    Evidence,
    Unsettled,
    band_checks,
    downlink_checks,
    ending_checks,
    examined,
    judge,
    layout_checks,
    quality_of,
)
from joulesplit.calibrate.errors import EstimateError, ReplayedError
from joulesplit.calibrate.estimates import (
    bits_per_payload_bit,
    compute_of,
    downlink_of,
    heads_of,
    idle_of,
    loads_of,
    phase_energies,
    rates_left_out,
    ratio_of_e_d_and_e_c,
    uplink_of,
    upload_tail,
    window_budget,
)
from joulesplit.calibrate.journal import JournalContents
from joulesplit.calibrate.profile import (
    BudgetTerm,
    CampaignRecord,
    Check,
    Compute,
    DeviceProfile,
    Downlink,
    InterfaceKind,
    Link,
    PrecisionKind,
    Quality,
    Sampling,
    Sensor,
    SimulatedTruth,
    Source,
    Uplink,
)
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.drivers.readings import REPLAY_KIND, AccuracyTerm, SensorDescription
from joulesplit.metrology import SystematicBudget, budget_of

HOST_PACE_LIMIT = 1.03
"""A host that takes longer than this times the simulated board's own time has not kept its pace:
E_d gross, two thirds of it idle power, is then off by two per cent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """How a campaign ended.

    Attributes:
        complete: It was not interrupted.
        reached: What the plan asked for is known.
        reason: The stop rule's last word.
        warm: The device was warm when it began.
        unsettled: What kept it from being warm.
    """

    complete: bool
    reached: bool
    reason: str
    warm: bool
    unsettled: Unsettled | None = None


def profile_from_journal(contents: JournalContents) -> DeviceProfile:
    """Return the profile that a journal gives; the same journal always gives the same one.

    It is judged as it will be before anything is decided by it: see ``examined``.

    Raises:
        ReplayedError: The sensor replayed a recording.
        EstimateError: The windows do not determine a figure, or an energy is not positive.
    """
    profile = profile_from_windows(
        contents.records,
        _circumstances(contents),
        _completion(contents),
        link_kind=contents.header.link_kind,
        campaign=CampaignRecord(
            # As a profile's file will give it back: JSON knows no tuples.
            plan=msgspec.json.decode(msgspec.json.encode(contents.plan)),
            windows=len(contents.records),
            windows_sha256=contents.windows_sha256,
        ),
        layouts=contents.plan.layouts,
    )
    return examined(profile)


def _circumstances(contents: JournalContents) -> Circumstances:
    """Return the circumstances of the beginning, with what the runs found out."""
    around, ended = contents.header.around, contents.ended
    temperatures_c = [record.temperature_c for record in contents.records]
    return replace(
        around,
        sampling=contents.sampling,
        throttled_bits=ended.throttled_bits if ended else None,
        checks=(
            *around.checks,
            *machine_checks(contents.runs),
            *band_checks(temperatures_c, contents.header.plan.limits.temperature_c),
        ),
    )


def _completion(contents: JournalContents) -> Completion:
    opinion = contents.ended.opinion if contents.ended else None
    warm_ups = [run.begun.start.warm_up for run in contents.runs]
    return Completion(
        complete=opinion is not None,
        reached=opinion is not None and opinion.reached,
        reason=opinion.reason if opinion else "",
        warm=contents.warm,
        # Of the first run that the device was not warm in.
        unsettled=next((one.unsettled for one in warm_ups if not one.warm), None),
    )


def profile_from_windows(
    records: Sequence[WindowRecord],
    around: Circumstances,
    completion: Completion,
    *,
    link_kind: InterfaceKind | None = None,
    campaign: CampaignRecord | None = None,
    layouts: int | None = None,
) -> DeviceProfile:
    """Return the profile that the windows of a campaign give.

    Args:
        records: Every window of the campaign.
        around: Its circumstances.
        completion: How it ended.
        link_kind: Of the interface that the uploads left by; None if it cannot be told.
        campaign: What names the windows; None where they are in no journal.
        layouts: Of memory that a round's windows are spread over; None if that is not known.

    Raises:
        ReplayedError: The sensor replayed a recording.
        EstimateError: The windows do not determine a figure, or an energy is not positive.
    """
    _require_live(around.sensor)
    budget = budget_of(around.sensor.accuracy, loads_of(records))
    rate_bit_per_s, simulated = around.stated_rate_bit_per_s, around.sensor.simulated
    compute = _with_precision(_compute(records, around, budget), layouts)
    uplink = _uplink(records, rate_bit_per_s, budget)
    downlink, downlink_check = _downlink(records, budget)
    return DeviceProfile(
        created=around.created,
        tool=around.tool,
        source=_source(around.sensor),
        device=around.device,
        sensor=_sensor(around.sensor, budget, records),
        sampling=_sampling(around.sampling),
        idle=idle_of(records, budget),
        compute=compute,
        link=Link(
            interface=around.interface,
            loopback=around.loopback,
            uplink=uplink,
            kind=link_kind,
            downlink=downlink,
        ),
        quality=_quality(
            _evidence(records, around, compute, uplink),
            completion,
            (*layout_checks(layouts), *downlink_check),
        ),
        simulated=simulated,
        truth=_truth_here(around.truth, compute) if simulated else None,
        e_d_over_e_c_flop_per_bit=ratio_of_e_d_and_e_c(
            records, around.blocks, rate_bit_per_s, budget
        ),
        campaign=campaign,
    )


def _truth_here(truth: SimulatedTruth | None, compute: Compute) -> SimulatedTruth | None:
    """Return the truth without the gross E_d where the host could not keep the board's pace.

    The host really computes, and where it takes longer the board waits for it and draws its idle
    power meanwhile: what an inference costs gross is then the host's doing, and no truth.
    """
    if truth is None or not {"net", "gross"} <= truth.e_d_flop_per_j.keys():
        return truth
    net, gross = truth.e_d_flop_per_j["net"], truth.e_d_flop_per_j["gross"]
    flop = sum(block.flop for block in compute.blocks)
    board_s = flop * (1 / gross - 1 / net) / truth.idle_power_w
    host_s = sum(block.latency_s.value for block in compute.blocks)
    if host_s <= HOST_PACE_LIMIT * board_s:
        return truth
    return msgspec.structs.replace(truth, e_d_flop_per_j={"net": net})


def _require_live(sensor: SensorDescription) -> None:
    # The kind too: journals of before the mark have nothing else.
    if sensor.replayed or sensor.kind == REPLAY_KIND:
        raise ReplayedError(
            f"{sensor.name} delivers readings of another time: they price no work that ran now; "
            "calibrate with a sensor that measures it"
        )


def _source(sensor: SensorDescription) -> Source:
    if sensor.simulated:
        return "simulated"
    return "modelled" if sensor.modelled else "measured"


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
        budget=tuple(_budget_term(term) for term in description.accuracy),
        settings=description.settings,
        window_budget=window_budget(records, description),
        load_u_rel=budget.load_u_rel,
        load_power_w=budget.load_power_w,
    )


def _budget_term(term: AccuracyTerm) -> BudgetTerm:
    return BudgetTerm(
        name=term.name,
        kind=term.kind,
        standard_uncertainty=term.standard_uncertainty,
        source=term.source,
        half_width=term.half_width,
        distribution=term.distribution,
        correlation=term.correlation,
        at_power_w=term.at_power_w,
    )


def _sampling(statistics: SamplerStatistics) -> Sampling:
    return Sampling(
        readings=statistics.readings,
        lost=statistics.lost,
        clipped=statistics.clipped,
        cpu_fraction=statistics.cpu_fraction,
    )


def _compute(
    records: Sequence[WindowRecord], around: Circumstances, budget: SystematicBudget
) -> Compute:
    heads = heads_of(records, len(around.blocks), budget)
    phases, encodings = phase_energies(records, budget)
    return msgspec.structs.replace(
        compute_of(
            records,
            around.blocks,
            budget,
            model=around.model,
            runtime=around.runtime,
            operators=around.operators,
        ),
        heads=heads.energies if heads else (),
        head_covariance_j2=heads.triangle_j2 if heads else (),
        phases=phases,
        encodings=encodings,
    )


def _with_precision(compute: Compute, layouts: int | None) -> Compute:
    if layouts is None:
        return compute
    precision: PrecisionKind = "repeatability" if layouts == 1 else "reproducibility"
    return msgspec.structs.replace(compute, precision=precision, layouts=layouts)


def _uplink(
    records: Sequence[WindowRecord], rate_bit_per_s: float, budget: SystematicBudget
) -> Uplink:
    return msgspec.structs.replace(
        uplink_of(records, rate_bit_per_s, budget),
        interface_bits_per_payload_bit=bits_per_payload_bit(
            records, "upload", lambda record: record.interface_tx_bits
        ),
        socket_bits_per_payload_bit=bits_per_payload_bit(
            records, "upload", lambda record: record.socket_bits
        ),
        tail=upload_tail(records, budget),
    )


def _downlink(
    records: Sequence[WindowRecord], budget: SystematicBudget
) -> tuple[Downlink | None, tuple[Check, ...]]:
    try:
        downlink, failure = downlink_of(records, budget), ""
    except EstimateError as error:
        downlink, failure = None, str(error)
    return downlink, downlink_checks(measured=downlink is not None, failure=failure)


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
        rates_left_out_bit_per_s=rates_left_out(uplink, records),
        loopback=around.loopback,
        simulated=around.sensor.simulated,
        sensor=around.sensor,
        board=around.device.board,
        extra=around.checks,
    )


def _quality(evidence: Evidence, completion: Completion, further: tuple[Check, ...]) -> Quality:
    ending = ending_checks(
        complete=completion.complete,
        reached=completion.reached,
        reason=completion.reason,
        warm=completion.warm,
        unsettled=completion.unsettled,
    )
    return quality_of((*judge(evidence).checks, *ending, *further))
