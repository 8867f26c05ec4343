"""How idle power goes with temperature, from the windows of a campaign. Pure.

P_0 is the mean of the windows, so it holds at the mean of their temperatures; a device that works
less is cooler and leaks less. The slope is fitted to means of neighbouring windows, because noise
that outlasts a window ties neighbours together. It is what idle power and temperature did together:
whatever else moved with the temperature is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from joulesplit.calibrate.estimates._stats import BATCH_WINDOWS, weighted_fit
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.metrology import Estimate

FEWEST_BATCHES = 6
LEAST_SPAN_K = 2.0
"""Of the batches' temperatures: zones of a Raspberry Pi step by half a kelvin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleTemperature:
    """At which temperature P_0 holds, and what a kelvin makes of it.

    Attributes:
        reference_c: Mean of the windows', °C.
        slope: W/K; None where the temperatures differ too little to tell it.
    """

    reference_c: float
    slope: Estimate | None


def idle_temperature(records: Sequence[WindowRecord]) -> IdleTemperature | None:
    """Return what the windows tell; None unless every window has its temperature.

    Args:
        records: Every window, in order of time.
    """
    known = [record.temperature_c for record in records if record.temperature_c is not None]
    if not known or len(known) < len(records):
        return None
    temperature_c = np.array(known)
    idle_w = np.array([record.idle_power_w for record in records])
    reference_c = float(temperature_c.mean())
    count = len(records) // BATCH_WINDOWS
    if count < FEWEST_BATCHES:
        return IdleTemperature(reference_c=reference_c, slope=None)
    above_k = np.array([part.mean() for part in np.array_split(temperature_c, count)]) - reference_c
    power_w = np.array([part.mean() for part in np.array_split(idle_w, count)])
    if np.ptp(above_k) < LEAST_SPAN_K:
        return IdleTemperature(reference_c=reference_c, slope=None)
    fit = weighted_fit(np.column_stack([np.ones(count), above_k]), power_w, np.ones(count))
    slope = Estimate(
        value=float(fit.coefficients[1]),
        u_stat=float(fit.covariance[1, 1] ** 0.5),
        degrees_of_freedom=fit.degrees_of_freedom,
        n=len(records),
    )
    return IdleTemperature(reference_c=reference_c, slope=slope)
