"""E_d, E_c and every e_l as other methods give them from the same windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from joulesplit.calibrate.profile import DeviceProfile, EstimateView, Method
from joulesplit.cli.report._sheet import Section, paragraph
from joulesplit.cli.report.tables import Column, FittingTable
from joulesplit.metrology import percent, si, signed_percent, uncertain

COLUMNS: dict[Method, tuple[str, int]] = {
    "ordinary": ("ordinary", 0),
    "huber": ("robust", 0),
    "without-outliers": ("no outliers", 86),
}
"""Headers of the methods that differ from the stated one, and from which width they are shown."""

EXPLANATION = (
    "By scatter alone, without the sensor's budget. Weighted is what the profile states; under "
    "the others stands how far from it they are. Ordinary gives every window the same weight, "
    "robust turns outliers down. The ± of a block rests on the scatter of all windows; a dash "
    "stands where too few windows tell it."
)
NO_METHODS = (
    "There are none: a pooled profile and one from literature have no windows of their own, and "
    "older versions did not keep them."
)

MethodRow = dict[Method, EstimateView]


def methods_section(profile: DeviceProfile) -> Section:
    """Return every figure by every method, a row each."""
    rows = list(_rows(profile))
    body = Group(_table(rows), Text(""), paragraph(EXPLANATION)) if rows else paragraph(NO_METHODS)
    return Section(title="Other methods on the same windows", body=body)


def _rows(profile: DeviceProfile) -> Iterator[MethodRow]:
    uplink = profile.link.uplink.views if profile.link is not None else ()
    blocks = [block.views for block in profile.compute.blocks]
    for views in (profile.compute.views, uplink, *blocks):
        by_figure: dict[str, MethodRow] = {}
        for view in views:
            by_figure.setdefault(view.figure, {})[view.method] = view
        # Differences need the stated method; without an interval it has no view.
        yield from (row for row in by_figure.values() if "weighted" in row)


def _table(rows: Sequence[MethodRow]) -> RenderableType:
    stated = [row["weighted"] for row in rows]
    columns = [
        Column(header="", cells=[view.figure for view in stated]),
        Column(header="weighted ± 95 %", cells=[_value(view) for view in stated]),
        Column(
            header="bootstrap ±",
            cells=[_half_width(view, view.bootstrap_ci95) for view in stated],
            right=True,
            from_width=76,
        ),
    ]
    for method, (header, from_width) in COLUMNS.items():
        if any(method in row for row in rows):
            columns += _difference(rows, method, header, from_width)
    return FittingTable(columns)


def _difference(
    rows: Sequence[MethodRow], method: Method, header: str, from_width: int
) -> Iterator[Column]:
    found = [(row.get(method), row["weighted"]) for row in rows]
    yield Column(
        header=header,
        cells=[_off(view, stated) for view, stated in found],
        right=True,
        from_width=from_width,
    )
    yield Column(
        header="±",
        cells=[_half_width(view, view.ci95 if view else None) for view, _ in found],
        right=True,
        from_width=112,
    )


def _value(view: EstimateView) -> str:
    if view.ci95 is None:
        return si(view.value, view.unit, 4)
    return uncertain(view.value, (view.ci95[1] - view.ci95[0]) / 2, view.unit)


def _off(view: EstimateView | None, stated: EstimateView) -> str:
    if view is None or stated.value == 0:
        return "–"
    return signed_percent(view.value / stated.value - 1)


def _half_width(view: EstimateView | None, ci95: tuple[float, float] | None) -> str:
    """Return half of an interval relative to its figure; a dash where it is not told."""
    if view is None or ci95 is None or view.value == 0:
        return "–"
    return percent((ci95[1] - ci95[0]) / 2 / abs(view.value))
