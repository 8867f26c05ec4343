"""A word that stepped as no load does is read again: two of three reads count."""

from __future__ import annotations

from joulesplit.drivers.ina2xx._register_link import RegisterLink

STEP_SHARE = 0.25
"""A word that moves by more than this share of itself is read again; a load that really steps costs
one more transfer."""


def majority(link: RegisterLink, register: int, first: int) -> tuple[int | None, bool]:
    """Return the word that two reads of a register agree on, and whether any was another.

    Args:
        link: The chip.
        register: Whose word stays the same until the next conversion ends.
        first: Its word as read just now.

    Returns:
        None for the word if no two of three agree.

    Raises:
        BusError: The bus failed.
    """
    second = link.read(register)
    if second == first:
        return first, False
    third = link.read(register)
    return (third if third in (first, second) else None), True
