"""A value that never travels alone. Frozen plain data, a leaf."""

from __future__ import annotations

from typing import Literal

import msgspec

from joulesplit.metrology import freedom, si, uncertain

Account = Literal["gross", "net"]
"""Whether the idle power is part of a figure or taken off it."""


class Quantity(msgspec.Struct, frozen=True, kw_only=True):
    """A value that never travels alone.

    Attributes:
        value: In ``unit``.
        unit: SI unit, e.g. ``FLOP/J``.
        ci95: Interval that covers the true value with 95 % confidence, statistical and
            systematic parts combined; None only where a literature source states none.
        u_stat: Standard uncertainty from statistics (GUM type A), in ``unit``.
        u_sys: Standard uncertainty from everything else (GUM type B), in ``unit``.
        n: Number of independent windows behind the value; 0 for literature values.
        degrees_of_freedom: Behind ``u_stat`` (GUM G.3); None where they are not stated, or have
            no limit.
    """

    value: float
    unit: str
    ci95: tuple[float, float] | None
    u_stat: float | None
    u_sys: float | None
    n: int
    degrees_of_freedom: float | None = None

    @property
    def effective_degrees_of_freedom(self) -> float | None:
        """Of ``u_stat`` and ``u_sys`` together, the latter known without limit (GUM G.4.1).

        None where those of ``u_stat`` are not stated, or nothing scatters.
        """
        if self.degrees_of_freedom is None or not self.u_stat:
            return None
        return self.degrees_of_freedom * (1 + ((self.u_sys or 0.0) / self.u_stat) ** 2) ** 2

    def __str__(self) -> str:
        """Return ``1.234 ± 0.016 J (95 %, ν = 9)``, with ν as far as it is stated."""
        if self.ci95 is None:
            return f"{si(self.value, self.unit)} (no interval)"
        text = uncertain(self.value, (self.ci95[1] - self.ci95[0]) / 2, self.unit)
        stated = self.effective_degrees_of_freedom
        return f"{text} (95 %)" if stated is None else f"{text} (95 %, {freedom(stated)})"

    def _repr_html_(self) -> str:
        return f"<span>{self}</span>"


class GrossNet(msgspec.Struct, frozen=True, kw_only=True):
    """The same quantity by both definitions.

    Attributes:
        gross: From ∫P dt at the sensor, the idle floor included.
        net: With the local idle power taken off; None where a source gives only gross.
    """

    gross: Quantity
    net: Quantity | None

    def __str__(self) -> str:
        """Return both, net first."""
        return f"net {self.net or 'not stated'}, gross {self.gross}"


def in_unit(unit: str) -> msgspec.Meta:
    """Return what marks a field whose figures are in a unit, whatever a file says of them.

    Args:
        unit: SI, without a prefix.
    """
    return msgspec.Meta(extra={"unit": unit})
