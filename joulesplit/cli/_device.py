"""What is measured: this machine under the chosen sensor, or a simulated board."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joulesplit.cli._choices import SensorChoice
from joulesplit.cli._wiring import sensor_factory
from joulesplit.drivers import SIMULATED_KINDS

if TYPE_CHECKING:
    from joulesplit.calibrate.environment import Machine
    from joulesplit.calibrate.instrument import DeviceUnderTest
    from joulesplit.calibrate.profile import TunedSetting


def device_of(
    choice: SensorChoice, machine: Machine | None = None, tuned: tuple[TunedSetting, ...] = ()
) -> DeviceUnderTest:
    """Return what the chosen sensor measures: this machine, or a simulated board.

    Args:
        choice: The sensor.
        machine: The machine that the work runs on; None for this one as it is.
        tuned: What was set on it for the measurement.

    Raises:
        SensorRequestError: An option is missing.
    """
    from joulesplit.calibrate.environment import Machine
    from joulesplit.calibrate.instrument import RealDevice
    from joulesplit.drivers import MonotonicClock

    machine, clock = machine or Machine(), MonotonicClock()
    if choice.kind in SIMULATED_KINDS:
        from joulesplit._simulation import world_from_now

        chip = SIMULATED_KINDS[choice.kind]
        return world_from_now(choice.seed, clock, machine=machine, tuned=tuned, chip=chip)
    return RealDevice(
        sensor_factory=sensor_factory(choice), clock=clock, machine=machine, tuned=tuned
    )
