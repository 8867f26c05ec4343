"""The lower-left convex hull of points in the plane."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]
"""Work on the device and bits that cross, of one cut."""


def lower_left_hull(points: Sequence[Point]) -> tuple[int, ...]:
    """Find the points (x, y) that minimise y + a·x for some a ≥ 0.

    Points that only ever tie are left out; of equal points the first stays.

    Returns:
        Positions, from the winner at a = 0 (smallest y) to the one at a → ∞ (smallest x).
    """
    hull: list[int] = []
    lowest = float("inf")
    for index in sorted(range(len(points)), key=lambda i: (*points[i], i)):
        if points[index][1] >= lowest:
            continue
        lowest = points[index][1]
        while len(hull) > 1 and not _is_corner(points[hull[-2]], points[hull[-1]], points[index]):
            hull.pop()
        hull.append(index)
    return tuple(reversed(hull))


def _is_corner(left: Point, middle: Point, right: Point) -> bool:
    """Say whether ``middle`` lies strictly below the line from ``left`` to ``right``."""
    return (middle[0] - left[0]) * (right[1] - left[1]) > (right[0] - left[0]) * (
        middle[1] - left[1]
    )
