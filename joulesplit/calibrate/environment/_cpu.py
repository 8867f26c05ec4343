"""Clocks, temperatures and the supply's alarm, from sysfs. An unknown fact is None."""

from __future__ import annotations

from joulesplit.calibrate.environment._machine import Machine
from joulesplit.calibrate.profile import FrequencyPolicy

CPUFREQ = "sys/devices/system/cpu/cpufreq"
"""One directory per policy (kernel documentation, admin-guide/pm/cpufreq); frequencies in kHz."""

SUPPLY_MONITOR = "rpi_volt"
"""Name of the hwmon device of the Raspberry Pi's firmware (kernel, raspberrypi-hwmon)."""


def frequency_policies(machine: Machine) -> tuple[FrequencyPolicy, ...] | None:
    """Return every frequency policy; None where the kernel scales no frequency."""
    paths = machine.paths(f"{CPUFREQ}/policy*")
    return tuple(_policy(machine, path) for path in paths) or None


def _policy(machine: Machine, path: str) -> FrequencyPolicy:
    processors = machine.text(f"{path}/affected_cpus")
    return FrequencyPolicy(
        name=path.rpartition("/")[2],
        governor=machine.text(f"{path}/scaling_governor"),
        processors=len(processors.split()) if processors else None,
        minimum_hz=_hertz(machine, f"{path}/scaling_min_freq"),
        maximum_hz=_hertz(machine, f"{path}/scaling_max_freq"),
        current_hz=_hertz(machine, f"{path}/scaling_cur_freq"),
        hardware_maximum_hz=_hertz(machine, f"{path}/cpuinfo_max_freq"),
    )


def _hertz(machine: Machine, path: str) -> int | None:
    kilohertz = machine.number(path)
    return None if kilohertz is None else 1000 * kilohertz


def current_frequencies_hz(machine: Machine) -> dict[str, int]:
    """Return the present frequency of every policy, Hz."""
    found = {
        path.split("/")[-2]: _hertz(machine, path)
        for path in machine.paths(f"{CPUFREQ}/policy*/scaling_cur_freq")
    }
    return {name: hertz for name, hertz in found.items() if hertz is not None}


def temperatures_c(machine: Machine) -> dict[str, float]:
    """Return the temperature of every thermal zone by its type, °C."""
    found: dict[str, float] = {}
    for path in machine.paths("sys/class/thermal/thermal_zone*"):
        milli = machine.number(f"{path}/temp")
        zone = path.rpartition("/")[2]
        name = machine.text(f"{path}/type") or zone
        if milli is not None:
            found[name if name not in found else f"{name} {zone}"] = milli / 1000
    return found


def under_voltage(machine: Machine) -> bool | None:
    """Return whether the supply is below its limit; None where no monitor tells."""
    for path in machine.paths("sys/class/hwmon/hwmon*/name"):
        if machine.text(path) == SUPPLY_MONITOR:
            alarm = machine.number(path.removesuffix("name") + "in0_lcrit_alarm")
            return None if alarm is None else bool(alarm)
    return None
