"""``joulesplit validate``: run chosen splits end to end, measured beside predicted."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from joulesplit.cli._errors import CommandError
from joulesplit.cli._number_range import ONE_OR_MORE
from joulesplit.cli._options import (
    edge_options,
    gathered,
    input_shape_words,
    model_argument,
    runtime_options,
    sensor_options,
)
from joulesplit.cli._output import note, shown_options
from joulesplit.cli._sending import SendingChoice, sending_options, usage_sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joulesplit.calibrate.campaign import SplitValidation
    from joulesplit.calibrate.instrument import Instrument, RuntimeChoice
    from joulesplit.calibrate.profile import DeviceProfile
    from joulesplit.cli._choices import EdgeChoice, SensorChoice
    from joulesplit.cli._output import Shown
    from joulesplit.optimizer import Candidate, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitsAsked:
    """Which splits are run, and how they are used.

    Attributes:
        splits: As l or names of blocks; empty for the best one.
        uploads_per_burst: The prediction is for so many.
    """

    splits: tuple[str, ...]
    uploads_per_burst: float


@click.command("validate")
@model_argument
@click.option(
    "--profile",
    "profile_path",
    type=click.Path(path_type=Path),
    required=True,
    help="Device profile.",
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    metavar="L|BLOCK",
    help="Split to run; the best one if not given; repeatable.",
)
@click.option(
    "--uploads-per-burst",
    type=ONE_OR_MORE,
    default=1.0,
    show_default=True,
    help="Predict with so many uploads sharing the radio's wake-up and tail.",
)
@sending_options
@gathered(SendingChoice, "sending")
@gathered(SplitsAsked, "asked")
@sensor_options
@edge_options
@runtime_options
@shown_options
def command(
    *,
    model: Path,
    profile_path: Path,
    asked: SplitsAsked,
    sending: SendingChoice,
    choice: SensorChoice,
    edge: EdgeChoice,
    runtime: RuntimeChoice,
    shown: Shown,
) -> int:
    """Run splits of MODEL for real and hold their energy against the profile's prediction.

    The head runs here, the tail on the edge server, the result comes back and is compared with
    the whole network's. Exit code 6 if an energy is off by more than chance alone makes in one of
    1000 runs, or a result is another one.
    """
    from joulesplit.cli._profiles import examined_profile
    from joulesplit.cli._wiring import require_live
    from joulesplit.optimizer import require_accepted

    require_live(choice)
    usage = _usage(asked.uploads_per_burst)
    profile = examined_profile(profile_path)
    require_accepted(profile)
    _look(profile, choice)
    with _instrument(model, choice, edge, runtime, profile) as instrument:
        validations = _validated(instrument, profile, asked.splits, usage, sending)
    return _finish(validations, profile, model, runtime, shown=shown)


@contextmanager
def _instrument(
    model: Path,
    choice: SensorChoice,
    edge: EdgeChoice,
    runtime: RuntimeChoice,
    profile: DeviceProfile,
) -> Iterator[Instrument]:
    """Yield the device with its sensor and a server, at the blocks that a profile knows."""
    from joulesplit.calibrate.instrument import EdgeAddress, Instrument
    from joulesplit.cli._device import device_of
    from joulesplit.cli._server_process import edge_server

    shapes = runtime.input_shapes
    with (
        edge_server(edge.url, model, choice, xnnpack=runtime.xnnpack, input_shapes=shapes) as url,
        Instrument(
            model,
            device_of(choice),
            EdgeAddress(url=url, token=edge.token),
            runtime=runtime,
            cut=_cut(profile),
        ) as instrument,
    ):
        yield instrument


def _look(profile: DeviceProfile, choice: SensorChoice) -> None:
    """Look at the sensor before anything is started."""
    from joulesplit.cli._wiring import try_sensor

    _require_same_kind(profile, choice)
    try_sensor(choice)


def _validated(
    instrument: Instrument,
    profile: DeviceProfile,
    splits: tuple[str, ...],
    usage: Usage,
    sending: SendingChoice,
) -> tuple[SplitValidation[Candidate], ...]:
    from joulesplit.cli._partitioning import split_of
    from joulesplit.cli.measuring import validate, warn_of_load

    network = instrument.network
    chosen = tuple(split_of(text, network.blocks) for text in splits)
    usage, refusals = usage_sent(usage, sending, network.model, network.blocks, profile)
    for refusal in refusals:
        note(refusal)
    warn_of_load()
    return validate(instrument, profile, chosen, usage)


def _usage(uploads_per_burst: float) -> Usage:
    from joulesplit.optimizer import Usage

    usage = Usage(uploads_per_burst=uploads_per_burst)
    usage.require_sensible()
    return usage


def _cut(profile: DeviceProfile) -> tuple[int, ...] | Literal["residual"]:
    """Return where the profile's blocks end; of one without blocks, the usual places."""
    return tuple(block.last_operator for block in profile.compute.blocks) or "residual"


def _require_same_kind(profile: DeviceProfile, choice: SensorChoice) -> None:
    """Refuse to hold a simulated figure against a measured one."""
    from joulesplit.drivers import SIMULATED_KINDS

    if profile.simulated != (choice.kind in SIMULATED_KINDS):
        raise CommandError(
            f"the profile is {profile.source} but --sensor is {choice.kind}: validate a profile "
            "with the kind of sensor that made it"
        )


def _sensor_kind(profile: DeviceProfile) -> str:
    """Return the sensor to measure with again: the profile's own kind."""
    return profile.sensor.kind if profile.sensor else "SENSOR"


def _again(model: Path, profile: DeviceProfile, runtime: RuntimeChoice) -> str:
    """Return the command that measures the profile anew."""
    words = ["joulesplit", "calibrate", str(model), *input_shape_words(runtime.input_shapes)]
    return shlex.join([*words, "--sensor", _sensor_kind(profile), "-o", "again.json"])


def _finish(
    validations: tuple[SplitValidation[Candidate], ...],
    profile: DeviceProfile,
    model: Path,
    runtime: RuntimeChoice,
    *,
    shown: Shown,
) -> int:
    from joulesplit.cli._exit_codes import ExitCode
    from joulesplit.cli._output import emit_page
    from joulesplit.cli.report import origin_of
    from joulesplit.cli.report.terminal import validation_ending, validation_page

    passed = all(validation.passed for validation in validations)
    document = {
        "simulated": profile.simulated,
        "passed": passed,
        "difference_bound_level": 0.95,
        "splits": validations,
    }
    ending = validation_ending(validations, again=_again(model, profile, runtime))
    emit_page(
        shown,
        document,
        lambda: validation_page(validations, origin_of(profile), model.name, ending=ending),
    )
    return int(ExitCode.OK if passed else ExitCode.MEASUREMENT)
