"""Does the sensor see the device and its work at all? Asked after the first windows. Pure.

A whole campaign with reversed leads, or of a device that is fed past the shunt, would end in a
figure that is not above zero: so much time later, and without the cause.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from joulesplit.calibrate.errors import WiringError
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.drivers.readings import SensorDescription
from joulesplit.metrology import budget_of

COMPUTING = ("compute", "control", "head", "whole")
"""Kinds of windows that keep the processor busy from end to end, whatever the network."""

LOOKS = {6: 1.0, 12: 2.2}
"""After so many windows of computing, their mean net power is to be above this many of its
standard uncertainties (2.2 is Student's t of 95 % at 11 degrees of freedom). Of 200,000 draws of
twelve normal windows this stops 98 % where there is no work to see, 82 % of all at the first look;
0.7 % where one window shows the work at 1.5 of its standard deviations, 0.01 % at 2."""

VOLTAGE_FALLS = 0.05
"""Share by which a supply of 5 V may fall under the work: to 4.75 V, as USB allows. A current that
is the sensor's offset alone then seems to change in power by so much, in step with the work."""

WITH_SHUNT_PINS = ("INA219", "INA226")
"""Parts of the names of sensors whose terminals are called VIN+ and VIN−, also of recorded ones."""

OFFSETS = 3.0
"""Power this many standard uncertainties of the sensor's offset below zero is no offset."""


def swapped_hint(power_w: float, sensor: SensorDescription) -> str | None:
    """Return what a power below zero says of the wiring; None if the offset may explain it.

    Args:
        power_w: Mean power, W.
        sensor: As opened.
    """
    if not power_w < -_largest_offset_w(sensor):
        return None
    # A sign of its own width, as in every report.
    below_w = -power_w
    if any(chip in sensor.name for chip in WITH_SHUNT_PINS):
        return (
            f"reads −{below_w:.2f} W: VIN+ and VIN− are swapped; VIN+ goes to the supply, VIN− to "
            "the device"
        )
    return (
        f"reads −{below_w:.2f} W: {sensor.name} counts what flows the other way; turn it round, so "
        "that the device is on its load side, or choose the rail that feeds the device"
    )


def _largest_offset_w(sensor: SensorDescription) -> float:
    return OFFSETS * budget_of(sensor.accuracy).offset_u_w


def require_seen(records: Sequence[WindowRecord], sensor: SensorDescription) -> None:
    """Refuse to go on with a sensor that does not see the device, or not its work.

    Args:
        records: All windows so far.
        sensor: As opened.

    Raises:
        WiringError: Idle is below zero by more than the offset, or the first windows' net power
            is not above zero by more than their scatter.
    """
    if len(records) == 1 and (hint := swapped_hint(records[0].idle_power_w, sensor)):
        raise WiringError(f"idle {hint}")
    if records[-1].task.kind not in COMPUTING:
        return
    power_w = [r.net_j / r.work_s for r in records if r.task.kind in COMPUTING]
    if len(power_w) in LOOKS:
        _require_above_scatter(power_w, VOLTAGE_FALLS * _largest_offset_w(sensor))


def _require_above_scatter(power_w: Sequence[float], unseen_w: float) -> None:
    n, mean_w = len(power_w), float(np.mean(power_w))
    u_w = float(np.std(power_w, ddof=1)) / n**0.5
    if mean_w > LOOKS[n] * u_w + unseen_w:
        return
    raise WiringError(
        f"the work does not show at the sensor: {n} windows of computing differ from idle by "
        f"{mean_w:.2g} W, with a standard uncertainty of {u_w:.2g} W from their scatter: is the "
        "device fed past the shunt (a second supply, USB), or is it the wrong rail? Mend it and "
        "start anew; if the work really takes so little, lengthen it in the plan"
    )
