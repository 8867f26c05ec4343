"""The candidate that costs least among those that keep the limits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from itertools import combinations
from math import hypot

from joulesplit.metrology import rounding_share
from joulesplit.optimizer._constraints import Constraints, takes_longer
from joulesplit.optimizer._cost import SplitEnergy
from joulesplit.optimizer.errors import NoFeasibleSplitError

PARTS = 8
"""Energies that a split's is the sum of, those of its blocks counted one by one besides."""


NEARLY_LEVEL = 1e-6
"""A share far above what rounding makes: only so near ones are looked at as if level."""

PERIOD = "period_s"
"""The limit that an inference is over before the next one begins."""


def excess_j(one: SplitEnergy, other: SplitEnergy) -> float:
    """Return what one split costs above another, J; 0 if they are level but for rounding."""
    pair_j = (one.total_j, other.total_j)
    terms = max(one.block, other.block) + PARTS
    apart_j = pair_j[0] - pair_j[1]
    return 0.0 if abs(apart_j) <= rounding_share(terms) * hypot(*pair_j) else apart_j


def cheapest(energies: Sequence[SplitEnergy], allowed: Sequence[int]) -> int:
    """Find l*, equation (2) with l from 0, among the allowed candidates.

    Of those that cost the same it is the one with the smallest upload, of these the first.

    Args:
        energies: Candidates at position l.
        allowed: Which l are allowed, at least one.
    """
    totals_j = {block: energies[block].total_j for block in allowed}
    least = energies[min(allowed, key=totals_j.__getitem__)]
    near_j = least.total_j + NEARLY_LEVEL * abs(least.total_j)
    near = [energies[block] for block in allowed if totals_j[block] <= near_j]
    level = [energy for energy in near if excess_j(energy, least) <= 0.0]
    return min(level, key=lambda energy: (energy.upload_bits, energy.block)).block


def broken_limits(
    constraints: Constraints,
    energies: Sequence[SplitEnergy],
    latencies_s: Sequence[float] | None,
    *,
    means_s: Sequence[float] | None = None,
    period_s: float | None = None,
    leaks: Collection[int] = (),
    agrees: Sequence[float] | None = None,
) -> tuple[tuple[str, ...], ...]:
    """Name, for each candidate, the limits that it breaks.

    Args:
        constraints: Limits that the user states.
        energies: Candidates at position l.
        latencies_s: Of all of them, as a limit is held against them, s; None if not known.
        means_s: On average, s, which a period is held against; None for ``latencies_s``.
        period_s: From one inference to the next, s; None if it is no limit.
        leaks: The l after which something crosses that must not leave.
        agrees: How often at least the answer stays, of all of them; None where all are exact.
    """
    broken = []
    means_s = latencies_s if means_s is None else means_s
    for energy in energies:
        latency_s = latencies_s[energy.block] if latencies_s is not None else None
        mean_s = means_s[energy.block] if means_s is not None else None
        names = constraints.violations(
            block=energy.block,
            upload_bits=energy.upload_bits,
            latency_s=latency_s,
            leaks=energy.block in leaks,
            agrees=1.0 if agrees is None else agrees[energy.block],
        )
        too_slow = (
            constraints.in_period
            and period_s is not None
            and mean_s is not None
            and takes_longer(mean_s, period_s)
        )
        broken.append((*names, PERIOD) if too_slow else names)
    return tuple(broken)


def feasible_blocks(
    broken: Sequence[tuple[str, ...]],
    energies: Sequence[SplitEnergy],
    latencies_s: Sequence[float] | None,
) -> tuple[int, ...]:
    """Give the l that break no limit.

    Raises:
        NoFeasibleSplitError: There is none; the message says which limits bind.
    """
    feasible = tuple(block for block, names in enumerate(broken) if not names)
    if feasible:
        return feasible
    binding = _binding(broken)
    reach = _reach(binding, broken, energies, latencies_s)
    raise NoFeasibleSplitError(
        f"no split keeps {' and '.join(binding)}{' together' if len(binding) > 1 else ''}"
        f"{reach}; relax {'one of them' if len(binding) > 1 else 'it'}",
        binding=binding,
    )


def _binding(broken: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Find the fewest limits of which every candidate breaks at least one."""
    present = {name for names in broken for name in names}
    names = (*(field.name for field in fields(Constraints)), PERIOD)
    ordered = [name for name in names if name in present]
    return next(
        chosen
        for size in range(1, len(ordered) + 1)
        for chosen in combinations(ordered, size)
        if all(set(chosen) & set(names) for names in broken)
    )


def _reach(
    binding: tuple[str, ...],
    broken: Sequence[tuple[str, ...]],
    energies: Sequence[SplitEnergy],
    latencies_s: Sequence[float] | None,
) -> str:
    """Say how far latency or upload would have to be relaxed, the other limits kept."""
    parts = []
    for name in binding:
        only_this = [block for block, names in enumerate(broken) if names == (name,)]
        if not only_this:
            continue
        if name in ("max_latency_s", PERIOD) and latencies_s is not None:
            parts.append(
                f"the fastest needs {min(latencies_s[b] for b in only_this):.4g} s at the "
                "upper end of its interval"
            )
        if name == "max_upload_bits":
            least = min(energies[b].upload_bits for b in only_this)
            parts.append(f"the smallest upload is {least} bit")
    return f" ({', '.join(parts)})" if parts else ""
