"""Checks of how a campaign began and ended, and of what it measured on the side. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from joulesplit.calibrate.checks._spec import FLAG, CheckSpec
from joulesplit.calibrate.profile import Check

Unsettled = Literal["pace", "temperature", "band"]
"""What kept a device from being warm: the time its work takes, how warm it is, or the plan's band
of temperature."""

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
    advice="{reason} (warm is: the same time twice, at a steady temperature inside the plan's "
    "limits.temperature_c)",
)
_UNSETTLED: dict[Unsettled, str] = {
    "pace": "it never took the same time twice before the first window: stop what else runs on it",
    "temperature": "its temperature was still moving: raise limits.warm_up_s in the plan",
    "band": "its temperature was not in the plan's band: cool or warm it, or set "
    "limits.temperature_c to where it works",
}
TEMPERATURE_BAND = CheckSpec(
    name="temperature-band",
    finds="windows that began outside the plan's band of temperature",
    unit="windows",
    limit=0,
    advice="{reason}, and the plan's limits.temperature_c is {stated}: cool or warm the device, or "
    "set that to where it works",
)
ONE_LAYOUT = CheckSpec(
    name="one-layout",
    finds="the network lay in the same places of memory from first to last window",
    unit=FLAG,
    limit=0,
    advice="every interval of computing says what this one start of the program would measure "
    "again (repeatability): where tensors lie decides what a block costs by a per cent or two, and "
    "the next start lays them elsewhere; give layouts = 3 in the plan",
)
DOWNLINK = CheckSpec(
    name="downlink",
    finds="downloads were measured and give no figure",
    unit=FLAG,
    limit=0,
    advice="no figure of receiving: {reason}",
)


def ending_checks(
    *,
    complete: bool,
    reached: bool,
    reason: str,
    warm: bool,
    unsettled: Unsettled | None = None,
) -> tuple[Check, ...]:
    """Return how a campaign began and ended.

    Args:
        complete: It was not interrupted.
        reached: What the plan asked for is known.
        reason: The stop rule's last word.
        warm: The device was warm when each run began.
        unsettled: What kept it from being warm; None takes the pace, as journals that do not say.
    """
    return (
        COMPLETE.judge(float(not complete)),
        STOP_RULE.judge(float(complete and not reached), reason=reason),
        WARM_UP.judge(float(not warm), reason=_UNSETTLED[unsettled or "pace"]),
    )


def band_checks(
    temperatures_c: Sequence[float | None], band_c: tuple[float, float]
) -> tuple[Check, ...]:
    """Return whether every window began in the band; nothing where no temperature is known.

    Args:
        temperatures_c: Of the processor as each window began, °C.
        band_c: The plan's, °C.
    """
    known = [t for t in temperatures_c if t is not None]
    if not known:
        return ()
    low_c, high_c = band_c
    outside = [t for t in known if not low_c <= t <= high_c]
    coldest_c, hottest_c = min(outside, default=low_c), max(outside, default=high_c)
    check = TEMPERATURE_BAND.judge(
        float(len(outside)),
        reason=f"{len(outside)} of {len(known)} windows began at {coldest_c:g} to {hottest_c:g} °C",
        stated=f"{low_c:g} to {high_c:g} °C",
    )
    return (check,)


def layout_checks(layouts: int | None) -> tuple[Check, ...]:
    """Return whether what layouts of memory differ by is in the intervals.

    Args:
        layouts: Of a round; nothing where it is not known.
    """
    return () if layouts is None else (ONE_LAYOUT.judge(float(layouts == 1)),)


def downlink_checks(*, measured: bool, failure: str) -> tuple[Check, ...]:
    """Return whether the downloads gave a figure; nothing if there were none.

    Args:
        measured: They did.
        failure: Why they did not; empty if they did, or were not measured.
    """
    if not (measured or failure):
        return ()
    return (DOWNLINK.judge(float(bool(failure)), reason=failure),)
