"""What to know about a wiring before it disappoints: bus clock and drop over the shunt. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers.ina219._conversion_tracker import can_follow
from joulesplit.drivers.ina219._registers import Configuration
from joulesplit.drivers.raspberry_pi import UNDER_VOLTAGE_TOLERANCE, UNDER_VOLTAGE_V

READ_BITS = 48
"""Bit times on the wire of one register read (figures 15 and 16)."""
SOFTWARE_NS = 90_000
"""Time of one read besides the wire, measured by others on a Raspberry Pi 4."""
READS_PER_CYCLE = 2
FIVE_VOLT_RAIL_V = 5.5
"""Rails above this are not what a Raspberry Pi is fed with."""


def advice(
    configuration: Configuration,
    *,
    shunt_ohm: float,
    expected_peak_a: float,
    bus_clock_hz: int | None,
    supply_v: float,
) -> Iterator[str]:
    """Yield warnings, one line each, with what to do.

    Args:
        configuration: What the chip will be set to.
        shunt_ohm: Shunt resistance, ohm.
        expected_peak_a: Largest current to expect, A.
        bus_clock_hz: Clock of the I2C bus, Hz; None if unknown.
        supply_v: Voltage before the shunt, V.
    """
    if bus_clock_hz and not _follows(configuration, bus_clock_hz):
        yield (
            f"I2C at {bus_clock_hz / 1000:.0f} kHz cannot follow a cycle of "
            f"{configuration.cycle_s * 1e3:.3g} ms: set dtparam=i2c_arm_baudrate=400000 in "
            "/boot/firmware/config.txt and reboot, or average more samples (--shunt-samples)"
        )
    drop_v = expected_peak_a * shunt_ohm
    left_v = supply_v - drop_v
    if supply_v <= FIVE_VOLT_RAIL_V and left_v < UNDER_VOLTAGE_V * (1 + UNDER_VOLTAGE_TOLERANCE):
        yield (
            f"{expected_peak_a:g} A over {shunt_ohm:g} ohm leave {left_v:.2f} V of {supply_v:g} V, "
            f"and a Raspberry Pi calls under-voltage at {UNDER_VOLTAGE_V} V ± 5 %: feed up to "
            "5.25 V through short leads (--supply-v), or use a smaller shunt"
        )


def _follows(configuration: Configuration, bus_clock_hz: int) -> bool:
    return can_follow(
        period_ns=configuration.cycle_s * NS_PER_S,
        shunt_ns=configuration.shunt_s * NS_PER_S,
        transaction_ns=READ_BITS * NS_PER_S / bus_clock_hz + SOFTWARE_NS,
        reads=READS_PER_CYCLE,
    )
