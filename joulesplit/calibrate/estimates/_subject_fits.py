"""Energies of phases, and what uploads leave behind, from their windows. Pure.

One fit holds phases, blocks and heads, with a slope for each: their windows scatter alike. The
starts of each kind have a mean of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from joulesplit.calibrate.estimates._baseline import (
    at_idle,
    idle_estimate,
    observations_at_common_idle,
)
from joulesplit.calibrate.estimates._campaign_terms import with_campaign
from joulesplit.calibrate.estimates._fitting import PerUnitFit, fit_blocks, fit_latency
from joulesplit.calibrate.estimates._uncertainty import (
    Estimate,
    quantity,
    with_interval,
)
from joulesplit.calibrate.profile import (
    EncodingEnergy,
    GrossNet,
    PhaseEnergy,
    Quantity,
    UploadTail,
    encoding_of,
)
from joulesplit.calibrate.windows import WindowKind, WindowRecord
from joulesplit.metrology import SystematicBudget, standard_deviation

RUN_KINDS: tuple[WindowKind, ...] = ("compute", "head", "whole", "phase")

KIND_OF_START: dict[WindowKind, int] = {"compute": 0, "head": 1, "whole": 1, "phase": 2}
"""Subjects of the same number have starts about one mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectFits:
    """Energy and time per repetition of every subject that computes.

    Attributes:
        columns: Coefficient of each subject, by key.
        net, gross: J per repetition.
        latency: s per repetition.
        idle: P_0, W.
    """

    columns: Mapping[str, int]
    net: PerUnitFit
    gross: PerUnitFit
    latency: PerUnitFit
    idle: Estimate

    def energy_j(self, key: str, budget: SystematicBudget) -> GrossNet:
        """Return the energy of one repetition, J."""
        column = self.columns[key]
        lasting_s = self.latency.one(column).value
        gross = at_idle(self.gross.one(column), lasting_s, self.idle)
        return GrossNet(
            gross=quantity(gross, "J", budget, offset_duration=lasting_s),
            net=quantity(self.net.one(column), "J", budget),
        )


def fit_subjects(records: Sequence[WindowRecord]) -> SubjectFits:
    """Fit E_w = E_start,s + e_s(w) · n_w over the windows of all subjects that compute.

    Raises:
        EstimateError: The windows do not determine the figures.
    """
    windows = [record for record in records if record.task.kind in RUN_KINDS]
    keys = sorted({record.task.subject for record in windows})
    columns = {key: column for column, key in enumerate(keys, start=1)}
    common = observations_at_common_idle(records, *RUN_KINDS)
    observations = [
        replace(observation, block=columns[record.task.subject])
        for record, observation in zip(windows, common, strict=True)
    ]
    kind_of = {record.task.subject: record.task.kind for record in windows}
    count, kinds = len(columns), [KIND_OF_START[kind_of[key]] for key in keys]
    return SubjectFits(
        columns=columns,
        net=fit_blocks(observations, count, "net", kinds=kinds),
        gross=fit_blocks(observations, count, "gross", kinds=kinds),
        latency=fit_latency(observations, count, kinds=kinds),
        idle=idle_estimate(records),
    )


def phase_energies(
    records: Sequence[WindowRecord], budget: SystematicBudget
) -> tuple[tuple[PhaseEnergy, ...], tuple[EncodingEnergy, ...]]:
    """Return what was measured of the steps of a start, by name, and of encoding what crosses.

    Encodings stand by their names, then by block.
    """
    names = sorted({r.task.subject for r in records if r.task.kind == "phase"})
    if not names:
        return (), ()
    fits, budget = fit_subjects(records), with_campaign(budget, records)
    made_of = {name: encoding_of(name) for name in names}
    encodings = [
        EncodingEnergy(
            encoding=made[0],
            block=made[1],
            energy_j=fits.energy_j(name, budget),
            latency_s=_mean_time(name, records),
        )
        for name, made in made_of.items()
        if made is not None
    ]
    return (
        tuple(_phase(name, records, fits, budget) for name in names if made_of[name] is None),
        tuple(sorted(encodings, key=lambda one: (one.encoding, one.block))),
    )


def _mean_time(name: str, records: Sequence[WindowRecord]) -> Quantity:
    """Return the time of a phase, s."""
    times_s = [r.work_s / r.task.repetitions for r in records if r.task.subject == name]
    return mean_quantity(times_s, "s")


def _phase(
    name: str, records: Sequence[WindowRecord], fits: SubjectFits, budget: SystematicBudget
) -> PhaseEnergy:
    energy = fits.energy_j(name, budget)
    net = energy.net or energy.gross
    low, high = net.ci95 or (net.value, net.value)
    return PhaseEnergy(
        name=name,
        latency_s=_mean_time(name, records),
        energy_j=energy if low > 0 else None,
        # Nothing costs less than nothing: scatter below zero does not tighten the bound.
        energy_bound_j=max(high, (high - low) / 2),
    )


def mean_quantity(
    values: Sequence[float],
    unit: str,
    budget: SystematicBudget | None = None,
    *,
    offset_duration: float = 0.0,
) -> Quantity:
    """Return the mean of independent windows; without an interval if there is but one.

    Args:
        values: One per window.
        unit: Their unit.
        budget: The sensor's, for energies and powers; None for what needs no sensor.
        offset_duration: How much of ``unit`` one watt of offset makes; 0 where it cancels.
    """
    value, n = float(np.mean(values)), len(values)
    if n < 2:
        u_sys = budget.of(value, offset_duration=offset_duration) if budget else None
        return Quantity(value=value, unit=unit, ci95=None, u_stat=None, u_sys=u_sys, n=n)
    estimate = Estimate(
        value=value,
        u_stat=standard_deviation(values) / n**0.5,
        degrees_of_freedom=n - 1,
        n=n,
    )
    if budget is None:
        return with_interval(estimate, unit, 0.0)
    return quantity(estimate, unit, budget, offset_duration=offset_duration)


def upload_tail(records: Sequence[WindowRecord], budget: SystematicBudget) -> UploadTail | None:
    """Return what follows the last byte; None if the windows were too short to tell."""
    uploads = [r for r in records if r.task.kind == "upload"]
    tails_j = [record.tail_j for record in uploads if record.tail_j is not None]
    if len(tails_j) < 2:
        return None
    return UploadTail(
        energy_j=mean_quantity(tails_j, "J", budget),
        duration_s=float(np.mean([r.settle_s for r in uploads])),
    )


def bits_per_payload_bit(
    records: Sequence[WindowRecord],
    kind: WindowKind,
    counted: Callable[[WindowRecord], int | None],
) -> float | None:
    """Return bits counted elsewhere per payload bit over the windows of a kind.

    Args:
        records: Every window.
        kind: Which of them.
        counted: Bits of a window; None if it could not be counted.
    """
    windows = [record for record in records if record.task.kind == kind]
    pairs = [(counted(record), record.payload_bits) for record in windows]
    known = [(bits, payload) for bits, payload in pairs if bits]
    payload_bits = sum(payload for _, payload in known)
    return sum(bits for bits, _ in known) / payload_bits if payload_bits else None
