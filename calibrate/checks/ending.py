"""Checks of how a campaign began and ended, and of what it measured on the side. Pure."""

from __future__ import annotations

from calibrate.check_spec import FLAG, CheckSpec
from calibrate.profile import Check

COMPLETE = CheckSpec(
    name="complete",
    finds="the campaign was cut short",
    unit=FLAG,
    limit=0,
    advice="finish it with `joulesplit calibrate … --resume` and this profile's windows",
)
STOP_RULE = CheckSpec(
    name="stop-rule",
    finds="what the plan asked for is not known yet",
    unit=FLAG,
    limit=0,
    advice="{reason}: go on with `joulesplit calibrate … --resume` and a --plan of more looks, "
    "more time or a wider goal",
)
WARM_UP = CheckSpec(
    name="warm-up",
    finds="the device was not warm before the first window of a run",
    unit=FLAG,
    limit=0,
    advice="it never took the same time twice before the first window: stop what else runs on it",
)
DOWNLINK = CheckSpec(
    name="downlink",
    finds="downloads were measured and give no figure",
    unit=FLAG,
    limit=0,
    advice="no figure of receiving: {reason}",
)


def ending_checks(*, complete: bool, reached: bool, reason: str, warm: bool) -> tuple[Check, ...]:
    """Return how a campaign began and ended.

    Args:
        complete: It was not interrupted.
        reached: What the plan asked for is known.
        reason: The stop rule's last word.
        warm: The device was warm when each run began.
    """
    return (
        COMPLETE.judge(float(not complete)),
        STOP_RULE.judge(float(complete and not reached), reason=reason),
        WARM_UP.judge(float(not warm)),
    )


def downlink_checks(*, measured: bool, failure: str) -> tuple[Check, ...]:
    """Return whether the downloads gave a figure; nothing if there were none.

    Args:
        measured: They did.
        failure: Why they did not; empty if they did, or were not measured.
    """
    if not (measured or failure):
        return ()
    return (DOWNLINK.judge(float(bool(failure)), reason=failure),)
