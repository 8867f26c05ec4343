"""The Raspberry Pi 5's power-management chip, read through ``vcgencmd pmic_read_adc``.

It lists a current and a voltage for each of its output rails. What hangs on 5 V directly (USB,
HATs, NVMe) and the losses of its converters are in none of them. What one board was found to draw
beside them is added, since a value known to be low is corrected and not bounded (GUM F.2.4.5);
how far other boards differ from it remains as uncertainty: an estimate of the board's power.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence

from joulesplit.drivers._polled_sensor import PolledSensor
from joulesplit.drivers.errors import SensorUnavailableError
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import AccuracyTerm, Reading, ReadingFlag, SensorDescription

COMMAND = ("vcgencmd", "pmic_read_adc")
INPUT_RAIL = "EXT5V"
TIMEOUT_S = 5.0
FIT_SCALE = 1.1451
FIT_OFFSET_W = 0.5879
"""Power of one board against a USB meter: P = 1.1451·P_rails + 0.5879 W (jfikar/RPi5-power)."""
OTHER_BOARDS_SCALE = 0.10
"""How far converters of other boards and loads may be from that fit, relative; a judgement."""
OTHER_BOARDS_W = FIT_OFFSET_W
"""What hangs on 5 V may be nothing, or twice what the fitted board had; a judgement. A disk, a
camera or a hub on USB is more: it is named in ``includes``."""
ANSWERS_ASKED = 3
"""Answers in a row that must lack a rail until the source counts as failed."""
_LINE = re.compile(r"^\s*(\w+)_([AV])\s+(?:current|volt)\(\d+\)=([0-9.]+)[AV]\s*$")

CommandRunner = Callable[[Sequence[str]], str]


def run_command(command: Sequence[str]) -> str:
    """Run a command and return what it prints.

    Raises:
        SensorUnavailableError: It is missing, fails or hangs.
    """
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=TIMEOUT_S
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise SensorUnavailableError(
            f"{' '.join(command)} does not work here ({error}); it needs a Raspberry Pi 5, the "
            "package raspi-utils and membership in the group video"
        ) from error


def parse_rails(text: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return the currents (A) and the voltages (V) by rail name from ``pmic_read_adc``'s output."""
    currents: dict[str, float] = {}
    voltages: dict[str, float] = {}
    for line in text.splitlines():
        if match := _LINE.match(line):
            rail, quantity, number = match.groups()
            (currents if quantity == "A" else voltages)[rail] = float(number)
    return currents, voltages


class PmicSensor(PolledSensor):
    """Sum of current times voltage over the rails, at even intervals; an estimate.

    Args:
        clock: Time.
        interval_s: From one reading to the next, s; one call of vcgencmd takes milliseconds.
        run: Runs a command and returns its output.
    """

    def __init__(
        self, *, clock: Clock, interval_s: float = 0.1, run: CommandRunner = run_command
    ) -> None:
        super().__init__(clock=clock, interval_s=interval_s)
        self._run = run
        self._rails: frozenset[str] = frozenset()

    @property
    def description(self) -> SensorDescription:
        """What the sensor measures and how good it is."""
        source = "fit of one Raspberry Pi 5 against a USB meter, github.com/jfikar/RPi5-power"
        return SensorDescription(
            kind="pi5-pmic",
            name="Raspberry Pi 5 power-management chip",
            rail="outputs of the power-management chip",
            includes="the chip's output rails, and by the fit of one board its converters' losses "
            "and what a bare board draws at 5 V; USB devices, HATs and NVMe are left out",
            simulated=False,
            modelled=True,
            cycle_s=self._interval_s,
            observed_fraction=0.0,
            voltage_resolution_v=1e-6,
            current_resolution_a=1e-6,
            full_scale_a=float("inf"),
            accuracy=(
                _remaining("converters of other boards", "scale", OTHER_BOARDS_SCALE, source),
                _remaining("5 V loads of other boards", "offset", OTHER_BOARDS_W, source),
            ),
            settings={
                "command": " ".join(COMMAND),
                "correction": f"P = {FIT_SCALE:g} P_rails + {FIT_OFFSET_W:g} W",
                "rails": ", ".join(sorted(self._rails)) or None,
            },
        )

    def _open(self) -> None:
        self._rails = frozenset()
        currents, voltages, _ = self._ask()
        self._rails = frozenset(currents.keys() & voltages.keys())

    def _sample(self, flags: ReadingFlag) -> Reading:
        currents, voltages, tries = self._ask()
        rails_w = sum(currents[rail] * voltages[rail] for rail in self._rails)
        input_v = voltages[INPUT_RAIL]
        return Reading(
            t_ns=self._clock.now_ns(),
            raw=(),
            voltage_v=input_v,
            current_a=(FIT_SCALE * rails_w + FIT_OFFSET_W) / input_v,
            flags=flags | (ReadingFlag.RETRIED if tries > 1 else ReadingFlag.NONE),
        )

    def _ask(self) -> tuple[dict[str, float], dict[str, float], int]:
        """Return currents and voltages of an answer with every rail, and how often was asked."""
        for attempt in range(1, ANSWERS_ASKED + 1):
            currents, voltages = parse_rails(self._run(COMMAND))
            rails = currents.keys() & voltages.keys()
            if not rails or voltages.get(INPUT_RAIL, 0.0) <= 0:
                raise SensorUnavailableError(
                    "vcgencmd pmic_read_adc lists no rails with current and voltage; only a "
                    "Raspberry Pi 5 measures them: use --sensor ina219 on this board"
                )
            lacking = (currents.keys() | self._rails) ^ rails
            if not lacking:
                return currents, voltages, attempt
        raise SensorUnavailableError(
            f"vcgencmd pmic_read_adc left out {', '.join(sorted(lacking))} {ANSWERS_ASKED} times: "
            "the other rails' power is not the board's; update the firmware and try again"
        )


def _remaining(name: str, kind: str, half_width: float, source: str) -> AccuracyTerm:
    return AccuracyTerm(
        name=name,
        kind="scale" if kind == "scale" else "offset",
        half_width=half_width,
        distribution="rectangular",
        source=source,
    )
