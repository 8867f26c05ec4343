"""A profile's figures as pictures, for the page that carries them. SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from joulesplit.calibrate.profile import (
    BlockEnergy,
    DeviceProfile,
    GrossNet,
    LinkFit,
    Quantity,
    Uplink,
)
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.cli.report._sheet import Origin, origin_of
from joulesplit.cli.report.plots._figure import WIDTH_IN, Picture, finished
from joulesplit.cli.report.plots._style import (
    OUTPUT_COLOUR,
    SOFT_COLOUR,
    WORK_COLOUR,
    label_with_unit,
    new_figure,
)

FEWEST_CONTROLS = 3


def profile_pictures(profile: DeviceProfile, windows: Sequence[WindowRecord]) -> Iterator[Picture]:
    """Yield a picture of each thing that the profile has.

    Args:
        profile: The profile.
        windows: That it rests on, in order of time; may be empty.

    Raises:
        CommandError: matplotlib is not installed.
    """
    origin = origin_of(profile)
    if profile.compute.blocks and all(block.energy_j.net for block in profile.compute.blocks):
        yield _blocks(profile, origin)
    if profile.link is not None and profile.link.uplink.fit is not None:
        yield _rates(profile.link.uplink, profile.link.uplink.fit, origin)
    if _uncertain(profile):
        yield _uncertainties(profile, origin)
    if windows:
        yield _progress(windows, origin)


def _blocks(profile: DeviceProfile, origin: Origin) -> Picture:
    blocks = profile.compute.blocks
    figure = new_figure(WIDTH_IN, 4.2, needed_by="--html")
    axes = figure.add_subplot()
    places = np.array([block.index for block in blocks])
    energies = [_net(block.energy_j) for block in blocks]
    axes.bar(places, [q.value for q in energies], color=WORK_COLOUR, label="e_l measured, 95 %")
    axes.errorbar(
        places, [q.value for q in energies], yerr=_reach(energies), fmt="none", ecolor="black",
        capsize=2, lw=0.8,
    )  # fmt: skip
    axes.plot(
        places, _expected_j(profile, blocks), ls="none", marker="_", ms=14, mew=2,
        color=OUTPUT_COLOUR, label="N_l / E_d",
    )  # fmt: skip
    axes.set_xticks(places, [block.name for block in blocks], rotation=60, ha="right", fontsize=7)
    axes.set(xlabel="block", ylabel="net energy per inference")
    label_with_unit(axes.yaxis, "J")
    axes.legend(frameon=False)
    return Picture(
        title="Energy of each block",
        caption="Net energy per inference with its 95 % interval, beside what one E_d for the "
        "whole network expects. Where they part, energy is not work over efficiency.",
        svg=finished(figure, origin),
    )


def _expected_j(profile: DeviceProfile, blocks: Sequence[BlockEnergy]) -> list[float]:
    e_d = _net(profile.compute.e_d_flop_per_j).value
    return [block.flop / e_d for block in blocks]


def _rates(uplink: Uplink, fit: LinkFit, origin: Origin) -> Picture:
    figure = new_figure(WIDTH_IN, 3.8, needed_by="--html")
    axes = figure.add_subplot()
    rates = np.array([cost.rate_bit_per_s for cost in uplink.at_rates])
    for account, colour in (("gross", OUTPUT_COLOUR), ("net", WORK_COLOUR)):
        costs = [getattr(cost.e_c_bit_per_j, account) for cost in uplink.at_rates]
        _points(axes, rates, costs, colour, f"{account}, 95 %")
    if len(rates):
        line = np.geomspace(rates.min(), rates.max(), 200)
        model = fit.air_power_w.value / line + fit.bit_energy_j.value
        axes.plot(line, model, color=WORK_COLOUR, lw=1, label="P_air / r + e_bit")
    axes.axvline(uplink.rate_bit_per_s, color=SOFT_COLOUR, ls=":", label="E_c is stated here")
    axes.set(xscale="log", yscale="log", xlabel="payload rate r", ylabel="energy per bit")
    label_with_unit(axes.yaxis, "J/bit", decades_in=(1, 2, 5))
    label_with_unit(axes.xaxis, "bit/s")
    axes.set_xticks(rates)
    axes.set_xticks([], minor=True)
    axes.legend(frameon=False)
    return Picture(
        title="Energy of a bit against the rate",
        caption="1/E_c at every rate measured. A radio draws power for as long as it sends, so "
        "that a slow bit costs more; gross also counts the idle power meanwhile.",
        svg=finished(figure, origin),
    )


def _points(
    axes: Any, rates: np.ndarray, costs: Sequence[Quantity | None], colour: str, label: str
) -> None:
    known = [(r, c) for r, c in zip(rates, costs, strict=True) if c is not None and c.ci95]
    if not known:
        return
    values = np.array([1 / cost.value for _, cost in known])
    ends = np.array([sorted(1 / end for end in cost.ci95 or ()) for _, cost in known])
    reach = [values - ends[:, 0], ends[:, 1] - values]
    axes.errorbar(
        [rate for rate, _ in known], values, yerr=reach, fmt="o", ms=4, capsize=3, color=colour,
        label=label,
    )  # fmt: skip


def _uncertain(profile: DeviceProfile) -> list[tuple[str, Quantity]]:
    """Return the headline figures that state both kinds of uncertainty."""
    pairs: list[tuple[str, GrossNet | None]] = [("E_d", profile.compute.e_d_flop_per_j)]
    if profile.link is not None:
        pairs.append(("E_c", profile.link.uplink.e_c_bit_per_j))
    pairs.append(("E_d/E_c", profile.e_d_over_e_c_flop_per_bit))
    figures = [
        (f"{name} {account}", getattr(pair, account))
        for name, pair in pairs
        for account in ("net", "gross")
        if pair is not None
    ]
    if profile.idle is not None:
        figures.append(("P_0", profile.idle.power_w))
    return [(name, q) for name, q in figures if q and q.value and None not in (q.u_stat, q.u_sys)]


def _uncertainties(profile: DeviceProfile, origin: Origin) -> Picture:
    figures = _uncertain(profile)
    figure = new_figure(WIDTH_IN, 0.8 + 0.42 * len(figures), needed_by="--html")
    axes = figure.add_subplot()
    places = np.arange(len(figures))
    shares = {
        "u_stat: scatter of the windows": ([q.u_stat for _, q in figures], WORK_COLOUR, -0.2),
        "u_sys: sensor": ([q.u_sys for _, q in figures], OUTPUT_COLOUR, 0.2),
    }
    for label, (values, colour, shift) in shares.items():
        relative = [
            100 * (u or 0) / abs(q.value) for u, (_, q) in zip(values, figures, strict=True)
        ]
        axes.barh(places + shift, relative, height=0.38, color=colour, label=label)
    axes.set_yticks(places, [name for name, _ in figures])
    axes.invert_yaxis()
    axes.set(xlabel="standard uncertainty, % of the value")
    axes.legend(frameon=False)
    return Picture(
        title="What the uncertainty is made of",
        caption="More windows shorten the first bar, a better sensor the second. The sensor's "
        "scale is common to every joule: it cancels in E_d/E_c, on which the choice of a split "
        "rests.",
        svg=finished(figure, origin),
    )


def _progress(windows: Sequence[WindowRecord], origin: Origin) -> Picture:
    controls = [window for window in windows if window.task.kind == "control"]
    rows = 2 if len(controls) >= FEWEST_CONTROLS else 1
    figure = new_figure(WIDTH_IN, 1.4 + 1.7 * rows, needed_by="--html")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    began_ns = windows[0].started_ns
    _dots(axes[0], windows, began_ns, [window.idle_power_w for window in windows])
    axes[0].set(ylabel="idle power")
    label_with_unit(axes[0].yaxis, "W")
    if rows > 1:
        each_j = np.array([window.net_j / window.task.repetitions for window in controls])
        _dots(axes[1], controls, began_ns, 100 * (each_j / each_j.mean() - 1))
        axes[1].axhline(0, color=SOFT_COLOUR, lw=0.8)
        axes[1].set(ylabel="control work, %")
    axes[-1].set(xlabel="since the first window")
    label_with_unit(axes[-1].xaxis, "s")
    return Picture(
        title="Did the device stay the same?",
        caption="Idle power around each window, and what one and the same work cost, in per cent "
        "of its mean. A trend or a step speaks of warming, throttling or another program.",
        svg=finished(figure, origin),
    )


def _dots(
    axes: Any, windows: Sequence[WindowRecord], began_ns: int, values: Sequence[float] | np.ndarray
) -> None:
    times_s = [(window.started_ns - began_ns) * 1e-9 for window in windows]
    axes.plot(times_s, values, ls="none", marker="o", ms=3, color=WORK_COLOUR)


def _net(figure: GrossNet) -> Quantity:
    return figure.net or figure.gross


def _reach(quantities: Sequence[Quantity]) -> list[list[float]]:
    """Return how far each interval reaches below and above its value, shape (2, n)."""
    ends = [q.ci95 or (q.value, q.value) for q in quantities]
    return [
        [q.value - low for q, (low, _) in zip(quantities, ends, strict=True)],
        [high - q.value for q, (_, high) in zip(quantities, ends, strict=True)],
    ]
