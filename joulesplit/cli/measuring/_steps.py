"""The steps of the loop as commands run them: with progress on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from joulesplit.calibrate.instrument import runtime_difference, what_is_left_out
from joulesplit.cli._errors import CommandError
from joulesplit.cli._output import note
from joulesplit.cli.measuring._campaign import JournalFile, calibrate_device
from joulesplit.cli.measuring._progress import CampaignLines, progress_bar
from joulesplit.cli.measuring._validation import validate_split
from joulesplit.optimizer import decide

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign import Plan
    from joulesplit.calibrate.profile import DeviceProfile
    from joulesplit.cli.measuring._instrument import Instrument
    from joulesplit.cli.measuring._validation import SplitValidation
    from joulesplit.optimizer import Usage


def calibrate(instrument: Instrument, plan: Plan, file: JournalFile) -> DeviceProfile:
    """Measure the blocks and the uplink; see ``campaign.calibrate_device``."""
    if plan.phases and (left_out := what_is_left_out(instrument.network.network)):
        note(f"warning: {left_out}")
    with progress_bar("measuring") as show:
        tell = CampaignLines(plan, show, goes_on=file.resume)
        return calibrate_device(instrument, plan, file, tell)


def validate(
    instrument: Instrument,
    profile: DeviceProfile,
    splits: Sequence[int],
    usage: Usage | None = None,
) -> tuple[SplitValidation, ...]:
    """Run splits end to end; the best one if none is named.

    Args:
        instrument: Running instrument.
        profile: Predicts what they cost.
        splits: Which l.
        usage: How they are used, for the prediction.

    Raises:
        CommandError: A split that the network does not have.
        JouleSplitError, CalibrationError, EdgeError: See ``validation.validate_split``.
    """
    network = instrument.network
    decision = decide(network.network, network.blocks, profile, account="net", usage=usage)
    last = len(decision.candidates) - 1
    for split in splits:
        if not 0 <= split <= last:
            raise CommandError(
                f"there is no split {split}: choose from 0 (all on the server) to {last} (all on "
                "the device)"
            )
    chosen = splits or (decision.best.block,)
    differ = _runtimes_differ(instrument, sends=min(chosen) < last)
    validations = []
    for split in chosen:
        with progress_bar(f"running split {split}") as show:
            validation = validate_split(
                instrument,
                decision.candidates[split],
                decision.rate_bit_per_s,
                partial(show, detail=""),
            )
        validations.append(replace(validation, runtimes_differ=differ if split < last else None))
    return tuple(validations)


def _runtimes_differ(instrument: Instrument, *, sends: bool) -> str | None:
    """Say before the first window, and return, how the two sides' runtimes differ."""
    if not sends:
        return None
    differ = runtime_difference(instrument.network.runtime, instrument.server.runtime)
    if differ is not None:
        note(f"warning: {differ}")
    return differ
