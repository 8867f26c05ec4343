"""A machine's state made by hand: a board that runs steadily."""

from __future__ import annotations

from joulesplit.calibrate.environment import Conditions

STEADY = Conditions(
    uptime_s=100.0,
    temperatures_c={"cpu-thermal": 50.0},
    frequencies_hz={"policy0": 1_800_000_000},
    under_voltage=False,
    throttled_bits=0,
    power_save="off",
    capacity_ticks=40_000,
    busy_ticks=1_000,
    own_ticks=900,
    interface="wlan0",
    received_bytes=10_000,
    sent_bytes=20_000,
)
