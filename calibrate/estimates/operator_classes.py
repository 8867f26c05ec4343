"""Joules per FLOP by class of operator, from the blocks' measured energies. Pure.

Blocks scatter around the costs for two reasons: they were measured with some error, most of which
they share (the cost of a window), and a class is only a model of what a block does. The fit is by
generalised least squares with the covariance of the measured energies plus a variance of the
model, which is found as Paule and Mandel do (J. Res. NBS 87, 1982; for regressions DerSimonian
and Kacker, Contemp. Clin. Trials 28, 2007): as large as makes the scatter what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibrate.errors import EstimateError
from calibrate.estimate_records import ClassCost, ClassFit, OperatorClass
from calibrate.estimates.stats import Array, LinearFit, weighted_fit
from calibrate.estimates.uncertainty import Estimate, SystematicBudget, quantity
from calibrate.profile import BlockEnergy
from calibrate.quantity import Quantity
from partition.network import Block, Operator

CLASS_OF: Mapping[str, OperatorClass] = {
    "CONV_2D": "convolution",
    "CONV_3D": "convolution",
    "TRANSPOSE_CONV": "convolution",
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "dense",
    "BATCH_MATMUL": "dense",
}
"""Operators that do the same kind of work; whatever is not named is ``other``."""

CLASSES: tuple[OperatorClass, ...] = ("convolution", "depthwise", "dense", "other")

LEAST_SHARE = 0.01
"""A class needs two blocks with more of it than this share of their work, so that one of them can
be left out; a rarer one is counted with the largest class."""

USABLE_RMS = 0.1
"""Larger errors of prediction speak against the costs."""

_LEAST_ERROR = 1e-6
"""No block is known better than this, relative: it keeps the covariance of exact ones regular."""

_BISECTIONS = 30


def class_flop(block: Block, operators: Sequence[Operator]) -> dict[OperatorClass, int]:
    """Return the work of a block by class, FLOP."""
    totals: dict[OperatorClass, int] = dict.fromkeys(CLASSES, 0)
    for operator in operators[block.first_operator : block.last_operator + 1]:
        totals[CLASS_OF.get(operator.kind, "other")] += operator.flop or 0
    return totals


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blocks:
    """Blocks as rows of 1 = Σ_c j_c · N_lc / e_l, which all count alike.

    Attributes:
        work: N_lc / e_l, FLOP/J, shape (n, classes), float64.
        covariance: Of the relative errors, shape (n, n), float64.
    """

    work: Array
    covariance: Array

    def fit(self) -> LinearFit:
        """Return the generalised least squares fit; its covariance is never below the known one.

        Raises:
            EstimateError: The blocks cannot tell the classes apart.
        """
        root = np.linalg.cholesky(self.covariance)
        rows = np.ones(len(self.work))
        fit = weighted_fit(np.linalg.solve(root, self.work), np.linalg.solve(root, rows), rows)
        known = fit.covariance / fit.scale**2 if fit.scale > 0 else fit.covariance
        return replace(fit, covariance=known * max(1.0, fit.scale**2))

    def only(self, rows: Array) -> _Blocks:
        """Return the rows chosen by an array of truths or numbers."""
        return _Blocks(work=self.work[rows], covariance=self.covariance[np.ix_(rows, rows)])

    def with_classes(self, work: Array) -> _Blocks:
        """Return the blocks with other columns, and with the variance that these leave open.

        Raises:
            EstimateError: The blocks cannot tell the classes apart.
        """
        measured = _Blocks(work=work, covariance=self.covariance)
        low, high = 0.0, 1.0
        for _ in range(_BISECTIONS if measured.fit().scale > 1 else 0):
            middle = (low + high) / 2
            low, high = (middle, high) if measured.spread(middle).fit().scale > 1 else (low, middle)
        return measured.spread(low)

    def spread(self, standard_deviation: float) -> _Blocks:
        """Return the blocks with errors of the model added, each its own, relative."""
        added = standard_deviation**2 * np.eye(len(self.work))
        return replace(self, covariance=self.covariance + added)

    def left_out_errors(self) -> Array:
        """Return (predicted − measured) / measured of each block from all the others."""
        numbers = np.arange(len(self.work))
        fits = [self.only(numbers[numbers != left_out]).fit() for left_out in numbers]
        return np.array(
            [float(row @ fit.coefficients) - 1 for row, fit in zip(self.work, fits, strict=True)]
        )


def class_fit(
    blocks: Sequence[BlockEnergy],
    flop_by_class: Sequence[Mapping[OperatorClass, int]],
    covariance_j2: Array,
    budget: SystematicBudget,
) -> ClassFit | None:
    """Fit e_l = Σ_c N_lc · j_c to the blocks' net energies, in relative terms.

    Args:
        blocks: Measured blocks; those without net energy or without work are passed over.
        flop_by_class: Work of each block by class, FLOP.
        covariance_j2: Of the net energies, J², shape (blocks, blocks), float64.
        budget: The sensor's; its scale error is common to all costs.

    Returns:
        The fit; None if there are too few blocks to leave one out.
    """
    used = [
        row
        for row, (block, by_class) in enumerate(zip(blocks, flop_by_class, strict=True))
        if block.energy_j.net is not None and sum(by_class.values()) > 0
    ]
    if len(used) < 3:
        return None
    table = np.array(
        [[flop_by_class[row][name] for name in CLASSES] for row in used], dtype=np.float64
    )
    measured = _blocks([blocks[row] for row in used], table, covariance_j2[np.ix_(used, used)])
    total = measured.work.sum(axis=1, keepdims=True)
    constant = measured.with_classes(total).left_out_errors()
    costs, errors, advice = _fitted(table, measured, constant, budget)
    worst = int(np.argmax(np.abs(errors)))
    return ClassFit(
        classes=costs,
        leave_one_out_rms=_rms(errors),
        leave_one_out_worst=float(errors[worst]),
        worst_block=blocks[used[worst]].index,
        constant_e_d_rms=_rms(constant),
        advice=advice,
    )


def _blocks(blocks: Sequence[BlockEnergy], table: Array, covariance_j2: Array) -> _Blocks:
    energy = np.array([block.energy_j.net.value for block in blocks if block.energy_j.net])
    relative = covariance_j2 / np.outer(energy, energy)
    least = _LEAST_ERROR**2 * np.eye(len(energy))
    return _Blocks(work=table / energy[:, None], covariance=relative + least)


def _fitted(
    table: Array, measured: _Blocks, constant: Array, budget: SystematicBudget
) -> tuple[tuple[ClassCost, ...], Array, str]:
    """Return costs, errors of prediction and advice; those of one class if there is no telling."""
    energy = table.sum(axis=1) / measured.work.sum(axis=1)
    names, merged = _merge_small(table, table.sum(axis=1, keepdims=True))
    try:
        blocks = measured.with_classes(merged / energy[:, None])
        costs, errors = _costs(names, merged, blocks.fit(), budget), blocks.left_out_errors()
    except EstimateError as error:
        advice = f"the blocks cannot tell the classes apart ({error}); use the blocks' energies"
        return (), constant, advice
    return costs, errors, _advice(costs, _rms(errors))


def _merge_small(table: Array, totals: Array) -> tuple[list[OperatorClass], Array]:
    """Put classes that no block does much of into its largest one; drop empty ones."""
    largest = int(np.argmax(table.sum(axis=0)))
    kept = [
        column
        for column in range(len(CLASSES))
        if np.sum(table[:, column] / totals[:, 0] > LEAST_SHARE) >= 2 or column == largest
    ]
    merged = table[:, kept].copy()
    for column in set(range(len(CLASSES))) - set(kept):
        merged[:, kept.index(largest)] += table[:, column]
    return [CLASSES[column] for column in kept], merged


def _costs(
    names: Sequence[OperatorClass], table: Array, fit: LinearFit, budget: SystematicBudget
) -> tuple[ClassCost, ...]:
    return tuple(
        ClassCost(
            operator_class=name,
            flop=int(table[:, column].sum()),
            energy_j_per_flop=_cost(fit, column, budget),
        )
        for column, name in enumerate(names)
    )


def _cost(fit: LinearFit, column: int, budget: SystematicBudget) -> Quantity:
    estimate = Estimate(
        value=float(fit.coefficients[column]),
        u_stat=float(np.sqrt(fit.covariance[column, column])),
        degrees_of_freedom=fit.degrees_of_freedom,
        n=len(fit.residuals),
    )
    return quantity(estimate, "J/FLOP", budget)


def _rms(errors: Array) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def _advice(costs: Sequence[ClassCost], rms: float) -> str:
    negative = [c.operator_class for c in costs if c.energy_j_per_flop.value <= 0]
    if negative:
        return (
            f"the cost of {', '.join(negative)} comes out negative: the blocks do not follow the "
            "classes' work; use the blocks' own energies"
        )
    if rms > USABLE_RMS:
        return (
            f"a block's energy is predicted to {rms:.0%} only; use the blocks' own energies "
            "and the classes for nothing but a first guess at another network"
        )
    return ""
