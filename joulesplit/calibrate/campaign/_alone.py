"""Uploads that go alone: how long they wait for TCP's window to come down from what it was."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from joulesplit.calibrate.campaign._plan import UNLIMITED, Plan
from joulesplit.calibrate.campaign._transfer_plan import UploadSubject
from joulesplit.calibrate.windows import WindowTask
from joulesplit.drivers.protocols import Clock

ALONE_AFTER_S = 3.0
"""An upload goes alone after so long without any, s: TCP's window is halved in every time-out of
0.2 s and a round trip, and has then come down from whatever it was to where it starts (RFC 2861).
"""


def pauses_s(alone: int, transfers: int, others: int, other_s: float) -> float:
    """Return about how long uploads wait that go alone, s, where windows come in any order.

    Other windows that stand between such an upload and the transfers before it are part of its
    pause.

    Args:
        alone: Windows that hold a single upload of those that go alone.
        transfers: Windows of uploads and downloads, these among them.
        others: Windows of anything else.
        other_s: What such a one takes on average, s.
    """
    if not alone:
        return 0.0
    share = transfers / (transfers + others)
    between = ceil(ALONE_AFTER_S / other_s) if others else 1
    left_s = [ALONE_AFTER_S - number * other_s for number in range(between)]
    chances = [share * (1 - share) ** number for number in range(between)]
    return alone * sum(chance * s for chance, s in zip(chances, left_s, strict=True))


def is_transfer(task: WindowTask) -> bool:
    """Say whether a window holds uploads or downloads."""
    return task.kind in ("upload", "download")


class Pauses:
    """The waits before uploads that go alone.

    Args:
        plan: Of the campaign.
        uploads: All that there are.
        clock: Of the campaign.
    """

    def __init__(self, plan: Plan, uploads: Sequence[UploadSubject], clock: Clock) -> None:
        unpaced = (upload.key for upload in uploads if upload.rate_bit_per_s == UNLIMITED)
        self._subjects = frozenset(unpaced if plan.lone_uploads else ())
        self._clock, self._sent_ns = clock, clock.now_ns()

    def is_alone(self, task: WindowTask) -> bool:
        """Say whether a window holds a single upload that has to go alone."""
        return task.repetitions == 1 and task.subject in self._subjects

    def over(self, task: WindowTask, ago_s: float = 0.0) -> None:
        """Take note of work that has ended, so long ago, s."""
        if is_transfer(task):
            self._sent_ns = self._clock.now_ns() - round(ago_s * 1e9)

    def wait_before(self, task: WindowTask) -> float:
        """Wait until nothing has been sent for long, if an upload is to go alone; tell it, s."""
        if not self.is_alone(task):
            return 0.0
        now_ns = self._clock.now_ns()
        left_ns = max(0, self._sent_ns + round(ALONE_AFTER_S * 1e9) - now_ns)
        self._clock.sleep_until_ns(now_ns + left_ns)
        return left_ns * 1e-9
