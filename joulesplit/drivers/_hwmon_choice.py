"""Which chip, which of its channels, which shunt: chosen where nothing is left to guess."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from joulesplit.drivers._hwmon_bounds import ChipBounds
from joulesplit.drivers._hwmon_tree import (
    TI_FAMILY,
    UOHM_PER_OHM,
    HwmonChannel,
    HwmonChip,
    find_power_chips,
)
from joulesplit.drivers.errors import SensorConfigurationError, SensorUnavailableError

DRIVERS_SHUNT_OHM = 0.01
"""What ina2xx and ina3221 take a shunt to be where nobody told them."""
LEAST_SHUNT_MV = 5
"""Shunt voltage from which the whole millivolts of in0_input tell a shunt from another."""
LARGEST_MISSTATEMENT = 0.2


def choose_chip(root: Path, wanted: str | None) -> HwmonChip:
    """Return the chip that is meant.

    Raises:
        SensorUnavailableError: There is none.
        SensorConfigurationError: It could be another one.
    """
    chips = find_power_chips(root)
    named = [chip for chip in chips if chip.goes_by(wanted)]
    meant = [chip for chip in named if _complete(chip)] or named
    there = ", ".join(f"{chip.directory.name} ({chip.name})" for chip in meant or chips)
    if len(meant) > 1:
        raise SensorConfigurationError(
            f"{len(meant)} hwmon chips in {root} could be meant: {there}; choose one by "
            f"its number, as in --hwmon-chip {meant[0].directory.name}"
        )
    if not meant:
        raise SensorUnavailableError(
            f"no hwmon chip {wanted or ''} with a power or current input in {root} "
            f"(found: {there or 'none'}); load its driver, for an INA219: modprobe ina2xx and "
            "echo ina219 0x40 > /sys/bus/i2c/devices/i2c-1/new_device"
        )
    return meant[0]


def choose_channel(chip: HwmonChip, wanted: str | None) -> HwmonChannel:
    """Return the channel that is meant, one that is switched on.

    Raises:
        SensorConfigurationError: It could be another one, is switched off, or its voltage is
            not known.
        SensorUnavailableError: There is none of that name.
    """
    place = f"{chip.name} in {chip.directory}"
    if wanted is None:
        return _only_channel(chip, place)
    meant = [channel for channel in chip.channels if channel.goes_by(wanted)]
    if len(meant) != 1:
        raise SensorUnavailableError(
            f"{place} has {'no' if not meant else 'more than one'} channel {wanted}: it has "
            f"{_list(chip.channels)}"
        )
    if off := chip.switched_off(meant[0]):
        raise SensorConfigurationError(
            f"channel {meant[0].title} of {place} is switched off; switch it on with: "
            f"echo 1 | sudo tee {off[0]}"
        )
    _refuse_incomplete(chip, meant[0], place)
    return meant[0]


def _only_channel(chip: HwmonChip, place: str) -> HwmonChannel:
    complete = _complete(chip)
    on = [channel for channel in complete if chip.is_on(channel)]
    if len(on) > 1:
        raise SensorConfigurationError(
            f"{place} has {len(on)} channels: {_list(tuple(on))}; choose the one that the device's "
            f"whole supply flows through, as in --hwmon-channel {on[0].number}"
        )
    if not complete:
        _refuse_incomplete(chip, chip.channels[0], place)
    return on[0] if on else choose_channel(chip, str(complete[0].number))


def _refuse_incomplete(chip: HwmonChip, channel: HwmonChannel, place: str) -> None:
    if channel.is_complete:
        return
    voltages = ", ".join(sorted(path.name for path in chip.directory.glob("in*_input")))
    raise SensorConfigurationError(
        f"{place} gives a current ({channel.current}) and no power, and which of its voltages "
        f"({voltages or 'none'}) belongs to it no label tells: a product with a wrong one would be "
        "wrong by any factor; name the rails in the device tree, or measure with another sensor"
    )


def stated_shunt_ohm(
    chip: HwmonChip,
    channel: HwmonChannel,
    stated_ohm: float | None,
    bounds: Mapping[str, ChipBounds],
) -> float | None:
    """Return the shunt in use, ohm; None where the power does not depend on one that is known.

    Raises:
        SensorConfigurationError: Driver and user differ, or neither was told what it is.
    """
    inside = bounds[chip.name].own_shunt_ohm if chip.name in bounds else None
    if inside is not None:
        if stated_ohm is not None:
            raise SensorConfigurationError(
                f"{chip.name} has its shunt of {inside:g} ohm inside: leave --shunt-ohm out"
            )
        return inside
    drivers_ohm = channel.shunt_ohm
    if drivers_ohm is None:
        return _unconfirmed(chip, channel, stated_ohm)
    if stated_ohm is None:
        _refuse_assumed(chip, drivers_ohm)
    elif round(stated_ohm * UOHM_PER_OHM) != round(drivers_ohm * UOHM_PER_OHM):
        # Without a device tree the kernel takes every shunt to be 10 milliohm.
        raise SensorConfigurationError(
            f"the kernel takes the shunt of {chip.name} to be {drivers_ohm:g} ohm, the "
            f"board's is {stated_ohm:g} ohm: every current would be wrong by that ratio; "
            f"set it with: echo {round(stated_ohm * UOHM_PER_OHM)} | sudo tee "
            f"{chip.directory / (channel.shunt_file or '')}"
        )
    return drivers_ohm


def _refuse_assumed(chip: HwmonChip, drivers_ohm: float) -> None:
    """Refuse what a driver takes for granted where no device tree told it anything."""
    tree = chip.directory / "device/of_node"
    told = [*tree.glob("shunt-resistor*"), *tree.glob("input@*/shunt-resistor*")]
    if drivers_ohm == DRIVERS_SHUNT_OHM and not told and chip.name in {*TI_FAMILY, "ina3221"}:
        raise SensorConfigurationError(
            f"the kernel takes the shunt of {chip.name} to be {drivers_ohm:g} ohm, as it does "
            "where nobody told it; state the board's with --shunt-ohm, read off the resistor "
            "(R100 is 0.1, R010 is 0.01): every joule depends on it"
        )


def _unconfirmed(chip: HwmonChip, channel: HwmonChannel, stated_ohm: float | None) -> float | None:
    """Return the shunt of a chip whose driver does not say it, held against its own figures."""
    if chip.name not in TI_FAMILY:
        return stated_ohm
    found_ohm = _shunt_by_readings(chip, channel)
    if stated_ohm is None or found_ohm is None:
        return stated_ohm or found_ohm
    if abs(found_ohm / stated_ohm - 1) > LARGEST_MISSTATEMENT:
        raise SensorConfigurationError(
            f"the voltage over the shunt of {chip.name} (in0_input) and its current are in "
            f"the ratio of {found_ohm:.3g} ohm, the board's is {stated_ohm:g} ohm: correct "
            "shunt-resistor in the device tree (ti,ina2xx.yaml), by which the kernel computes"
        )
    return stated_ohm


def _shunt_by_readings(chip: HwmonChip, channel: HwmonChannel) -> float | None:
    try:
        shunt_mv = int((chip.directory / "in0_input").read_text())
        current_ma = int((chip.directory / (channel.current or "")).read_text())
    except (OSError, ValueError):
        return None
    return shunt_mv / current_ma if abs(shunt_mv) >= LEAST_SHUNT_MV and current_ma else None


def _complete(chip: HwmonChip) -> tuple[HwmonChannel, ...]:
    return tuple(channel for channel in chip.channels if channel.is_complete)


def _list(channels: tuple[HwmonChannel, ...]) -> str:
    return ", ".join(channel.title for channel in channels)
