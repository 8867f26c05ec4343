"""What an upload of a size costs beside the straight line: measured, between others, or beyond.

A size that was measured costs what its own windows say. One between two others is on no line that
is known: windows of TCP and of the receiver let uploads take whole round trips, and a bit behind a
full window costs another amount than one before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec
import numpy as np

from joulesplit.calibrate.profile import OffLine, Quantity, UploadCosts
from joulesplit.optimizer._link_time import LinkTime
from joulesplit.optimizer._uncertainty import FloatArray

LINE_FIGURES = 5
"""E_0, P_air, e_bit, E_burst and P_late stand before the sizes in every covariance here."""

BOUND = 8**-0.5
"""Standard uncertainty of what is in a range and rather at its ends, over its width (arcsine
distribution, GUM 4.3): up to where it bends a curve is on one of the lines that enclose it."""

FEWEST_ON_A_LINE = 2

UploadSource = Literal["own windows", "line through sizes", "between sizes", "beyond sizes"]
"""What the price of an upload's size is from: the windows of that size, the straight line that all
measured sizes are on, those beside it, or the nearest ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SizePrices:
    """The sizes that were measured.

    Attributes:
        bits: Theirs, in rising order; float64, shape (S,).
        off_line: By how much those between the first and the last one cost more than the line
            through these two, J: S − 2 of them, or none where all are on a line.
        lasting_s: How long each of those lasts more, s.
        covariance: Of each of those with (E_0, P_air, e_bit, E_burst, P_late) and with all of them;
            float64, shape (D, 5 + D).
        time: How long uploads take; None if it is not known.
        power_w: Of a device that sends; one that waits takes no more, W.
    """

    bits: FloatArray
    off_line: tuple[Quantity, ...]
    lasting_s: tuple[float, ...]
    covariance: FloatArray
    time: LinkTime | None
    power_w: float

    def source(self, bits: int) -> UploadSource:
        """Say what the price of a size is from."""
        if bits in self.bits:
            return "own windows" if self.off_line else "line through sizes"
        return "between sizes" if self.bits[0] < bits < self.bits[-1] else "beyond sizes"

    def weights(self, bits: int) -> FloatArray:
        """Return how much of each ``off_line`` is in an upload of a size; float64, shape (D,)."""
        low, high = self._ends(bits)
        middle: FloatArray = (low + high) / 2
        return middle[1:-1] if self.off_line else np.zeros(0)

    def open_u_j(self, bits: int) -> float:
        """Return what an upload of a size may cost more or less than that, standard, J.

        Nothing where its own windows tell it. Else what its time is off the line, or may be, and of
        one that was not measured anything between two lines.
        """
        if bits in self.bits and self.off_line:
            return 0.0
        between_lines_j = BOUND * self._between_lines_j(bits)
        time_u_s = self.time.off_line_u_s(bits) if self.time else 0.0
        return float(np.hypot(between_lines_j, self.power_w * time_u_s))

    def _between_lines_j(self, bits: int) -> float:
        """Return how far the lines that a size lies between are apart beyond chance, J."""
        low, high = self._ends(bits)
        gap = (high - low)[1:-1] if self.off_line else np.zeros(0)
        apart_j = float(gap @ [figure.value for figure in self.off_line])
        chance_j2 = float(gap @ self.covariance[:, LINE_FIGURES:] @ gap)
        return float(max(0.0, apart_j**2 - chance_j2) ** 0.5)

    def _departures(self) -> FloatArray:
        known = [figure.value for figure in self.off_line] or [0.0] * (len(self.bits) - 2)
        return np.array([0.0, *known, 0.0])

    def _ends(self, bits: int) -> tuple[FloatArray, FloatArray]:
        """Return the weights of all sizes in the least and in the most that a size may cost.

        A curve that bends one way lies between the line through the sizes beside it and those
        through the next ones: of both sides that which is nearer, if they are on one side of it.
        Beyond all sizes it lies between the line through the first and the last and that through
        the two nearest.
        """
        count, after = len(self.bits), int(np.searchsorted(self.bits, bits))
        inside = 0 < after < count
        usual = self._line(after - 1, bits) if inside else np.zeros(count)
        if bits in self.bits or not self.off_line:
            own = self._line(min(after, count - 2), bits) if bits in self.bits else usual
            return own, own
        nexts = (after - 2, after) if inside else (0 if after == 0 else count - 2,)
        lines = [self._line(first, bits) for first in nexts if 0 <= first < count - 1]
        apart_j = [float((line - usual) @ self._departures()) for line in lines]
        if len(lines) > 1 and apart_j[0] * apart_j[1] < 0.0:
            return lines[0], lines[1]
        return usual, lines[int(np.argmin(np.abs(apart_j)))]

    def _line(self, first: int, bits: int) -> FloatArray:
        """Return the weights of the sizes in a straight line through one and the next."""
        weights = np.zeros(len(self.bits))
        start, end = self.bits[first], self.bits[first + 1]
        part = (bits - start) / (end - start)
        weights[first], weights[first + 1] = 1.0 - part, part
        return weights

    def with_values(self, values: Sequence[float]) -> SizePrices:
        """Return the same with other values of ``off_line``, J."""
        moved = [
            msgspec.structs.replace(figure, value=float(value))
            for figure, value in zip(self.off_line, values, strict=True)
        ]
        return replace(self, off_line=tuple(moved))


def size_prices(
    costs: UploadCosts,
    time: LinkTime | None,
    *,
    lasting_s: Sequence[float],
    usual_wait_s: float | None,
    power_w: float,
) -> SizePrices | None:
    """Take the sizes out of what uploads cost at a pace; None if the profile does not name them.

    Args:
        costs: By one account.
        time: See ``SizePrices``.
        lasting_s: How long each of ``off_line`` lasts more, s.
        usual_wait_s: The wait for TCP's window that E_burst has in it and is counted by P_late, s;
            None where that is not told apart.
        power_w: See ``SizePrices``.
    """
    if len(costs.payload_bits) < FEWEST_ON_A_LINE:
        return None
    return SizePrices(
        bits=np.array(costs.payload_bits, dtype=np.float64),
        off_line=tuple(one.energy_j for one in costs.off_line),
        lasting_s=tuple(lasting_s),
        covariance=_covariance(costs, usual_wait_s),
        time=time,
        power_w=power_w,
    )


def _covariance(costs: UploadCosts, usual_wait_s: float | None) -> FloatArray:
    """Return the rows of the sizes, where a burst waits for nothing if P_late is told apart."""
    told = [True, True, costs.burst_cost_j is not None, costs.waiting_power_w is not None]
    places = [place for place, is_told in zip((0, 2, 3, 4), told, strict=True) if is_told]
    count, before = len(costs.off_line), len(places)
    rows = np.zeros((count, LINE_FIGURES + count))
    stored = np.array(costs.covariance, dtype=np.float64)[before:]
    rows[:, places], rows[:, LINE_FIGURES:] = stored[:, :before], stored[:, before:]
    if usual_wait_s is None:
        rows[:, 4] = 0.0
    elif costs.burst_cost_j is not None:
        rows[:, 3] -= usual_wait_s * rows[:, 4]
    return rows


def off_line_lasting_s(
    net: Sequence[OffLine], gross: Sequence[OffLine], idle_w: float
) -> tuple[float, ...]:
    """Return how long sizes last more than the line has it, s: gross less net over P_0."""
    if len(net) != len(gross) or idle_w <= 0.0:
        return (0.0,) * len(gross)
    return tuple(
        (one.energy_j.value - other.energy_j.value) / idle_w
        for one, other in zip(gross, net, strict=True)
    )
