"""Is the idle power one that a board of this model has? A wrong shunt is wrong by its ratio. Pure.

The ranges are generous: from a board trimmed to the least (HDMI and LED off) without anything
attached, to one with everything that its ports can carry. They are there for a shunt stated ten
times too large or too small, and for a sensor that another device, or none, is wired to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from joulesplit.calibrate.checks._spec import CheckSpec
from joulesplit.calibrate.profile import Check
from joulesplit.drivers.readings import SensorDescription

IDLE_W: tuple[tuple[str, tuple[float, float]], ...] = (
    ("Raspberry Pi Zero", (0.2, 4.0)),  # 75 mA trimmed (A. Jacobs), 120 mA idle (cnx-software)
    ("Raspberry Pi 5", (1.2, 12.0)),  # 1.8 W to 3.5 W without attachments (sbc-reviews #21)
    ("Raspberry Pi 500", (1.2, 12.0)),
    ("Raspberry Pi Compute Module 5", (1.2, 12.0)),
    ("Raspberry Pi 4", (1.2, 9.0)),  # 540 mA idle (pidramble), 0.6 A (Raspberry Pi documentation)
    ("Raspberry Pi 400", (1.2, 9.0)),
    ("Raspberry Pi Compute Module 4", (0.8, 9.0)),
    ("Raspberry Pi 3", (0.7, 7.0)),  # 0.30 A (Raspberry Pi documentation), 350 mA (pidramble)
    ("Raspberry Pi Compute Module 3", (0.4, 7.0)),
    ("Raspberry Pi 2", (0.6, 7.0)),
    ("Raspberry Pi", (0.2, 12.0)),  # any other
)
"""Idle power by the beginning of the model's name in the device tree, W; the first that fits."""

NOTHING_W = 0.05
"""Less than this is no running computer: the leakage of a sensor's input at most."""

NO_SHUNT_KINDS = frozenset({"rapl"})
"""Sources that measure a part of the machine, and no supply."""

BOARD_POWER: CheckSpec = CheckSpec(
    name="board-power",
    finds="P_0, where the board is a Raspberry Pi",
    unit="W",
    limit=None,
    follows_from="what boards of its model draw",
    severity="fail",
    advice="a {board} idles at {bounds}: {why}",
)


def board_power_checks(
    power_w: float, board: str | None, sensor: SensorDescription
) -> Iterator[Check]:
    """Return whether an idle power is one of this board.

    Args:
        power_w: Idle power, W.
        board: Its model as the device tree has it; None if it does not say.
        sensor: As opened.
    """
    bounds = next((w for name, w in IDLE_W if (board or "").startswith(name)), None)
    if bounds is None or sensor.simulated or sensor.modelled or sensor.kind in NO_SHUNT_KINDS:
        return
    low_w, high_w = bounds
    is_low = power_w < low_w
    yield replace(BOARD_POWER, minimum=is_low).judge(
        power_w,
        limit=low_w if is_low else high_w,
        board=board,
        bounds=f"{low_w:g} W to {high_w:g} W",
        why=_why(power_w, is_low=is_low, shunt_ohm=sensor.settings.get("shunt_ohm")),
    )


def _why(power_w: float, *, is_low: bool, shunt_ohm: object) -> str:
    if abs(power_w) < NOTHING_W:
        return (
            "the sensor does not see this device: hardly anything flows through its shunt; wire "
            "the supply to VIN+ and the device to VIN−, and feed it through nothing else"
        )
    stated = f"--shunt-ohm {shunt_ohm:g} is" if isinstance(shunt_ohm, float) else "the shunt is"
    marking = "R100 is 0.1 ohm, R010 is 0.01 ohm"
    if is_low:
        return (
            f"{stated} too large if the board is fed through this shunt alone: read the marking "
            f"({marking}), and see that no second supply feeds the board"
        )
    return f"{stated} too small: read the marking ({marking}); or more than the board hangs on it"
