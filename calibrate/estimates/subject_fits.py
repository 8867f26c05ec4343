"""Energies of heads, phases and downloads, from their windows. Pure.

All of them share the fixed cost of a window with the blocks, so the blocks' windows help to
tell it: one fit holds them all, with a slope for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibrate.estimates.fitting import Account, PerUnitFit, fit_blocks, fit_latency
from calibrate.estimates.uncertainty import Estimate, SystematicBudget, quantity, with_interval
from calibrate.quantity import GrossNet, Quantity
from calibrate.windows.window import WindowKind, WindowRecord
from calibrate.work_records import HeadEnergy, PhaseEnergy, UploadTail

RUN_KINDS: frozenset[WindowKind] = frozenset({"compute", "head", "whole", "phase"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectFits:
    """Energy and time per repetition of every subject that computes.

    Attributes:
        columns: Coefficient of each subject, by key.
        net, gross: J per repetition.
        latency: s per repetition.
    """

    columns: Mapping[str, int]
    net: PerUnitFit
    gross: PerUnitFit
    latency: PerUnitFit

    def energy_j(self, key: str, budget: SystematicBudget) -> GrossNet:
        """Return the energy of one repetition, J."""
        column = self.columns[key]
        gross = quantity(
            self.gross.one(column), "J", budget, offset_duration=self.latency.one(column).value
        )
        return GrossNet(gross=gross, net=quantity(self.net.one(column), "J", budget))

    def latency_s(self, key: str) -> Quantity:
        """Return the time of one repetition, s."""
        return with_interval(self.latency.one(self.columns[key]), "s", 0.0)


def fit_subjects(records: Sequence[WindowRecord]) -> SubjectFits:
    """Fit E_w = E_window + e_s(w) · n_w over the windows of all subjects that compute.

    Raises:
        EstimateError: The windows do not determine the figures.
    """
    windows = [record for record in records if record.task.kind in RUN_KINDS]
    keys = sorted({record.task.subject for record in windows})
    columns = {key: column for column, key in enumerate(keys, start=1)}
    observations = [
        replace(record.observation, block=columns[record.task.subject]) for record in windows
    ]
    count = len(columns)

    def energies(account: Account) -> PerUnitFit:
        return fit_blocks(observations, count, account)

    return SubjectFits(
        columns=columns,
        net=energies("net"),
        gross=energies("gross"),
        latency=fit_latency(observations, count),
    )


def head_energies(
    records: Sequence[WindowRecord], block_net_j: Sequence[float], budget: SystematicBudget
) -> tuple[HeadEnergy, ...]:
    """Return what was measured of several blocks as one network, by the last block.

    Args:
        records: Every window.
        block_net_j: Net e_1 … e_L of the blocks measured alone, J.
        budget: The sensor's systematic terms.
    """
    heads = {
        record.task.block: record.task.subject
        for record in records
        if record.task.kind in ("head", "whole")
    }
    if not heads:
        return ()
    fits = fit_subjects(records)
    energies = {last: fits.energy_j(key, budget) for last, key in sorted(heads.items())}
    return tuple(
        HeadEnergy(
            last_block=last,
            energy_j=energy,
            latency_s=fits.latency_s(heads[last]),
            net_over_blocks=(energy.net or energy.gross).value / sum(block_net_j[:last]),
        )
        for last, energy in energies.items()
    )


def phase_energies(
    records: Sequence[WindowRecord], budget: SystematicBudget
) -> tuple[PhaseEnergy, ...]:
    """Return what was measured of the steps of a start, by name."""
    names = sorted({r.task.subject for r in records if r.task.kind == "phase"})
    if not names:
        return ()
    fits = fit_subjects(records)
    return tuple(_phase(name, records, fits, budget) for name in names)


def _phase(
    name: str, records: Sequence[WindowRecord], fits: SubjectFits, budget: SystematicBudget
) -> PhaseEnergy:
    energy = fits.energy_j(name, budget)
    low, high = (energy.net or energy.gross).ci95 or (0.0, 0.0)
    times_s = [r.work_s / r.task.repetitions for r in records if r.task.subject == name]
    return PhaseEnergy(
        name=name,
        latency_s=mean_quantity(times_s, "s", 0.0),
        energy_j=energy if low > 0 else None,
        energy_bound_j=max(high, 0.0),
    )


def mean_quantity(values: Sequence[float], unit: str, u_sys_rel: float) -> Quantity:
    """Return the mean of independent windows; without an interval if there is but one.

    Args:
        values: One per window.
        unit: Their unit.
        u_sys_rel: Relative systematic standard uncertainty.
    """
    value, n = float(np.mean(values)), len(values)
    if n < 2:
        return Quantity(value=value, unit=unit, ci95=None, u_stat=None, u_sys=None, n=n)
    estimate = Estimate(
        value=value,
        u_stat=float(np.std(values, ddof=1)) / n**0.5,
        degrees_of_freedom=n - 1,
        n=n,
    )
    return with_interval(estimate, unit, abs(value) * u_sys_rel)


def upload_tail(records: Sequence[WindowRecord], budget: SystematicBudget) -> UploadTail | None:
    """Return what follows the last byte; None if the windows were too short to tell."""
    uploads = [r for r in records if r.task.kind == "upload"]
    tails_j = [record.tail_j for record in uploads if record.tail_j is not None]
    if len(tails_j) < 2:
        return None
    return UploadTail(
        energy_j=mean_quantity(tails_j, "J", budget.scale_u_rel),
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
