"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from joulesplit.wiring import KINDS, EdgeChoice, SensorChoice

Command = Callable[..., Any]


def i2c_address(text: str) -> int:
    """Return a 7-bit I2C address given as ``0x40`` or ``64``.

    Raises:
        ValueError: It is not a number.
    """
    return int(text, 0)


_SENSOR_OPTIONS = (
    click.option("--sensor", type=click.Choice(KINDS), required=True, help="Power source."),
    click.option("--bus", type=int, default=1, show_default=True, help="I2C bus number."),
    click.option(
        "--address", type=i2c_address, default="0x40", show_default=True, help="I2C address."
    ),
    click.option(
        "--shunt-ohm",
        type=click.FloatRange(min=0, min_open=True),
        help="Shunt resistance, ohm (R100 is 0.1).",
    ),
    click.option(
        "--shunt-tolerance",
        type=float,
        default=0.01,
        show_default=True,
        help="Relative tolerance of the shunt.",
    ),
    click.option(
        "--peak-current-a",
        type=float,
        default=1.5,
        show_default=True,
        help="Largest current to expect, A; sets the range.",
    ),
    click.option("--grade", type=click.Choice(["A", "B"]), help="Grade printed on the INA219."),
    click.option(
        "--rail", default="5 V supply", show_default=True, help="What the sensor is wired into."
    ),
    click.option("--trace", type=click.Path(path_type=Path), help="Recording to replay."),
    click.option("--seed", type=int, default=1, show_default=True, help="Of the simulated world."),
)


def sensor_options(command: Command) -> Command:
    """Add the sensor options; the command gets them as ``choice: SensorChoice``."""

    @functools.wraps(command)
    def with_choice(*args: Any, **options: Any) -> Any:
        choice = SensorChoice(
            kind=options.pop("sensor"),
            **{
                name: options.pop(name)
                for name in (
                    "bus",
                    "address",
                    "shunt_ohm",
                    "shunt_tolerance",
                    "peak_current_a",
                    "grade",
                    "rail",
                    "trace",
                    "seed",
                )
            },
        )
        return command(*args, choice=choice, **options)

    for option in reversed(_SENSOR_OPTIONS):
        with_choice = option(with_choice)
    return with_choice


def model_argument(command: Command) -> Command:
    """Add the argument MODEL."""
    return click.argument("model", type=click.Path(path_type=Path))(command)


def edge_options(command: Command) -> Command:
    """Add the options that name the edge server; the command gets ``edge: EdgeChoice``."""

    @functools.wraps(command)
    def with_edge(*args: Any, edge_url: str | None, token: str | None, **options: Any) -> Any:
        return command(*args, edge=EdgeChoice(url=edge_url, token=token), **options)

    with_edge = click.option(
        "--token", envvar="JOULESPLIT_TOKEN", help="Token of the edge server."
    )(with_edge)
    return click.option("--edge", "edge_url", help="URL of the edge server, http://HOST:PORT.")(
        with_edge
    )


def runtime_options(command: Command) -> Command:
    """Add the interpreter's options; the command gets them as ``runtime: RuntimeChoice``."""

    @functools.wraps(command)
    def with_runtime(*args: Any, threads: int, xnnpack: bool, **options: Any) -> Any:
        from joulesplit.network_bench import RuntimeChoice

        runtime = RuntimeChoice(threads=threads, xnnpack=xnnpack)
        return command(*args, runtime=runtime, **options)

    with_runtime = click.option(
        "--xnnpack/--no-xnnpack", default=True, show_default=True, help="XNNPACK delegate."
    )(with_runtime)
    return click.option(
        "--threads",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Threads per inference.",
    )(with_runtime)
