"""A journal to a profile: the estimates, what was measured beside them, how it ended. Pure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from joulesplit.calibrate.journal import JournalContents
from joulesplit.calibrate.campaign._machine_states import machine_checks
from joulesplit.calibrate.campaign._produce import Circumstances, produce_profile
from joulesplit.calibrate.checks import quality_of
from joulesplit.calibrate.checks import Unsettled, band_checks, downlink_checks, ending_checks
from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import downlink_of
from joulesplit.calibrate.estimates import heads_of
from joulesplit.calibrate.estimates import loads_of
from joulesplit.calibrate.estimates import bits_per_payload_bit, phase_energies, upload_tail
from joulesplit.calibrate.estimates import SystematicBudget, budget_of
from joulesplit.calibrate.profile import CampaignRecord, Check, Compute, DeviceProfile, Link
from joulesplit.calibrate.windows import WindowRecord


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


def storable(around: Circumstances) -> Circumstances:
    """Return circumstances that JSON can hold: it knows no infinity, as of an unbounded range."""
    bounded_a = min(around.sensor.full_scale_a, sys.float_info.max)
    return replace(around, sensor=replace(around.sensor, full_scale_a=bounded_a))


def profile_of(contents: JournalContents) -> DeviceProfile:
    """Return the profile that a journal gives; the same journal always gives the same one.

    Raises:
        EstimateError: The windows do not determine a figure, or an energy is not positive.
    """
    ended = contents.ended
    opinion = ended.opinion if ended else None
    around = replace(
        contents.header.around,
        sampling=contents.sampling,
        throttled_bits=ended.throttled_bits if ended else None,
        checks=(
            *contents.header.around.checks,
            *machine_checks(contents.runs),
            *_band(contents),
        ),
    )
    completion = Completion(
        complete=opinion is not None,
        reached=opinion is not None and opinion.reached,
        reason=opinion.reason if opinion else "",
        warm=contents.warm,
        unsettled=_unsettled(contents),
    )
    profile = completed_profile(contents.records, around, completion)
    link = profile.link
    if link is not None:
        link = msgspec.structs.replace(link, kind=contents.header.link_kind)
    return msgspec.structs.replace(profile, link=link, campaign=_campaign(contents))


def _campaign(contents: JournalContents) -> CampaignRecord:
    return CampaignRecord(
        # As a profile's file will give it back: JSON knows no tuples.
        plan=msgspec.json.decode(msgspec.json.encode(contents.plan)),
        windows=len(contents.records),
        windows_sha256=contents.windows_sha256,
    )


def _unsettled(contents: JournalContents) -> Unsettled | None:
    """Return what kept the device from being warm in the first run that it was not warm in."""
    warm_ups = (run.begun.start.warm_up for run in contents.runs)
    return next((one.unsettled for one in warm_ups if not one.warm), None)


def _band(contents: JournalContents) -> tuple[Check, ...]:
    temperatures_c = [record.temperature_c for record in contents.records]
    return band_checks(temperatures_c, contents.header.plan.limits.temperature_c)


def completed_profile(
    records: Sequence[WindowRecord], around: Circumstances, completion: Completion
) -> DeviceProfile:
    """Return the profile that windows give, with how the campaign ended among its checks.

    Raises:
        ReplayedError: The sensor replayed a recording.
        EstimateError: The windows do not determine a figure, or an energy is not positive.
    """
    profile = produce_profile(records, around)
    budget = budget_of(around.sensor.accuracy, loads_of(records))
    link, link_checks = _link(profile.link, records, budget)
    ended = ending_checks(
        complete=completion.complete,
        reached=completion.reached,
        reason=completion.reason,
        warm=completion.warm,
        unsettled=completion.unsettled,
    )
    checks = (*profile.quality.checks, *ended, *link_checks)
    return msgspec.structs.replace(
        profile,
        compute=_compute(profile.compute, records, budget),
        link=link,
        quality=quality_of(checks),
    )


def _compute(
    compute: Compute, records: Sequence[WindowRecord], budget: SystematicBudget
) -> Compute:
    heads = heads_of(records, len(compute.blocks), budget)
    return msgspec.structs.replace(
        compute,
        heads=heads.energies if heads else (),
        head_covariance_j2=heads.triangle_j2 if heads else (),
        phases=phase_energies(records, budget),
    )


def _link(
    link: Link | None, records: Sequence[WindowRecord], budget: SystematicBudget
) -> tuple[Link | None, tuple[Check, ...]]:
    if link is None:
        return None, ()
    uplink = msgspec.structs.replace(
        link.uplink,
        interface_bits_per_payload_bit=bits_per_payload_bit(
            records, "upload", lambda record: record.interface_tx_bits
        ),
        socket_bits_per_payload_bit=bits_per_payload_bit(
            records, "upload", lambda record: record.socket_bits
        ),
        tail=upload_tail(records, budget),
    )
    try:
        downlink, failure = downlink_of(records, budget), ""
    except EstimateError as error:
        downlink, failure = None, str(error)
    checks = downlink_checks(measured=downlink is not None, failure=failure)
    return msgspec.structs.replace(link, uplink=uplink, downlink=downlink), checks
