"""Power monitors that a kernel driver already reads: ``/sys/class/hwmon``.

Interface: kernel documentation, hwmon/sysfs-interface: currents in mA, voltages in mV, powers in
µW, energies in µJ. An energy counter is read where the chip has one, since no load escapes it;
else the finer of its power and the product of current and voltage, point samples both.
"""

from __future__ import annotations

from math import copysign
from pathlib import Path

from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers._hwmon_bounds import CHIP_BOUNDS, ChipBounds, bounds_terms
from joulesplit.drivers._hwmon_choice import choose_channel, choose_chip, stated_shunt_ohm
from joulesplit.drivers._hwmon_tree import HWMON_ROOT, HwmonChip
from joulesplit.drivers._polled_sensor import JOULE_PER_UJ, POWER_ONLY_VOLTAGE_V, PolledSensor
from joulesplit.drivers._polling import Ticker
from joulesplit.drivers.errors import SensorConfigurationError, SensorUnavailableError
from joulesplit.drivers.ina2xx import Circuit, accuracy_terms, ina219_limits
from joulesplit.drivers.ina219 import POWER_ON_CONFIGURATION, decode_configuration
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import AccuracyTerm, Reading, ReadingFlag, SensorDescription

AMPERE_PER_MA = 1e-3
VOLT_PER_MV = 1e-3
WATT_PER_UW = 1e-6
S_PER_MS = 1e-3
INA219_NAMES = ("ina219", "ina220")
"""The INA220 is an INA219 whose bus voltage has a pin of its own."""
PEAK_CURRENT_A = 3.0  # of a Raspberry Pi 5, as the kernel asks nobody for the largest current

PAIRING_LOOKS = 5
"""Looks at power, current and voltage until they count as contradicting each other: they are of
three moments, between which a load may step."""
LARGEST_MISFIT, LARGEST_MISFIT_W = 0.1, 0.05
"""Between power and product of current and voltage: relative, and in steps of either."""


