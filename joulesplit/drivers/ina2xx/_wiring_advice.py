"""What to know about a wiring before it disappoints: bus clock and drop over the shunt. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers.ina2xx._chip import ChipSettings
from joulesplit.drivers.ina2xx._conversion_tracker import can_follow
from joulesplit.drivers.ina2xx._wiring import Wiring
from joulesplit.drivers.raspberry_pi import UNDER_VOLTAGE_TOLERANCE, UNDER_VOLTAGE_V

READ_BITS = 48
"""Bit times on the wire of one register read (figures 15 and 16)."""
SOFTWARE_NS = 90_000
"""Time of one read besides the wire, measured by others on a Raspberry Pi 4."""
OF_ROUNDING = 1e-9
FIVE_VOLT_RAIL_V = 5.5
"""Rails above this are not what a Raspberry Pi is fed with."""


def advice(
    wiring: Wiring,
    *,
    expected_peak_a: float,
    bus_clock_hz: int | None,
    supply_v: float,
) -> Iterator[str]:
    """Yield warnings, one line each, with what to do.

    Args:
        wiring: The chip and its shunt.
        expected_peak_a: Largest current to expect, A.
        bus_clock_hz: Clock of the I2C bus, Hz; None if unknown.
        supply_v: Voltage before the shunt, V.
    """
    settings, shunt_ohm = wiring.settings, wiring.shunt_ohm
    if bus_clock_hz and not _follows(settings, wiring.chip.ready.reads, bus_clock_hz):
        yield (
            f"I2C at {bus_clock_hz / 1000:.0f} kHz cannot follow a cycle of "
            f"{settings.cycle_s * 1e3:.3g} ms: set dtparam=i2c_arm_baudrate=400000 in "
            "/boot/firmware/config.txt and reboot, or average more samples (--shunt-samples)"
        )
    end_a = wiring.full_scale_v / shunt_ohm
    if expected_peak_a > end_a * (1 + OF_ROUNDING):
        yield (
            f"{shunt_ohm:g} ohm on an {wiring.chip.name} measure up to {end_a:.2f} A, and "
            f"{expected_peak_a:g} A may flow: use a smaller shunt, or state the peak that does "
            "(--peak-current-a)"
        )
    drop_v = expected_peak_a * shunt_ohm
    left_v = supply_v - drop_v
    if supply_v <= FIVE_VOLT_RAIL_V and left_v < UNDER_VOLTAGE_V * (1 + UNDER_VOLTAGE_TOLERANCE):
        yield (
            f"{expected_peak_a:g} A over {shunt_ohm:g} ohm leave {left_v:.2f} V of {supply_v:g} V, "
            f"and a Raspberry Pi calls under-voltage at {UNDER_VOLTAGE_V} V ± 5 %: feed up to "
            "5.25 V through short leads (--supply-v), or use a smaller shunt"
        )


def _follows(settings: ChipSettings, reads: int, bus_clock_hz: int) -> bool:
    return can_follow(
        period_ns=settings.cycle_s * NS_PER_S,
        shunt_ns=settings.kept_s * NS_PER_S,
        transaction_ns=READ_BITS * NS_PER_S / bus_clock_hz + SOFTWARE_NS,
        reads=reads,
    )
