"""What one run of a command costs, from windows that each hold one. Pure.

The runs are taken for independent: each has idle of its own on both sides. Their number is small,
so their own scatter with Student's t is all that is asked of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from joulesplit.calibrate.estimates._self_heating import loads_of
from joulesplit.calibrate.estimates._subject_fits import mean_quantity
from joulesplit.calibrate.profile import Quantity
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.drivers.readings import AccuracyTerm
from joulesplit.metrology import budget_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """Means over the runs. A single run has values and ``u_sys``, and no interval.

    Attributes:
        gross_j: Net energy and the idle power over the run, J.
        net_j: ∫P dt above the idle power of both sides, over the run and its settling, J.
        power_w: Gross energy of a run over its duration, W.
        idle_power_w: P_0 from both sides of each run, W.
        duration_s: From just before the start of the command to just after its end, s.
    """

    gross_j: Quantity
    net_j: Quantity
    power_w: Quantity
    idle_power_w: Quantity
    duration_s: Quantity


def run_figures(records: Sequence[WindowRecord], accuracy: tuple[AccuracyTerm, ...]) -> RunFigures:
    """Return what a run costs on average.

    An offset of the sensor is in gross energy as often as the run is long, and in power; it
    cancels in net energy, which may come out below zero: nothing is cut off.

    Args:
        records: One window per run, one at least.
        accuracy: Of the sensor.
    """
    budget = budget_of(accuracy, loads_of(records))
    duration = mean_quantity([record.work_s for record in records], "s")
    return RunFigures(
        gross_j=mean_quantity(
            [record.gross_j for record in records], "J", budget, offset_duration=duration.value
        ),
        net_j=mean_quantity([record.net_j for record in records], "J", budget),
        power_w=mean_quantity(
            [record.gross_j / record.work_s for record in records], "W", budget, offset_duration=1.0
        ),
        idle_power_w=mean_quantity(
            [record.idle_power_w for record in records], "W", budget, offset_duration=1.0
        ),
        duration_s=duration,
    )
