"""The seam between an instrument and the device it measures, real or simulated."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from joulesplit.calibrate.environment import Conditions, Machine, snapshot
from joulesplit.calibrate.profile import SimulatedTruth, TunedSetting
from joulesplit.calibrate.workloads import DeviceActivity, RealActivity

if TYPE_CHECKING:
    from joulesplit.calibrate.sampling import SensorFactory
    from joulesplit.drivers.protocols import Clock
    from joulesplit.partition import Block


@runtime_checkable
class DeviceUnderTest(Protocol):
    """A device to measure: its power sensor, its time, and what is known of it.

    There is a real one, ``RealDevice``, and a simulated one, which only whoever puts a program
    together can make: an instrument is handed one or the other and does not ask which.
    """

    @property
    def clock(self) -> Clock:
        """Time of its workloads."""

    @property
    def sensor_factory(self) -> SensorFactory:
        """The maker of its power sensor, unopened; picklable while a process is spawned."""

    @property
    def machine(self) -> Machine:
        """The machine that runs the work, to be described."""

    @property
    def tuned(self) -> tuple[TunedSetting, ...]:
        """What was set on the machine for the measurement."""

    @property
    def link_rate_bit_per_s(self) -> float | None:
        """What its link takes at most, bit/s; None for a real one, which finds its own."""

    @property
    def temperature_c(self) -> float | None:
        """Of its processor now, °C; None if unknown."""

    def activity(self, blocks: Sequence[Block]) -> DeviceActivity:
        """Return who is told what the device is about to do with a network's blocks."""

    def conditions(self, interface: str | None, *, thorough: bool) -> Conditions | None:
        """Return the machine's state now; None where the device is not that machine.

        Args:
            interface: Whose traffic to count; None for none.
            thorough: Run commands too, which take time: before and after, not between windows.
        """

    def truth(self, blocks: Sequence[Block], rate_bit_per_s: float) -> SimulatedTruth | None:
        """Return what it really costs; None for anything that has to be measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealDevice:
    """The machine that this program runs on, under a real power sensor.

    Attributes:
        sensor_factory: Makes its power sensor, unopened; picklable.
        clock: Of the workloads; CLOCK_MONOTONIC, as the sensor's.
        machine: The machine.
        tuned: What was set on it for the measurement.
    """

    sensor_factory: SensorFactory
    clock: Clock
    machine: Machine = field(default_factory=Machine)
    tuned: tuple[TunedSetting, ...] = ()

    @property
    def link_rate_bit_per_s(self) -> None:
        """Nothing limits a real link but itself."""
        return

    @property
    def temperature_c(self) -> float | None:
        """Of the processor now, °C; None if unknown."""
        return self.machine.temperature_c

    def activity(self, blocks: Sequence[Block]) -> DeviceActivity:
        """Return nobody: power follows the work by itself."""
        del blocks
        return RealActivity()

    def conditions(self, interface: str | None, *, thorough: bool) -> Conditions:
        """Return the machine's state now, without what this process itself takes of it."""
        own = (os.getpid(),)
        return snapshot(self.machine, interface=interface, own_processes=own, thorough=thorough)

    def truth(self, blocks: Sequence[Block], rate_bit_per_s: float) -> None:
        """Return None: nobody knows it."""
        del blocks, rate_bit_per_s
