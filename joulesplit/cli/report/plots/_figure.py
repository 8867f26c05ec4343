"""A picture of a page: finished, marked with where its figures come from, and captioned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from joulesplit.cli.report._sheet import Origin
from joulesplit.cli.report.plots._style import only_left_and_bottom, picture, watermark

WIDTH_IN = 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of a page.

    Attributes:
        title: Above it.
        caption: What it shows and how to read it.
        svg: The picture.
    """

    title: str
    caption: str
    svg: bytes


def finished(figure: Any, origin: Origin) -> bytes:
    """Return a figure as SVG, with a mark across it unless it was measured.

    Args:
        figure: From ``drawing.new_figure``, with everything drawn.
        origin: Where its figures come from.
    """
    for axes in figure.axes:
        only_left_and_bottom(axes)
    if origin != "MEASURED":
        watermark(figure, origin)
    return picture(figure, "svg")
