"""Energy against time: the splits that no other one beats in both. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from joulesplit.metrology import beyond_rounding


def faster_ones(
    energies_j: Sequence[float], latencies_s: Sequence[float], feasible: Sequence[int]
) -> tuple[int, ...]:
    """Return the splits that buy time with energy, the cheapest first.

    Each takes less time than every split that costs no more. Together with the cheapest split
    (of equally cheap ones the fastest) they are the Pareto front of energy and time.

    Args:
        energies_j: Of all candidates, J, at position l.
        latencies_s: Of all candidates, s, at position l.
        feasible: The allowed ones.
    """
    by_price = sorted(feasible, key=lambda block: (energies_j[block], latencies_s[block]))
    front = by_price[:1]
    for block in by_price[1:]:
        pair_s = latencies_s[front[-1]], latencies_s[block]
        # Times that are sums of the same figures differ by rounding alone.
        if beyond_rounding(pair_s[0] - pair_s[1], pair_s, len(latencies_s)) > 0.0:
            front.append(block)
    return tuple(front[1:])
