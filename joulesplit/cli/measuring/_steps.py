"""The steps of the loop as commands run them: with progress on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from joulesplit._deciding import with_input_forms
from joulesplit._decision_stop import rule_of
from joulesplit.calibrate.campaign import (
    calibrate_device,
    require_split,
    server_runtime_difference,
    validate_split,
)
from joulesplit.calibrate.instrument import what_is_left_out
from joulesplit.cli._output import note
from joulesplit.cli.measuring._progress import CampaignLines, progress_bar
from joulesplit.optimizer import Usage, decide

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign import JournalFile, Plan, PredictedTimes, SplitValidation
    from joulesplit.calibrate.instrument import Instrument
    from joulesplit.calibrate.profile import DeviceProfile
    from joulesplit.optimizer import Candidate, Decision
    from joulesplit.partition import Encoding


def calibrate(instrument: Instrument, plan: Plan, file: JournalFile) -> DeviceProfile:
    """Measure the blocks and the uplink; see ``calibrate_device``."""
    if plan.phases and (left_out := what_is_left_out(instrument.network.network)):
        note(f"warning: {left_out}")
    with progress_bar("measuring") as show:
        tell = CampaignLines(plan, show, goes_on=file.resume)
        return calibrate_device(instrument, plan, file, tell, make_rule=rule_of)


def validate(
    instrument: Instrument,
    profile: DeviceProfile,
    splits: Sequence[int],
    usage: Usage | None = None,
) -> tuple[SplitValidation[Candidate], ...]:
    """Run splits end to end; the best one if none is named.

    Args:
        instrument: Running instrument.
        profile: Predicts what they cost.
        splits: Which l.
        usage: How they are used, for the prediction; where it does not say how full offload sends
            the input, that is decided as ``optimize`` does.

    Raises:
        NoSuchSplitError: A split that the network does not have.
        OptimizerError, CalibrationError, EdgeError: See ``decide`` and ``validate_split``.
    """
    network = instrument.network
    usage = with_input_forms(usage or Usage(), network.network, profile)
    decision = decide(network.network, network.blocks, profile, account="net", usage=usage)
    for split in splits:
        require_split(instrument, split)
    chosen = splits or (decision.best.block,)
    # Said before the first window: whoever reads it may want to stop.
    if differ := server_runtime_difference(instrument, chosen):
        note(f"warning: {differ}")
    validations = []
    for split in chosen:
        validations.append(_validated(instrument, profile, decision, split))
        if len(chosen) > 1:
            # One that fails later takes nothing from those before it.
            measured = validations[-1].measured
            note(f"split {split}: {measured.net_j} measured, {measured.inferences} inferences")
    return tuple(validations)


def _validated(
    instrument: Instrument, profile: DeviceProfile, decision: Decision, split: int
) -> SplitValidation[Candidate]:
    """Run one split, its uploads unpaced if the profile's price is of that."""
    unpaced = profile.link is not None and profile.link.uplink.unpaced
    with progress_bar(f"running split {split}") as show:
        return validate_split(
            instrument,
            decision.candidates[split],
            None if unpaced else decision.rate_bit_per_s,
            partial(show, detail=""),
            times=_times(decision, split),
            encoding=_encoding(decision.candidates[split]),
        )


def _encoding(candidate: Candidate) -> Encoding | None:
    from joulesplit.partition import SENDABLE

    return None if candidate.sent_as is None else SENDABLE[candidate.sent_as]


def _times(decision: Decision, split: int) -> PredictedTimes:
    """Return how long an inference by a split is predicted to take."""
    from joulesplit.calibrate.campaign import PredictedTimes

    candidate = decision.candidates[split]
    transfer_s = candidate.upload_s if candidate.upload_bits else None
    return PredictedTimes(transfer_s=transfer_s, sent_s=candidate.latency_s)
