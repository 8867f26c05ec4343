"""What a profile says of the power sensor and of the sampling. Frozen plain data."""

from __future__ import annotations

from typing import Literal

import msgspec

from joulesplit.calibrate.profile._estimates import WindowTerm


class BudgetTerm(msgspec.Struct, frozen=True, kw_only=True):
    """One systematic term of the sensor's uncertainty (GUM type B).

    Attributes:
        kind: ``scale`` (factor of every power) or ``offset`` (power added to every one).
        standard_uncertainty: Relative (1) for ``scale``, W for ``offset``.
        half_width: Bound behind it, same unit; None for files that do not say.
        distribution: Between the bounds ``rectangular``, or ``normal`` where the bound is a
            standard uncertainty itself; None for files that do not say.
        correlation: ``common`` to all figures of a campaign, or ``load-dependent``: then it
            remains in E_d/E_c and in the choice of a split.
        at_power_w: Of a ``load-dependent`` scale: the power at which it holds, W; it grows with
            the square of the power. None if it is not known how it grows.
    """

    name: str
    kind: Literal["scale", "offset"]
    standard_uncertainty: float
    source: str
    half_width: float | None = None
    distribution: Literal["rectangular", "normal"] | None = None
    correlation: Literal["common", "load-dependent"] = "common"
    at_power_w: float | None = None


class Sensor(msgspec.Struct, frozen=True, kw_only=True):
    """The power sensor and its budget.

    Attributes:
        scale_u_rel: Relative standard uncertainty of the common scale terms together. It is the
            same in every joule of the profile, so it cancels in E_d/E_c and in no other figure.
        offset_u_w: Standard uncertainty of the offset terms together, W; cancels in net energy.
        load_u_rel: Relative standard uncertainty of the scale terms that change with the load.
        load_power_w: Power at which ``load_u_rel`` holds, W; it grows with the square of the
            power, and net energy has up to three times as much. None if that is not known.
    """

    kind: str
    name: str
    rail: str
    includes: str
    simulated: bool
    modelled: bool
    cycle_s: float
    observed_fraction: float
    scale_u_rel: float
    offset_u_w: float
    budget: tuple[BudgetTerm, ...]
    settings: dict[str, str | int | float | bool | None]
    window_budget: tuple[WindowTerm, ...] = ()
    load_u_rel: float = 0.0
    load_power_w: float | None = None


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How the sampler fared, counted over the whole campaign.

    Attributes:
        lost: Conversions that were not read, from time stamps.
        clipped: Readings at full scale.
        cpu_fraction: CPU time of the sampler over elapsed time; None if it has no process.
    """

    readings: int
    lost: int
    clipped: int
    cpu_fraction: float | None
