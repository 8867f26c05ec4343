"""The Raspberry Pi 5's power-management chip, read through ``vcgencmd pmic_read_adc``.

It lists a current and a voltage for each of its output rails. What hangs on 5 V directly (USB,
HATs, NVMe) and the losses of its converters are in none of them: an estimate of the board's power.
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
# One board fitted against a USB meter gave P = 1.1451·P_rails + 0.5879 W (jfikar/RPi5-power);
# the figures bound what this estimate leaves out, they do not correct it.
LEFT_OUT_SCALE = 0.1451
LEFT_OUT_W = 0.5879
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

    @property
    def description(self) -> SensorDescription:
        """What the sensor measures and how good it is."""
        source = "fit of one Raspberry Pi 5 against a USB meter, github.com/jfikar/RPi5-power"
        return SensorDescription(
            kind="pi5-pmic",
            name="Raspberry Pi 5 power-management chip",
            rail="outputs of the power-management chip",
            includes="the chip's output rails; leaves out its converters' losses and what hangs "
            "on 5 V directly (USB, HATs, NVMe)",
            simulated=False,
            modelled=True,
            cycle_s=self._interval_s,
            observed_fraction=0.0,
            voltage_resolution_v=1e-6,
            current_resolution_a=1e-6,
            full_scale_a=float("inf"),
            accuracy=(
                _left_out("converter losses left out", "scale", LEFT_OUT_SCALE, source),
                _left_out("5 V loads left out", "offset", LEFT_OUT_W, source),
            ),
            settings={"command": " ".join(COMMAND)},
        )

    def _open(self) -> None:
        self._power_and_input()

    def _sample(self, flags: ReadingFlag) -> Reading:
        power_w, input_v = self._power_and_input()
        return Reading(
            t_ns=self._clock.now_ns(),
            raw=(),
            voltage_v=input_v,
            current_a=power_w / input_v,
            flags=flags,
        )

    def _power_and_input(self) -> tuple[float, float]:
        currents, voltages = parse_rails(self._run(COMMAND))
        rails = currents.keys() & voltages.keys()
        input_v = voltages.get(INPUT_RAIL, 0.0)
        if not rails or input_v <= 0:
            raise SensorUnavailableError(
                "vcgencmd pmic_read_adc lists no rails with current and voltage; only a "
                "Raspberry Pi 5 measures them: use --sensor ina219 on this board"
            )
        return sum(currents[rail] * voltages[rail] for rail in rails), input_v


def _left_out(name: str, kind: str, half_width: float, source: str) -> AccuracyTerm:
    return AccuracyTerm(
        name=name,
        kind="scale" if kind == "scale" else "offset",
        half_width=half_width,
        distribution="rectangular",
        source=source,
    )
