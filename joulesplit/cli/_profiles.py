"""Profiles as commands read them: with the verdict that their figures deserve."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joulesplit.calibrate.profile import DeviceProfile


def examined_profile(path: Path) -> DeviceProfile:
    """Read a profile and examine it as ``profile check`` does.

    What its file says of itself is not trusted: a file that was changed by hand says that it is
    valid.

    Raises:
        ProfileError: It cannot be read.
    """
    from joulesplit.calibrate.checks import examined
    from joulesplit.calibrate.profile import load_profile

    return examined(load_profile(path).profile)
