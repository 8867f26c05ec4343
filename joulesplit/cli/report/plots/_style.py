"""Drawing with matplotlib: the one module that imports it."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import Any

from joulesplit.cli._errors import CommandError

WORK_COLOUR = "#1f6f8b"
OUTPUT_COLOUR = "#d17a22"
SOFT_COLOUR = "#8a8f98"


def new_figure(width_in: float, height_in: float, *, needed_by: str) -> Any:
    """Return an empty figure.

    Args:
        width_in: Inches.
        height_in: Inches.
        needed_by: The option that asks for it, for the error.

    Raises:
        CommandError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise CommandError(
            f"{needed_by} needs matplotlib: install it with {sys.executable} -m pip install "
            "matplotlib"
        ) from error
    return Figure(figsize=(width_in, height_in), layout="constrained")


def only_left_and_bottom(axes: Any) -> None:
    """Take away the two sides of a frame that carry no scale."""
    axes.spines[["top", "right"]].set_visible(False)


def picture(figure: Any, file_format: str) -> bytes:
    """Return a figure as the content of a file; the same figure gives the same bytes.

    Args:
        figure: From ``new_figure``.
        file_format: ``svg``, ``png`` or ``pdf``.
    """
    from matplotlib import rc_context

    content = BytesIO()
    dates = {"svg": "Date", "pdf": "CreationDate"}
    metadata = {dates[file_format]: None} if file_format in dates else None
    with rc_context({"svg.hashsalt": "joulesplit"}):
        figure.savefig(content, format=file_format, dpi=150, metadata=metadata)
    return content.getvalue()


def label_with_unit(axis: Any, unit: str, *, decades_in: tuple[int, ...] = ()) -> None:
    """Label the ticks of an axis in SI units: with a prefix, and digits that tell ticks apart.

    Args:
        axis: Of a figure.
        unit: SI unit without prefix.
        decades_in: On a logarithmic axis, the places within a decade that get a label.
    """
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    axis.set_major_formatter(EngFormatter(unit=unit))
    if decades_in:
        axis.set_major_locator(LogLocator(subs=decades_in))
        axis.set_minor_formatter(NullFormatter())


def watermark(figure: Any, text: str) -> None:
    """Write across a figure where its data come from, so that a copy of it alone says it, too."""
    figure.text(
        0.5, 0.5, text, fontsize=44, color="#b03aa0", alpha=0.13, rotation=20, weight="bold",
        ha="center", va="center", zorder=10,
    )  # fmt: skip
