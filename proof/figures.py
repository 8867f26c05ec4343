"""Figures of a campaign beside the truth of its world. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from joulesplit._simulation import WorldSetup
from joulesplit.calibrate.profile import (
    BlockEnergy,
    Compute,
    EstimateView,
    GrossNet,
    LinkFit,
    Quantity,
    SimulatedTruth,
    Uplink,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """An estimate beside the truth.

    Attributes:
        value: As estimated.
        low, high: Its 95 % interval.
        truth: Of the simulated world, same unit.
    """

    value: float
    low: float
    high: float
    truth: float

    @property
    def error(self) -> float:
        """Relative error."""
        return self.value / self.truth - 1

    @property
    def inside(self) -> bool:
        """The interval holds the truth."""
        return self.low <= self.truth <= self.high


def figure(found: Quantity, truth: float) -> Figure:
    """Return a quantity beside the truth."""
    low, high = found.ci95 or (found.value, found.value)
    return Figure(value=found.value, low=low, high=high, truth=truth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """What the windows of a campaign give."""

    compute: Compute
    uplink: Uplink
    ratio: GrossNet
    idle: Quantity


def figures_of(found: Estimates, truth: SimulatedTruth, setup: WorldSetup) -> dict[str, Figure]:
    """Return every figure of a campaign that its world has a truth for, by name."""
    e_d, e_c = truth.e_d_flop_per_j, truth.e_c_bit_per_j
    ratio = {account: e_d[account] / e_c[account] for account in e_d}
    return {
        **both("E_d", found.compute.e_d_flop_per_j, e_d),
        **both("E_c", found.uplink.e_c_bit_per_j, e_c),
        **both("E_d/E_c", found.ratio, ratio),
        "P_0": figure(found.idle, truth.idle_power_w),
        **_window(found.compute, setup),
        **_link(found.uplink.fit, setup),
        **{
            f"e_{block.index}": figure(block.energy_j.net, true_j)
            for block, true_j in zip(found.compute.blocks, truth.block_energy_j, strict=True)
            if block.energy_j.net is not None
        },
        **_views(found.compute.views, e_d),
        **_views(found.uplink.views, e_c),
        **_block_views(found.compute.blocks, truth, setup),
    }


def _block_views(
    blocks: Sequence[BlockEnergy], truth: SimulatedTruth, setup: WorldSetup
) -> dict[str, Figure]:
    """Return every e_l by other methods beside the truth; a block takes the same power as any."""
    gross_over_net = 1 + truth.idle_power_w / setup.costs.compute_power_w
    figures = {}
    for block, true_j in zip(blocks, truth.block_energy_j, strict=True):
        figures.update(_views(block.views, {"net": true_j, "gross": true_j * gross_over_net}))
    return figures


def both(name: str, found: GrossNet, truth: Mapping[str, float]) -> dict[str, Figure]:
    """Return both accounts of a figure beside the truth."""
    both = {f"{name} gross": figure(found.gross, truth["gross"])}
    if found.net is not None:
        both[f"{name} net"] = figure(found.net, truth["net"])
    return both


def _window(compute: Compute, setup: WorldSetup) -> dict[str, Figure]:
    if compute.window_cost_j is None:
        return {}
    return {"E_window": figure(compute.window_cost_j, setup.costs.window_cost_j)}


def _link(fit: LinkFit | None, setup: WorldSetup) -> dict[str, Figure]:
    """Return the costs of an upload beside the truth.

    Between two uploads of a window the radio stays awake while the next one starts: that much of
    its tail belongs to every upload but the first.
    """
    if fit is None:
        return {}
    costs, radio = setup.costs, setup.radio
    awake_j = radio.tail_power_w * min(costs.start_s, radio.tail_s) if radio else 0.0
    figures = {
        "E_0": figure(fit.upload_cost_j, costs.upload_cost_j + awake_j),
        "P_air": figure(fit.air_power_w, costs.air_power_w),
        "e_bit": figure(fit.bit_energy_j, costs.sent_bit_energy_j),
    }
    if radio is not None and fit.burst_cost_j is not None:
        figures["E_burst"] = figure(fit.burst_cost_j, radio.burst_j - awake_j)
    return figures


def _views(views: Sequence[EstimateView], truth: Mapping[str, float]) -> dict[str, Figure]:
    figures = {}
    for view in views:
        intervals = {"": view.ci95, ", bootstrap": view.bootstrap_ci95}
        for suffix, interval in intervals.items():
            if interval is not None:
                figures[f"{view.figure}, {view.method}{suffix}"] = Figure(
                    value=view.value,
                    low=interval[0],
                    high=interval[1],
                    truth=truth[view.figure.split()[-1]],
                )
    return figures
