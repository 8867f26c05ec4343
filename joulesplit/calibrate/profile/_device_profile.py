"""The device profile: what a calibration found. The data contract between the rooms.

Format history: 1 is the first format.

Frozen plain data; reading, writing and upgrading files is ``joulesplit.calibrate.profile._io``.
Every quantity carries its unit, its interval, its uncertainty apart by kind, and its n.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from joulesplit.calibrate.profile._estimates import ClassFit, EstimateView, WindowTerm
from joulesplit.calibrate.profile._link import Link as Link  # noqa: PLC0414 - part of the contract
from joulesplit.calibrate.profile._link import LinkFit as LinkFit  # noqa: PLC0414 - part of the contract
from joulesplit.calibrate.profile._link import Uplink as Uplink  # noqa: PLC0414 - part of the contract
from joulesplit.calibrate.profile._device import Device, MergedSource
from joulesplit.calibrate.profile._quantity import GrossNet as GrossNet  # noqa: PLC0414 - part of the contract
from joulesplit.calibrate.profile._quantity import Quantity as Quantity  # noqa: PLC0414 - part of the contract
from joulesplit.calibrate.profile._work import HeadEnergy, PhaseEnergy

SCHEMA = "joulesplit/device-profile"
SCHEMA_VERSION = 1

Source = Literal["measured", "simulated", "modelled", "literature"]
Verdict = Literal["valid", "suspect", "rejected"]
Outcome = Literal["pass", "warn", "fail"]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """What wrote the profile."""

    name: str
    version: str


class BudgetTerm(msgspec.Struct, frozen=True, kw_only=True):
    """One systematic term of the sensor's uncertainty (GUM type B).

    Attributes:
        kind: ``scale`` (factor of every power) or ``offset`` (power added to every one).
        standard_uncertainty: Relative (1) for ``scale``, W for ``offset``.
        half_width: Bound behind it, same unit; None for files that do not say.
        distribution: Between the bounds ``rectangular``, or ``normal`` where the bound is a
            standard uncertainty itself; None for files that do not say.
        correlation: ``common`` to all figures of a campaign, or ``load-dependent``: then it
            remains in E_d/E_c and in the choice of a split.
        at_power_w: Of a ``load-dependent`` scale: the power at which it holds, W; it grows with
            the square of the power. None if it is not known how it grows.
    """

    name: str
    kind: Literal["scale", "offset"]
    standard_uncertainty: float
    source: str
    half_width: float | None = None
    distribution: Literal["rectangular", "normal"] | None = None
    correlation: Literal["common", "load-dependent"] = "common"
    at_power_w: float | None = None


class Sensor(msgspec.Struct, frozen=True, kw_only=True):
    """The power sensor and its budget.

    Attributes:
        scale_u_rel: Relative standard uncertainty of the common scale terms together. It is the
            same in every joule of the profile, so it cancels in E_d/E_c and in no other figure.
        offset_u_w: Standard uncertainty of the offset terms together, W; cancels in net energy.
        load_u_rel: Relative standard uncertainty of the scale terms that change with the load.
        load_power_w: Power at which ``load_u_rel`` holds, W; it grows with the square of the
            power, and net energy has up to three times as much. None if that is not known.
    """

    kind: str
    name: str
    rail: str
    includes: str
    simulated: bool
    modelled: bool
    cycle_s: float
    observed_fraction: float
    scale_u_rel: float
    offset_u_w: float
    budget: tuple[BudgetTerm, ...]
    settings: dict[str, str | int | float | bool | None]
    window_budget: tuple[WindowTerm, ...] = ()
    load_u_rel: float = 0.0
    load_power_w: float | None = None


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How the sampler fared, counted over the whole campaign.

    Attributes:
        lost: Conversions that were not read, from time stamps.
        clipped: Readings at full scale.
        cpu_fraction: CPU time of the sampler over elapsed time; None if it has no process.
    """

    readings: int
    lost: int
    clipped: int
    cpu_fraction: float | None


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """P_0: powered, associated, sampler running, workload waiting."""

    power_w: Quantity


class ModelIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The calibrated network; per-block energies are valid for this file alone."""

    name: str
    sha256: str
    input_bits: int


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """The interpreter that ran the network; E_d of one is not E_d of another."""

    name: str
    version: str
    threads: int
    xnnpack: bool


class BlockEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """One block's measured cost per inference.

    Attributes:
        index: l, from 1.
        last_operator: Index of its last operator, to recognise the block again.
        flop: N_l, FLOP, by the profile's convention.
        output_bits: P_l, bit.
        energy_j: e_l per inference, J: the slope of energy against repetitions.
        latency_s: Time per inference, s.
        views: e_l by other methods from the same windows.
    """

    index: int
    name: str
    last_operator: int
    flop: int
    output_bits: int
    energy_j: GrossNet
    latency_s: Quantity
    views: tuple[EstimateView, ...] = ()


class Compute(msgspec.Struct, frozen=True, kw_only=True):
    """What computing costs.

    Attributes:
        e_d_flop_per_j: E_d = Σ N_l / Σ e_l over the blocks, FLOP/J.
        window_cost_j: Net energy of a window that does not grow with its work, J.
        covariance_j2: Statistical covariance of the net e_l, J²: the lower triangle with its
            diagonal, row by row. Its diagonal is the blocks' ``u_stat`` squared.
        views: E_d by other methods from the same windows.
        classes: Net energy per FLOP by class of operator.
        heads: Several blocks run as one network, as a split runs them.
        head_covariance_j2: Statistical covariance of the heads' net energies, J²: for each head
            in order, that with e_1 … e_L and then with the heads up to itself. It continues the
            lower triangle of ``covariance_j2``.
        phases: What happens once per start.
    """

    model: ModelIdentity | None
    runtime: Runtime | None
    flop_convention: str
    e_d_flop_per_j: GrossNet
    blocks: tuple[BlockEnergy, ...] = ()
    window_cost_j: Quantity | None = None
    covariance_j2: tuple[float, ...] = ()
    views: tuple[EstimateView, ...] = ()
    classes: ClassFit | None = None
    heads: tuple[HeadEnergy, ...] = ()
    head_covariance_j2: tuple[float, ...] = ()
    phases: tuple[PhaseEnergy, ...] = ()


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One named check over the recorded data.

    Attributes:
        value: What was found, in ``unit``.
        limit: The bound it was held against, in ``unit``.
        outcome: ``warn`` makes the profile suspect, ``fail`` rejects it.
        advice: What to do next; empty if passed.
    """

    name: str
    value: float
    limit: float
    unit: str
    outcome: Outcome
    advice: str = ""


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """May the figures be used?"""

    verdict: Verdict
    checks: tuple[Check, ...]


class SimulatedTruth(msgspec.Struct, frozen=True, kw_only=True):
    """What the simulated world really cost; exists only in simulated profiles.

    Attributes:
        e_d_flop_per_j, e_c_bit_per_j: By account (``gross``, ``net``); E_c at the stated rate.
        block_energy_j: Net e_l in block order, J.
        head_energy_j: Net energy of blocks 1 … l run as one network, at position l − 1, J.
    """

    idle_power_w: float
    e_d_flop_per_j: dict[str, float]
    e_c_bit_per_j: dict[str, float]
    block_energy_j: tuple[float, ...]
    head_energy_j: tuple[float, ...] = ()


class CampaignRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, and which windows the figures come from.

    Attributes:
        plan: The plan as carried out, by the names that a plan's file has.
        windows: How many there are.
        windows_sha256: Of the windows' texts as they stand in their journal, in order, each ended
            by a line feed; taking personal things out of a journal does not change it.
    """

    plan: dict[str, Any]
    windows: int
    windows_sha256: str


class DeviceProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a calibration found about one device.

    Attributes:
        created: ISO 8601 with offset.
        idle: None where a literature source gives none.
        simulated: True if any figure did not come from a physical measurement of power.
        truth: The simulated world's truth; None for anything measured.
        reference: Citation of a literature source, else None.
        e_d_over_e_c_flop_per_bit: E_d/E_c; scale errors of the sensor cancel in it, so it is
            known better than either.
        merged: The profiles that this one was pooled from; empty for a single calibration.
        campaign: Behind the figures; None where there is no journal of windows.
    """

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    created: str
    tool: Tool
    source: Source
    device: Device
    sensor: Sensor | None
    sampling: Sampling | None = None
    idle: Idle | None
    compute: Compute
    link: Link | None
    quality: Quality
    simulated: bool
    truth: SimulatedTruth | None = None
    reference: str | None = None
    e_d_over_e_c_flop_per_bit: GrossNet | None = None
    merged: tuple[MergedSource, ...] = ()
    campaign: CampaignRecord | None = None
