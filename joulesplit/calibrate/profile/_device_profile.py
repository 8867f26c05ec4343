"""The device profile: what a calibration found. The data contract between the rooms.

Format history: 1 is the first format.

Frozen plain data, and with it the parts in ``_sensor``, ``_device``, ``_compute``, ``_link``,
``_estimates`` and ``_quality``; every figure is a ``_quantity``: its value with its unit, its
interval, its uncertainty apart by kind, and its n. A field's name holds the unit that its figure
has, and a reader holds every file to it (``_units``). Facts that a file does not have came with a
later tool.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from joulesplit.calibrate.profile._compute import Compute
from joulesplit.calibrate.profile._device import Device, MergedSource
from joulesplit.calibrate.profile._link import Link
from joulesplit.calibrate.profile._quality import Quality
from joulesplit.calibrate.profile._quantity import GrossNet, Quantity, in_unit
from joulesplit.calibrate.profile._sensor import Sampling, Sensor
from joulesplit.calibrate.profile._texts import profile_html, profile_text

SCHEMA = "joulesplit/device-profile"
"""Names the format in a file."""
SCHEMA_VERSION = 1
"""Of the format that is written."""

Source = Literal["measured", "simulated", "modelled", "literature"]
"""Where the figures of a profile come from."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """What wrote the profile."""

    name: str
    version: str


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """P_0: powered, associated, sampler running, workload waiting.

    Attributes:
        power_w: W, at ``temperature_c``.
        temperature_c: Of the processor, mean over the windows, °C; None if it was not recorded.
        temperature_coefficient_w_per_k: What a kelvin makes of it, W/K, as the campaign's own
            temperatures show it; None where they differ too little.
        campaign_u_w: What the campaign leaves open of P_0, W, in its ``u_sys``: energy of the work
            that may be taken for idle; None if it was not told apart.
    """

    power_w: Annotated[Quantity, in_unit("W")]
    temperature_c: float | None = None
    temperature_coefficient_w_per_k: Annotated[Quantity | None, in_unit("W/K")] = None
    campaign_u_w: float | None = None


class SimulatedTruth(msgspec.Struct, frozen=True, kw_only=True):
    """What the simulated world really cost; exists only in simulated profiles.

    Attributes:
        e_d_flop_per_j, e_c_bit_per_j: By account (``gross``, ``net``); E_c at the stated rate.
            E_d gross is left out where the host that computed was slower than the board.
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
            known better than either where these are the larger part.
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
    e_d_over_e_c_flop_per_bit: Annotated[GrossNet | None, in_unit("FLOP/bit")] = None
    merged: tuple[MergedSource, ...] = ()
    campaign: CampaignRecord | None = None

    def __repr__(self) -> str:
        return (
            f"<DeviceProfile of {self.device.board!r}, {self.created}: {self.source}, "
            f"{self.quality.verdict}>"
        )

    def __str__(self) -> str:
        """Return what it is of, and its main figures, one a line."""
        return profile_text(self)

    def _repr_html_(self) -> str:
        return profile_html(self)
