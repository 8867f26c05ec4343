"""Is a profile whole: are its numbers numbers, in their places, and its covariances ones? Pure.

What these find, no command takes: the optimizer would refuse it, or add up nonsense.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.checks._spec import CheckSpec
from joulesplit.calibrate.profile import (
    BEYOND_NATURE,
    Check,
    DeviceProfile,
    EstimateView,
    LinkFit,
    Quantity,
    UploadCosts,
    has_uncertainties,
    is_above_zero,
    may_be_a_cost,
    out_of_order,
)
from joulesplit.metrology import independent_causes, symmetric
from joulesplit.metrology.errors import UndeterminedError

SOUND_INTERVALS = CheckSpec(
    name="sound-intervals",
    finds="figures that are no numbers, or outside their own interval",
    unit="figures",
    limit=0,
    severity="fail",
    advice="{names}: not a number, or outside its own interval; the file was changed or its maker "
    "is wrong: measure again",
)
SOUND_NUMBERS = CheckSpec(
    name="sound-numbers",
    finds="rates, times, counts and uncertainties that are no numbers, or below zero",
    unit="numbers",
    limit=0,
    severity="fail",
    advice="{names}: no number that this can have; the file was changed or its maker is wrong: "
    "measure again",
)
IN_ORDER = CheckSpec(
    name="in-order",
    finds="blocks, heads, phases, rates, sizes or percentiles that stand twice, or out of place",
    unit="lists",
    limit=0,
    severity="fail",
    advice="{names}: out of place; the file was changed or its maker is wrong: take the one that "
    "`calibrate` wrote",
)
SOUND_COVARIANCES = CheckSpec(
    name="sound-covariances",
    finds="covariances that cannot be ones of their figures",
    unit="covariances",
    limit=0,
    severity="fail",
    advice="{names}: no covariance of these figures; the file was changed or its maker is wrong: "
    "measure again",
)
COSTS_ABOVE_ZERO = CheckSpec(
    name="costs-above-zero",
    finds="fixed costs of uploads, and of making their bytes, that are below zero by more than "
    "chance makes them",
    unit="figures",
    limit=0,
    severity="fail",
    advice="{names}: no cost is below zero; calibrate the link again with more payload sizes, "
    "making bytes with longer windows",
)

_SIGNED = frozenset(
    {
        "ci95",
        "bootstrap_ci95",
        "value",
        "temperature_c",
        "leave_one_out_worst",
        "r_squared",
        "largest_residual",
        "autocorrelation",
        "late_s",
    }
)
"""Fields whose numbers may be below zero."""

_ABOVE_ZERO = frozenset({"rate_bit_per_s", "rates_bit_per_s", "cycle_s", "payload_bits"})
"""Fields whose numbers may not be zero either: something is divided by them, or their logarithm
taken."""

ROUNDED = 1e-5
"""Covariances are stored to six digits."""

_ELSEWHERE = frozenset({"settings", "covariance", "covariance_j2", "head_covariance_j2"})
"""Fields that hold whatever a sensor has, or have a check of their own."""


def soundness_checks(profile: DeviceProfile) -> Iterator[Check]:
    """Yield the checks of a profile's form."""
    leaves = leaves_of(profile)
    found = {
        SOUND_INTERVALS: [path for path, figure in leaves.figures if not _is_sound(figure)],
        SOUND_NUMBERS: [
            *(path for path, n in leaves.numbers if not _can_be(n, _ends_in(path))),
            *_impossible_times(profile),
        ],
        IN_ORDER: [*out_of_order(profile.compute), *_sizes_out_of_order(profile)],
        SOUND_COVARIANCES: [*_wrong_covariances(profile)],
        COSTS_ABOVE_ZERO: [path for path, q in _costs(profile) if not may_be_a_cost(q)],
    }
    for spec, names in found.items():
        yield spec.judge(len(names), names=", ".join(names[:3]))


@dataclass(slots=True)
class _Leaves:
    """What a profile's figures come from, flat: each with its path."""

    figures: list[tuple[str, Quantity]] = field(default_factory=list)
    numbers: list[tuple[str, float]] = field(default_factory=list)
    views: list[tuple[str, EstimateView]] = field(default_factory=list)

    def collect(self, value: Any, path: str) -> None:
        """Add what is in a value; a figure is a leaf."""
        kind = type(value)
        if kind is float or kind is int:
            self.numbers.append((path, value))
        elif kind is Quantity:
            self.figures.append((path, value))
        elif kind is tuple:
            for index, inside in enumerate(value):
                self.collect(inside, f"{path}[{index}]")
        elif isinstance(value, msgspec.Struct):
            self.views += [(path, value)] if isinstance(value, EstimateView) else []
            for name in value.__struct_fields__:
                if name not in _ELSEWHERE:
                    self.collect(getattr(value, name), f"{path}.{name}")


def leaves_of(profile: DeviceProfile) -> _Leaves:
    """Return the figures and the bare numbers of a profile, each with its path."""
    leaves = _Leaves()
    for name in ("sensor", "idle", "compute", "link", "e_d_over_e_c_flop_per_bit"):
        leaves.collect(getattr(profile, name), name)
    return leaves


