"""Tables and shares in Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(share: float, digits: int, *, sign: bool = False) -> str:
    """Return a share in per cent, with the signs of mathematics."""
    text = f"{100 * share:+.{digits}f}" if sign else f"{100 * share:.{digits}f}"
    return f"{text} %".replace("-", "−")
