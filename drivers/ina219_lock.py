"""Find the phase and the period of a configured INA219, and what clears its ready bit.

The data sheet contradicts itself about the ready bit (section 8.6.3.2: a read of the power
register; section 8.3.1: a read of the status register), and the chip was seen to clear it on a
read of the bus register. So the chip itself is asked, before the first measurement.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from drivers.clock import NS_PER_S
from drivers.conversion_tracker import can_follow
from drivers.errors import ConversionTimeoutError, SensorConfigurationError, WrongDeviceError
from drivers.ina219_link import Ina219Link
from drivers.ina219_registers import Configuration, Register, is_ready
from drivers.protocols import Clock

LOCK_TRIES = 10
"""A busy machine may hold the reader up for a cycle; that try is thrown away."""
LOCK_MIN_CYCLES = 4
LOCK_MIN_S = 0.04
"""Shortest stretch the period is measured over; a poll of 0.1 ms places it to 0.3 %."""
LATE_CYCLES = 3
LATE_S = 0.05
WIDEST_BRACKET = 0.02
"""Share of the period, beside three polls, by which an end may be uncertain."""
PERIOD_TOLERANCE = 0.25
"""A period further than this from the typical one was disturbed or is not this chip's."""

BUS_READ = "bus-read"
POWER_READ = "power-read"
READS = {BUS_READ: 2, POWER_READ: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What was found.

    Attributes:
        end_ns: Estimated end of the last conversion consumed, ns.
        period_ns: Mean time from one conversion to the next, ns.
        transaction_ns: Mean time of one register read, ns.
        cleared_by: Which read clears the ready bit: ``bus-read`` or ``power-read``.
        bus_word: The last bus word.
    """

    end_ns: float
    period_ns: float
    transaction_ns: float
    cleared_by: str
    bus_word: int

    @property
    def reads(self) -> int:
        """Registers to read per conversion: bus and shunt, and power if only that clears."""
        return READS[self.cleared_by]


class LockFinder:
    """Watch the ready bit of a chip that was just configured.

    Args:
        link: The chip.
        clock: Time.
        configuration: What it was configured with.
    """

    def __init__(self, link: Ina219Link, clock: Clock, configuration: Configuration) -> None:
        self._link = link
        self._clock = clock
        self._nominal_ns = configuration.cycle_s * NS_PER_S
        self._shunt_ns = configuration.shunt_s * NS_PER_S
        self._cleared_by = ""
        self._polls = 0
        self._poll_time_ns = 0

    def find(self) -> Lock:
        """Test the ready bit, then time several conversions; all of them are consumed.

        That also discards the first cycles after a change of settings.

        Raises:
            ConversionTimeoutError: The chip does not convert, or not at a steady pace.
            WrongDeviceError: Nothing clears the ready bit.
            SensorConfigurationError: The bus is too slow for the cycle.
            BusError: The bus failed.
        """
        self._poll()
        self._refuse_slow_bus(READS[BUS_READ])
        for _ in range(LOCK_TRIES):
            self._find_what_clears()
            self._refuse_slow_bus(READS[self._cleared_by])
            if (lock := self._time_conversions()) is not None:
                return lock
        raise ConversionTimeoutError(
            f"the INA219 at {self._link.place} does not convert at a steady "
            f"{self._nominal_ns / 1e6:.3g} ms; reduce the load on this machine or average more "
            "samples"
        )

    @property
    def _transaction_ns(self) -> float:
        return self._poll_time_ns / self._polls

    def _refuse_slow_bus(self, reads: int) -> None:
        if can_follow(
            period_ns=self._nominal_ns,
            shunt_ns=self._shunt_ns,
            transaction_ns=self._transaction_ns,
            reads=reads,
        ):
            return
        raise SensorConfigurationError(
            f"one read of the INA219 at {self._link.place} takes {self._transaction_ns / 1e3:.0f} "
            f"µs, too long for a cycle of {self._nominal_ns / 1e6:.2f} ms; average more samples or "
            "set dtparam=i2c_arm_baudrate=400000 in config.txt"
        )

    def _find_what_clears(self) -> None:
        for _ in range(LOCK_TRIES):
            self._cleared_by = POWER_READ
            self._poll()
            self._clear()
            idle_ns, found_ns = self._wait_ready()
            if found_ns - idle_ns > self._widest_bracket_ns:
                continue
            if not self._poll():
                self._cleared_by = BUS_READ
                return
            self._clear()
            still_ready = self._poll()
            # Had a whole cycle passed meanwhile, the bit would be a new conversion's.
            if self._link.ended_ns - found_ns < self._nominal_ns / 2 and not still_ready:
                return
        raise WrongDeviceError(
            f"the device at {self._link.place} never clears its conversion-ready bit; "
            "it is not a working INA219: check the address and the board"
        )

    def _time_conversions(self) -> Lock | None:
        count = max(LOCK_MIN_CYCLES, math.ceil(LOCK_MIN_S * NS_PER_S / self._nominal_ns))
        ends_ns = []
        for _ in range(count + 1):
            idle_ns, ready_ns = self._wait_ready()
            if ready_ns - idle_ns > self._widest_bracket_ns:
                return None
            ends_ns.append((idle_ns + ready_ns) / 2)
            bus_word = self._word
            self._clear()
        period_ns = (ends_ns[-1] - ends_ns[0]) / count
        steps_ns = [later - earlier for earlier, later in itertools.pairwise(ends_ns)]
        allowed_ns = PERIOD_TOLERANCE * self._nominal_ns + self._transaction_ns
        if any(abs(step_ns - self._nominal_ns) > allowed_ns for step_ns in steps_ns):
            return None
        return Lock(
            end_ns=ends_ns[-1],
            period_ns=period_ns,
            transaction_ns=self._transaction_ns,
            cleared_by=self._cleared_by,
            bus_word=bus_word,
        )

    @property
    def _widest_bracket_ns(self) -> float:
        return WIDEST_BRACKET * self._nominal_ns + 3 * self._transaction_ns

    def _wait_ready(self) -> tuple[int, int]:
        """Return the times between which the bit rose: polls without and with it, ns."""
        give_up_ns = self._clock.now_ns() + LATE_CYCLES * self._nominal_ns + LATE_S * NS_PER_S
        idle_ns = 0  # a bit that is set at the first poll may have been so for any time
        while not self._poll():
            idle_ns = self._link.started_ns
            if idle_ns > give_up_ns:
                raise ConversionTimeoutError(
                    f"the INA219 at {self._link.place} finished no conversion in "
                    f"{LATE_CYCLES} cycles; check its supply voltage (3 V to 5.5 V)"
                )
        return idle_ns, self._link.ended_ns

    def _poll(self) -> bool:
        self._word = self._link.read(Register.BUS_VOLTAGE)
        self._polls += 1
        self._poll_time_ns += self._link.ended_ns - self._link.started_ns
        return is_ready(self._word)

    def _clear(self) -> None:
        if self._cleared_by == POWER_READ:
            self._link.read(Register.POWER)