def _sizes_out_of_order(profile: DeviceProfile) -> Iterator[str]:
    """Name the lists of an uplink that do not rise, and the percentiles that fall."""
    uplink = profile.link.uplink if profile.link else None
    if uplink is None:
        return
    lists: dict[str, list[float]] = {"at_rates": [one.rate_bit_per_s for one in uplink.at_rates]}
    for name in ("fit", "fit_gross"):
        fit = getattr(uplink, name)
        lists[f"{name}.payload_bits"] = list(fit.payload_bits) if fit else []
        lists[f"{name}.rates_bit_per_s"] = list(fit.rates_bit_per_s) if fit else []
    percentiles = uplink.time.percentiles if uplink.time else ()
    lists["time.percentiles"] = [one.payload_bits for one in percentiles]
    lists["time.alone"] = [one.payload_bits for one in (uplink.time.alone if uplink.time else ())]
    yield from (f"{name} do not rise" for name, n in lists.items() if n != sorted(set(n)))
    for one in percentiles:
        if not one.p50_s <= one.p95_s <= one.p99_s:
            yield f"percentiles of {one.payload_bits} bit fall"


def _is_sound(figure: Quantity) -> bool:
    low, high = figure.ci95 or (figure.value, figure.value)
    in_nature = all(abs(number) < BEYOND_NATURE for number in (figure.value, low, high))
    return in_nature and low <= figure.value <= high and has_uncertainties(figure)


def _ends_in(path: str) -> str:
    """Return the field that a path ends in."""
    return path.rsplit(".", 1)[-1].split("[", 1)[0]


def _can_be(number: float, name: str) -> bool:
    if name in _SIGNED:
        return abs(number) < BEYOND_NATURE
    if name in _ABOVE_ZERO:
        return 1.0 / BEYOND_NATURE < number < BEYOND_NATURE
    return 0.0 <= number < BEYOND_NATURE


def _uploads(profile: DeviceProfile) -> Iterator[tuple[str, LinkFit | UploadCosts]]:
    """Yield what uploads cost, by the fit and by one pace, with its path."""
    if profile.link is None:
        return
    for name in ("fit", "fit_gross", "stated", "stated_gross"):
        costs = getattr(profile.link.uplink, name)
        if costs is not None:
            yield f"link.uplink.{name}", costs


def _costs(profile: DeviceProfile) -> Iterator[tuple[str, Quantity]]:
    """Yield the costs that may be too small to tell, with their paths."""
    for path, costs in _uploads(profile):
        yield f"{path}.upload_cost_j", costs.upload_cost_j
        if costs.burst_cost_j is not None:
            yield f"{path}.burst_cost_j", costs.burst_cost_j
        if isinstance(costs, UploadCosts) and costs.waiting_power_w is not None:
            yield f"{path}.waiting_power_w", costs.waiting_power_w
    for place, made in enumerate(profile.compute.encodings):
        for account in ("net", "gross"):
            energy: Quantity | None = getattr(made.energy_j, account)
            if energy is not None:
                yield f"compute.encodings[{place}].energy_j.{account}", energy


def _impossible_times(profile: DeviceProfile) -> Iterator[str]:
    """Name what making bytes is said to take that is no time: it is never told as a difference."""
    for place, made in enumerate(profile.compute.encodings):
        if not is_above_zero(made.latency_s.value):
            yield f"compute.encodings[{place}].latency_s"


def _wrong_covariances(profile: DeviceProfile) -> Iterator[str]:
    compute = profile.compute
    blocks, heads = len(compute.blocks), len(compute.heads)
    of_blocks, of_heads = compute.covariance_j2, compute.head_covariance_j2
    if of_blocks and not _is_triangle(of_blocks, blocks):
        yield "compute.covariance_j2"
    elif of_heads and not (of_blocks and _is_triangle((*of_blocks, *of_heads), blocks + heads)):
        yield "compute.head_covariance_j2"
    for path, costs in _uploads(profile):
        figures = 3 if isinstance(costs, LinkFit) else 2
        sizes = {figures, figures + 1} if costs.burst_cost_j is not None else {figures}
        if isinstance(costs, UploadCosts) and costs.waiting_power_w is not None:
            sizes = {max(sizes) + 1}
        if isinstance(costs, UploadCosts):
            sizes = {size + len(costs.off_line) for size in sizes}
        if not _is_covariance(costs.covariance, sizes):
            yield f"{path}.covariance"
    time = profile.link.uplink.time if profile.link else None
    if time is not None and len(time.covariance) and not _is_covariance(time.covariance, {2}):
        yield "link.uplink.time.covariance"


def _is_triangle(lower: tuple[float, ...], size: int) -> bool:
    try:
        matrix = symmetric(lower, size)
    except UndeterminedError:
        return False
    return _is_sum_of_causes(matrix)


def _is_sum_of_causes(matrix: NDArray[np.float64]) -> bool:
    """Say whether a symmetric matrix is a covariance, of numbers that can be computed with."""
    if not (np.abs(matrix) < BEYOND_NATURE).all():
        return False
    try:
        independent_causes(matrix)
    except UndeterminedError:
        return False
    return True


def _is_covariance(rows: tuple[tuple[float, ...], ...], sizes: set[int]) -> bool:
    if len(rows) not in sizes or any(len(row) != len(rows) for row in rows):
        return False
    matrix = np.array(rows, dtype=np.float64)
    return np.allclose(matrix, matrix.T, rtol=ROUNDED, atol=0.0) and _is_sum_of_causes(matrix)