class HwmonSensor(PolledSensor):
    """A channel of a hwmon chip, read at even intervals.

    Each reading is a point sample; where the chip counts energy, the mean since the last one.

    Args:
        clock: Time.
        chip: Name, directory name (``hwmon2``) or number of the chip; None takes the only one.
        channel: Number or label of its channel; None takes the only one.
        root: Where the chips are.
        interval_s: From one reading to the next, s; longer where the chip itself takes longer.
        scale_tolerance: Relative tolerance of the power: the shunt's for a chip whose data sheet
            is known, otherwise what the maker of the board states.
        shunt_ohm: The shunt on the board, ohm; a driver that takes it for another is refused. None
            trusts what the driver was told.
        rail: What it is wired into.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        chip: str | None = None,
        channel: str | None = None,
        root: Path = HWMON_ROOT,
        interval_s: float = 0.05,
        scale_tolerance: float,
        shunt_ohm: float | None = None,
        rail: str = "5 V supply",
    ) -> None:
        super().__init__(clock=clock, interval_s=interval_s)
        self._wanted = chip
        self._wanted_channel = channel
        self._root = root
        self._scale_tolerance = scale_tolerance
        self._stated_ohm = shunt_ohm
        self._rail = rail
        self._chip: HwmonChip | None = None

    @property
    def description(self) -> SensorDescription:
        """What the sensor measures and how good it is; final once the sensor is open."""
        chip = self._chip
        name = chip.name if chip else (self._wanted or "not opened")
        source = self._source if chip else None
        return SensorDescription(
            kind="hwmon",
            name=f"kernel power monitor {name}",
            rail=self._rail,
            includes="what flows through the monitor's shunt, as its kernel driver computes it",
            simulated=False,
            modelled=False,
            cycle_s=self._interval_s,
            observed_fraction=self._observed_fraction(),
            voltage_resolution_v=VOLT_PER_MV,
            current_resolution_a=AMPERE_PER_MA,
            full_scale_a=float("inf"),
            accuracy=self._accuracy(),
            settings={
                "chip": name,
                "directory": str(chip.directory) if chip else None,
                "channel": self._channel.title if chip else self._wanted_channel,
                "source": source,
                "shunt_ohm": self._shunt_ohm if chip else None,
                "power_only": chip is not None and self._channel.voltage is None,
            },
        )

    def _open(self) -> None:
        chip = choose_chip(self._root, self._wanted)
        channel = choose_channel(chip, self._wanted_channel)
        self._shunt_ohm = stated_shunt_ohm(chip, channel, self._stated_ohm, CHIP_BOUNDS)
        self._chip, self._channel = chip, channel
        self._keep_to_the_chips_pace()
        self._rail_v = self._live_rail_v()
        self._check_pairing()
        self._source = self._best_source()

    def _keep_to_the_chips_pace(self) -> None:
        """Read no more often than the chip has something new."""
        assert self._chip is not None
        if (self._chip.directory / "update_interval").is_file():
            pace_s = self._number("update_interval") * S_PER_MS
            self._interval_s = max(self._interval_s, pace_s)
            self._pacer = Ticker(self._clock, self._interval_s)

    def _live_rail_v(self) -> float:
        if self._channel.voltage is None:
            return POWER_ONLY_VOLTAGE_V
        rail_v = self._number(self._channel.voltage) * VOLT_PER_MV
        if rail_v <= 0:
            raise SensorConfigurationError(
                f"{self._place(self._channel.voltage)} shows {rail_v:g} V: no power can be "
                "measured there; see that the rail is on and that the chip's bus voltage pin is "
                "on the load's side of the shunt"
            )
        return rail_v

    def _check_pairing(self) -> None:
        """Hold the power against current times voltage, which tells a wrong voltage by itself."""
        channel = self._channel
        if channel.power is None or channel.current is None or channel.voltage is None:
            return
        for _ in range(PAIRING_LOOKS):
            power_w = self._number(channel.power) * WATT_PER_UW
            product_w = abs(self._current_a()) * self._number(channel.voltage) * VOLT_PER_MV
            if abs(power_w - product_w) <= LARGEST_MISFIT * power_w + LARGEST_MISFIT_W:
                return
            self._clock.sleep_until_ns(self._clock.now_ns() + round(self._interval_s * NS_PER_S))
        raise SensorConfigurationError(
            f"{self._place(channel.power)} says {power_w:.3f} W, {channel.current} times "
            f"{channel.voltage} is {product_w:.3f} W: they are not of one rail; choose another "
            "channel with --hwmon-channel, or report what this driver shows"
        )

    def _best_source(self) -> str:
        """Return what powers are taken from: ``energy``, ``power`` or ``product``."""
        channel, bounds = self._channel, self._bounds
        if channel.energy is not None and self._counts(channel.energy):
            return "energy"
        if channel.power is None:
            return "product"
        if channel.voltage is None or channel.current is None:
            return "power"
        if self._chip is not None and self._chip.name in INA219_NAMES:
            return "product"  # its power register cuts off up to 20 steps of the current
        step_w = bounds.power_step_w(self._shunt_ohm) if bounds and self._shunt_ohm else None
        return "product" if step_w is not None and step_w > self._product_step_w() else "power"

    def _counts(self, file: str) -> bool:
        """Say whether an energy counter counts; remember where it stands."""
        before_uj = self._number(file)
        pause_ns = round(2 * self._interval_s * NS_PER_S)
        self._clock.sleep_until_ns(self._clock.now_ns() + pause_ns)
        self._counted_uj, self._counted_ns = self._number(file), self._clock.now_ns()
        return self._counted_uj > before_uj

    @property
    def _bounds(self) -> ChipBounds | None:
        return CHIP_BOUNDS.get(self._chip.name) if self._chip else None

    def _product_step_w(self) -> float:
        step_a = AMPERE_PER_MA
        if self._bounds and self._shunt_ohm:
            step_a = max(step_a, self._bounds.current_step_a(self._shunt_ohm))
        return step_a * self._rail_v

    def _observed_fraction(self) -> float:
        """Return the observed share; 0 where nobody says how long the chip averages."""
        if self._chip is None or self._chip.name not in INA219_NAMES:
            return 0.0
        return min(1.0, decode_configuration(POWER_ON_CONFIGURATION).shunt_s / self._interval_s)

    def _accuracy(self) -> tuple[AccuracyTerm, ...]:
        chip = self._chip
        if chip is not None and self._shunt_ohm and chip.name in INA219_NAMES:
            power_on = decode_configuration(POWER_ON_CONFIGURATION)
            return accuracy_terms(
                Circuit(
                    limits=ina219_limits(None, power_on.gain.divider),
                    shunt_ohm=self._shunt_ohm,
                    shunt_tolerance=self._scale_tolerance,
                    peak_current_a=PEAK_CURRENT_A,
                    bus_voltage_v=self._rail_v,
                )
            )
        if self._bounds and self._shunt_ohm:
            is_product = self._source == "product"
            return bounds_terms(
                self._bounds,
                shunt_ohm=self._shunt_ohm,
                shunt_tolerance=self._scale_tolerance,
                bus_v=self._rail_v,
                file_step_w=AMPERE_PER_MA * self._rail_v if is_product else 0.0,
                counts_energy=self._source == "energy",
            )
        return self._stated_accuracy()

    def _stated_accuracy(self) -> tuple[AccuracyTerm, ...]:
        return (
            AccuracyTerm(
                name="stated accuracy",
                kind="scale",
                half_width=self._scale_tolerance,
                distribution="rectangular",
                source="given by the user",
            ),
        )

    def _sample(self, flags: ReadingFlag) -> Reading:
        reading = {
            "energy": self._mean_since_last,
            "power": self._power_now,
            "product": self._product_now,
        }[self._source](flags)
        if not any(reading.raw):
            self._refuse_switched_off()
        return reading

    def _product_now(self, flags: ReadingFlag) -> Reading:
        channel = self._channel
        assert channel.current is not None
        assert channel.voltage is not None
        current_ma, voltage_mv = self._number(channel.current), self._number(channel.voltage)
        return self._reading(
            (current_ma, voltage_mv), voltage_mv * VOLT_PER_MV, current_ma * AMPERE_PER_MA, flags
        )

    def _power_now(self, flags: ReadingFlag) -> Reading:
        channel = self._channel
        assert channel.power is not None
        power_uw = self._number(channel.power)
        return self._of_power(power_uw * WATT_PER_UW, (power_uw,), flags)

    def _of_power(self, power_w: float, raw: tuple[int, ...], flags: ReadingFlag) -> Reading:
        """Return a power as voltage and current; the sign, which powers lack, is the current's."""
        channel = self._channel
        if channel.voltage is None:
            return self._reading(raw, POWER_ONLY_VOLTAGE_V, power_w / POWER_ONLY_VOLTAGE_V, flags)
        voltage_mv = self._number(channel.voltage)
        raw, voltage_v = (*raw, voltage_mv), voltage_mv * VOLT_PER_MV
        current_a = self._current_a() if channel.current else power_w
        if voltage_v > 0:
            current_a = copysign(power_w, current_a) / voltage_v
        return self._reading(raw, voltage_v, current_a, flags)

    def _mean_since_last(self, flags: ReadingFlag) -> Reading:
        """Return the mean since the last reading; a late one is a longer mean and no gap."""
        channel = self._channel
        assert channel.energy is not None
        count_uj, now_ns = self._number(channel.energy), self._clock.now_ns()
        step_uj, duration_s = count_uj - self._counted_uj, (now_ns - self._counted_ns) / NS_PER_S
        self._counted_uj, self._counted_ns = count_uj, now_ns
        if step_uj < 0:  # it wrapped round or was reset: at what count, nobody says
            now = self._power_now if channel.power else self._product_now
            return now(flags | ReadingFlag.GAP_BEFORE)
        power_w = step_uj * JOULE_PER_UJ / duration_s
        return self._of_power(power_w, (step_uj,), flags & ~ReadingFlag.GAP_BEFORE)

    def _reading(
        self, raw: tuple[int, ...], voltage_v: float, current_a: float, flags: ReadingFlag
    ) -> Reading:
        return Reading(
            t_ns=self._clock.now_ns(),
            raw=raw,
            voltage_v=voltage_v,
            current_a=current_a,
            flags=flags,
        )

    def _current_a(self) -> float:
        assert self._channel.current is not None
        return self._number(self._channel.current) * AMPERE_PER_MA

    def _refuse_switched_off(self) -> None:
        assert self._chip is not None
        if not self._chip.is_on(self._channel):
            choose_channel(self._chip, str(self._channel.number))  # which says how to switch it on

    def _number(self, file: str) -> int:
        try:
            return int(self._place(file).read_text())
        except (OSError, ValueError) as error:
            self._refuse_switched_off()
            raise SensorUnavailableError(
                f"{self._place(file)} cannot be read ({error}); is the chip still powered and its "
                "driver bound?"
            ) from error

    def _place(self, file: str) -> Path:
        assert self._chip is not None
        return self._chip.directory / file
