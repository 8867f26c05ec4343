"""A look at what else runs, before anything is measured."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from joulesplit.calibrate.environment import LoadWatch, Machine
from joulesplit.cli._output import note

if TYPE_CHECKING:
    from joulesplit.calibrate.environment import ForeignLoad

LOAD_LOOK_S = 0.5
"""How long other programs are watched, s."""

BUSY_SHARE = 0.1
"""Above this share of the processors others show in every idle window."""


def warn_of_load(machine: Machine | None = None) -> None:
    """Watch other programs for a moment, and say on standard error if they would be measured too.

    Args:
        machine: The machine that computes; None for this one.
    """
    watch = LoadWatch(machine or Machine())
    watch.begin()
    time.sleep(LOAD_LOOK_S)
    if warning := load_warning(watch.since()):
        note(warning)


def load_warning(load: ForeignLoad | None) -> str | None:
    """Return what to say of other programs; None if there is nothing to say."""
    if load is None or load.share <= BUSY_SHARE:
        return None
    return (
        f"warning: other programs use {load}: what they spoil is measured again as far as that "
        "helps; stop them for figures that can be used"
    )
