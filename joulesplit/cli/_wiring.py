"""The composition root: the one place that chooses a power source, real or simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joulesplit.cli._choices import SensorChoice
from joulesplit.cli._errors import CommandError
from joulesplit.drivers import SIMULATED_KINDS
from joulesplit.drivers.readings import REPLAY_KIND

if TYPE_CHECKING:
    from joulesplit.calibrate.sampling import SensorFactory


def require_live(choice: SensorChoice) -> None:
    """Refuse a recording where work that runs now is to be measured.

    Raises:
        CommandError: It is one.
    """
    if choice.kind == REPLAY_KIND:
        raise _not_live("--sensor replay")


def _not_live(what: str) -> CommandError:
    return CommandError(
        f"{what} delivers readings of another time, which say nothing of work that runs now: it "
        "is for `joulesplit monitor`; measure with a sensor that is wired in"
    )


def try_sensor(choice: SensorChoice) -> None:
    """Open the chosen sensor and close it again, so that what is wrong with it shows first.

    What is worth knowing about its wiring goes to standard error.

    Raises:
        SensorRequestError: An option is missing, or it replays a recording.
        SensorError: The source is not there, or is not what it should be.
    """
    if choice.kind not in SIMULATED_KINDS:
        give_advice(choice)
        with choice() as sensor:
            if sensor.description.replayed:
                raise _not_live(f"--sensor {choice.kind}")


def give_advice(choice: SensorChoice) -> None:
    """Say on standard error what to know about the chosen wiring before measuring."""
    from joulesplit.cli._output import note
    from joulesplit.cli._sensor_care import advice_of

    for line in advice_of(choice):
        note(f"warning: {line}")


def sensor_factory(choice: SensorChoice) -> SensorFactory:
    """Return a picklable maker of the chosen sensor.

    For a simulated kind it is an idle world: nothing but the commands that also simulate the work
    can make it do any.
    """
    if choice.kind in SIMULATED_KINDS:
        from joulesplit._simulation import world_from_now
        from joulesplit.drivers import MonotonicClock

        chip = SIMULATED_KINDS[choice.kind]
        return world_from_now(choice.seed, MonotonicClock(), chip=chip).sensor_factory
    choice.check()
    return choice
