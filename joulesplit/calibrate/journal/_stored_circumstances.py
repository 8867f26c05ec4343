"""A journal's own types: what is recorded beside the windows. Plain data.

Part of format 1, see ``joulesplit.calibrate.journal._stored_entries``.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class StoredTool(msgspec.Struct, frozen=True, kw_only=True):
    """What measured."""

    name: str
    version: str


class StoredFrequencyPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Processors that share one clock (cpufreq)."""

    name: str
    governor: str | None
    processors: int | None = None
    minimum_hz: int | None = None
    maximum_hz: int | None = None
    current_hz: int | None = None
    hardware_maximum_hz: int | None = None


class StoredWifiLink(msgspec.Struct, frozen=True, kw_only=True):
    """A radio and its association; neither network name nor addresses are recorded."""

    interface: str
    driver: str | None = None
    power_save: str | None = None
    signal_dbm: float | None = None
    link_quality: float | None = None
    tx_rate_bit_per_s: float | None = None
    rx_rate_bit_per_s: float | None = None
    frequency_hz: float | None = None


class StoredTunedSetting(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was set for the campaign, and set back when it ended."""

    target: str
    name: str
    before: str
    during: str


class StoredDevice(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that was measured; an unknown fact is None, never a guess."""

    board: str | None
    machine: str
    kernel: str
    python: str
    cpu_count: int | None
    memory_bytes: int | None
    governor: str | None
    wifi_power_save: str | None
    hostname: str | None = None
    revision: str | None = None
    soc: str | None = None
    system: str | None = None
    frequencies: tuple[StoredFrequencyPolicy, ...] | None = None
    temperatures_c: dict[str, float] | None = None
    throttled_bits: int | None = None
    under_voltage: bool | None = None
    swap_bytes: int | None = None
    swap_used_bytes: int | None = None
    usb: tuple[str, ...] | None = None
    displays: tuple[str, ...] | None = None
    wifi: StoredWifiLink | None = None
    i2c_clock_hz: dict[str, int] | None = None
    libraries: dict[str, str] | None = None
    load_average: tuple[float, float, float] | None = None
    tuned: tuple[StoredTunedSetting, ...] = ()
    userland_bits: int | None = None


class StoredAccuracyTerm(msgspec.Struct, frozen=True, kw_only=True):
    """One systematic (type B) term of a sensor's uncertainty."""

    name: str
    kind: Literal["scale", "offset"]
    half_width: float
    distribution: Literal["rectangular", "normal"]
    source: str
    correlation: Literal["common", "load-dependent"] = "common"
    at_power_w: float | None = None


class StoredSensorDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What a sensor measures and how good it is."""

    kind: str
    name: str
    rail: str
    includes: str
    simulated: bool
    modelled: bool
    cycle_s: float
    observed_fraction: float
    voltage_resolution_v: float
    current_resolution_a: float
    full_scale_a: float
    accuracy: tuple[StoredAccuracyTerm, ...]
    replayed: bool = False
    settings: dict[str, str | int | float | bool | None] = msgspec.field(default_factory=dict)


class StoredSamplerStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """How the sampler fared so far."""

    readings: int
    lost: int
    clipped: int
    cpu_fraction: float | None
    rate_hz: float | None = None
    jitter_s: float | None = None
    latest_s: float | None = None
    resets: int = 0
    foreign_writes: int = 0
    clock_steps: int = 0
    stuck: int = 0
    doubtful: int = 0
    late: int = 0
    peak_a: float | None = None
    largest_a: float | None = None


class StoredModelIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The calibrated network; per-block energies are valid for this file alone, at this shape."""

    name: str
    sha256: str
    input_bits: int
    input_shapes: dict[str, tuple[int, ...]] | None = None


class StoredRuntime(msgspec.Struct, frozen=True, kw_only=True):
    """The interpreter that ran the network; E_d of one is not E_d of another."""

    name: str
    version: str
    threads: int
    xnnpack: bool


class StoredBlock(msgspec.Struct, frozen=True, kw_only=True):
    """What lies between two consecutive chosen cuts."""

    index: int
    name: str
    first_operator: int
    last_operator: int
    flop: int
    mac_flop: int
    output_bits: int
    tensors: tuple[str, ...]


class StoredOperator(msgspec.Struct, frozen=True, kw_only=True):
    """One operator, in the file's execution order."""

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    flop: int | None
    mac_flop: int
    read_bytes: int = 0
    written_bytes: int = 0
    parameter_bytes: int = 0
    calls: tuple[int, ...] = ()
    state: tuple[str, ...] = ()
    remark: str = ""
    least_flop: int = 0
    most_flop: int | None = None


class StoredSimulatedTruth(msgspec.Struct, frozen=True, kw_only=True):
    """What the simulated world really cost; exists only in simulated profiles."""

    idle_power_w: float
    e_d_flop_per_j: dict[str, float]
    e_c_bit_per_j: dict[str, float]
    block_energy_j: tuple[float, ...]
    head_energy_j: tuple[float, ...] = ()


class StoredCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One named check over the recorded data."""

    name: str
    value: float
    limit: float
    unit: str
    outcome: Literal["pass", "warn", "fail"]
    advice: str = ""


class StoredCircumstances(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a profile records beside the windows."""

    created: str
    tool: StoredTool
    device: StoredDevice
    sensor: StoredSensorDescription
    sampling: StoredSamplerStatistics
    model: StoredModelIdentity
    runtime: StoredRuntime
    blocks: tuple[StoredBlock, ...]
    interface: str
    stated_rate_bit_per_s: float
    throttled_bits: int | None
    truth: StoredSimulatedTruth | None
    operators: tuple[StoredOperator, ...] = ()
    checks: tuple[StoredCheck, ...] = ()


class StoredConditions(msgspec.Struct, frozen=True, kw_only=True):
    """The machine's state at one moment; what is not known, or was not asked, is None."""

    uptime_s: float | None
    temperatures_c: dict[str, float]
    frequencies_hz: dict[str, int]
    under_voltage: bool | None
    throttled_bits: int | None = None
    power_save: str | None = None
    capacity_ticks: int | None = None
    busy_ticks: int | None = None
    own_ticks: int | None = None
    interface: str | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None
