"""When the parts of a window began and ended. Plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTimes:
    """When a window's parts began and ended, CLOCK_MONOTONIC, ns.

    Attributes:
        idle_start_ns: Workload waiting, from here.
        work_start_ns: Work begins.
        work_end_ns: Work done.
        settled_ns: From here the device counts as idle again.
        idle_end_ns: End of the window.
    """

    idle_start_ns: int
    work_start_ns: int
    work_end_ns: int
    settled_ns: int
    idle_end_ns: int

    @property
    def work_s(self) -> float:
        """Duration of the work, s."""
        return (self.work_end_ns - self.work_start_ns) * 1e-9

    @property
    def work_middle_ns(self) -> float:
        """Middle of the work, ns."""
        return (self.work_start_ns + self.work_end_ns) / 2
