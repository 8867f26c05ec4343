"""Options that several commands share."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from joulesplit.cli._choices import EdgeChoice, SensorChoice
from joulesplit.cli._number_range import ABOVE_ZERO, COUNT, OWN_WORDS, THREADS
from joulesplit.cli._tokens import warn_of_shown_token
from joulesplit.drivers import SENSOR_KINDS, SIMULATED_KINDS

Command = Callable[..., Any]
InputShapes = Mapping[str, Sequence[int]]
"""Shapes of inputs by name, as ``--input-shape`` states them."""


def i2c_address(text: str) -> int:
    """Return a 7-bit I2C address given as ``0x40`` or ``64``.

    Raises:
        ValueError: It is not a number.
    """
    return int(text, 0)


RESIDUAL, EVERY_CUT = "residual", "every-cut"


def granularity(text: str) -> str:
    """Return a rule for blocks, or their number, as given.

    Raises:
        ValueError: It is neither.
    """
    if text not in (RESIDUAL, EVERY_CUT) and int(text) < 1:
        raise ValueError(text)
    return text


def block_options(default: str | None, told: str) -> Callable[[Command], Command]:
    """Add ``--blocks`` and ``--at``, which say where blocks end.

    Args:
        default: Of ``--blocks``, given to the command as ``granularity``.
        told: What the help says that the default is.
    """
    blocks = click.option(
        "--blocks",
        "granularity",
        type=granularity,
        metavar=f"[{RESIDUAL}|{EVERY_CUT}|N]",
        default=default,
        help=f"Where blocks end, or how many there are.  [default: {told}]",
    )
    at = click.option(
        "--at",
        multiple=True,
        metavar="TENSOR",
        help="End a block here (tensor or layer); repeatable.",
    )
    return lambda command: blocks(at(command))


def input_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Return name and shape of ``NAME=1,224,224,3``.

    Raises:
        ValueError: It is not like that.
    """
    name, equals, sizes = text.rpartition("=")
    if not equals:
        raise ValueError(text)
    return name, tuple(int(size) for size in sizes.split(","))


def _shapes_by_name(
    _context: click.Context,
    option: click.Parameter,
    given: tuple[tuple[str, tuple[int, ...]], ...],
) -> InputShapes:
    names = [name for name, _ in given]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise click.UsageError(f"{option.opts[0]} states {twice} twice: state it once")
    return dict(given)


def input_shape_option(command: Command) -> Command:
    """Add ``--input-shape``; the command gets them as ``input_shapes``."""
    return click.option(
        "--input-shape",
        "input_shapes",
        type=input_shape,
        multiple=True,
        callback=_shapes_by_name,
        metavar="NAME=SHAPE",
        help="Shape of an input that the file leaves open; repeatable.",
    )(command)


def input_shape_words(input_shapes: Mapping[str, Sequence[int]] | None) -> list[str]:
    """Return the words of a command line that state the same shapes."""
    return [
        word
        for name, shape in (input_shapes or {}).items()
        for word in ("--input-shape", f"{name}={','.join(map(str, shape))}")
    ]


KINDS = tuple(kind.name for kind in SENSOR_KINDS)
"""Every value of ``--sensor`` that is built in; plug-ins add their own."""

SENSOR_METAVAR = f"[{'|'.join(KINDS)}|PLUGIN]"


def sensor_name(text: str) -> str:
    """Return the name of a power source, built in or brought by an installed plug-in.

    Raises:
        click.BadParameter: Nothing goes by it.
    """
    if text in KINDS:
        return text
    from joulesplit.drivers import find_plugins

    known = find_plugins()
    if text not in known:
        raise click.BadParameter(f"{text!r} is not one of {', '.join((*KINDS, *known))}")
    return text


_BOARD_FACTS: dict[str, Callable[[Any], Any]] = {
    "address": lambda board: board.addresses[0],
    "shunt_ohm": lambda board: board.shunt_ohm,
    "shunt_tolerance": lambda board: board.shunt_tolerance,
    "grade": lambda board: board.grade,
}

store_option = click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of zeros and spans.  [default: this user's data directory]",
)

_SENSOR_OPTIONS = (
    click.option(
        "--board", help="Take address, shunt and tolerance of this board; see `sensor boards`."
    ),
    click.option("--bus", type=int, default=1, show_default=True, help="I2C bus number."),
    click.option(
        "--address", type=i2c_address, default="0x40", show_default=True, help="I2C address."
    ),
    click.option(
        "--shunt-ohm",
        type=ABOVE_ZERO,
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
        help="Largest current to expect, A; sets the range.  [default: the widest range]",
    ),
    click.option(
        "--bus-range",
        "bus_range_v",
        type=click.Choice(["16", "32"]),
        default="16",
        show_default=True,
        callback=lambda _context, _option, text: int(text),
        help="Range of the bus voltage, V; 32 for rails above 16 V.",
    ),
    click.option("--grade", type=click.Choice(["A", "B"]), help="Grade printed on the INA219."),
    click.option(
        "--rail",
        type=OWN_WORDS,
        default="5 V supply",
        show_default=True,
        help="What the sensor is wired into.",
    ),
    click.option("--trace", type=click.Path(path_type=Path), help="Recording to replay."),
    click.option(
        "--hwmon-chip",
        metavar="NAME",
        help="Of several kernel monitors this one: its name, hwmonN or N; see `doctor`.",
    ),
    click.option(
        "--hwmon-channel",
        metavar="LABEL",
        help="Of its channels this one: its number or its label.",
    ),
    click.option("--seed", type=COUNT, default=1, help="Of the simulated world."),
    click.option(
        "--shunt-samples",
        type=int,
        default=16,
        show_default=True,
        help="Half milliseconds that a reading averages (an INA219's samples): 1, 2, 4 to 128.",
    ),
    click.option(
        "--supply-v",
        type=float,
        default=5.1,
        show_default=True,
        help="Voltage before the shunt, V; for the warning about its drop.",
    ),
    store_option,
)


_DESCRIBING = {"board", "bus", "address", "shunt_ohm", "shunt_tolerance", "peak_current_a",
               "bus_range_v", "grade", "rail", "trace", "hwmon_chip", "hwmon_channel", "seed",
               "shunt_samples", "supply_v"}  # fmt: skip
"""Parameters of these options."""


def gathered(kind: type, name: str) -> Callable[[Command], Command]:
    """Hand a command those options that are fields of a dataclass as one value of it.

    Args:
        kind: The dataclass; each field is called like an option's parameter.
        name: The command's parameter that takes the value.
    """
    fields = [field.name for field in dataclasses.fields(kind)]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_value(*args: Any, **options: Any) -> Any:
            given = {field: options.pop(field) for field in fields}
            return command(*args, **{name: kind(**given)}, **options)

        return with_value

    return decorate


def sensor_options(command: Command) -> Command:
    """Add the sensor options; the command gets them as ``choice: SensorChoice``."""
    return _with_sensor(command, required=True)


def optional_sensor_options(command: Command) -> Command:
    """Do the same for a command that can do without; ``choice`` is None if no sensor is named."""
    return _with_sensor(command, required=False)


_OF_A_SENSOR = (
    *("bus", "address", "shunt_ohm", "shunt_tolerance", "bus_range_v", "grade", "rail", "trace"),
    *("hwmon_chip", "hwmon_channel", "seed", "shunt_samples", "supply_v"),
)
"""Options that a description of a sensor calls the same."""


_OF_AN_INA219 = {
    *("board", "bus", "address", "shunt_ohm", "shunt_tolerance", "peak_current_a", "bus_range_v"),
    *("grade", "rail", "supply_v"),
}
_APPLY_TO = {
    "ina219": {*_OF_AN_INA219, "shunt_samples"},
    "pi-ina219": _OF_AN_INA219,
    "ina226": {*_OF_AN_INA219 - {"bus_range_v", "grade"}, "shunt_samples"},
    "hwmon": {"board", "hwmon_chip", "hwmon_channel", "shunt_ohm", "shunt_tolerance", "rail"},
    "pi5-pmic": set[str](),
    "rapl": set[str](),
    "replay": {"trace"},
    **{kind: {"seed"} for kind in SIMULATED_KINDS},
}
"""Parameters that mean something to a kind of sensor; a plug-in is handed all of them."""


def _refuse_void(kind: str) -> None:
    """Refuse an option that somebody typed and that would change nothing.

    Raises:
        click.UsageError: There is one.
    """
    context = click.get_current_context()
    apply = _APPLY_TO.get(kind)
    for parameter in context.command.params:
        name = parameter.name or ""
        is_typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if apply is not None and is_typed and name in _DESCRIBING and name not in apply:
            raise click.UsageError(
                f"{parameter.opts[0]} means nothing to --sensor {kind}: leave it out, or name the "
                f"sensor it is for ({', '.join(k for k, of in _APPLY_TO.items() if name in of)})"
            )


def _taken(options: dict[str, Any]) -> dict[str, Any]:
    """Take out of a command's options what describes the sensor, and return it."""
    board = options.pop("board")
    given = {name: options.pop(name) for name in _OF_A_SENSOR}
    given["expected_peak_a"] = options.pop("peak_current_a")
    if (store := options.pop("store")) is not None:
        given["records"] = store
    return given if board is None else given | _facts_of(board)


def _with_sensor(command: Command, *, required: bool) -> Command:
    @functools.wraps(command)
    def with_choice(*args: Any, **options: Any) -> Any:
        kind = options.pop("sensor")
        if kind is not None:
            _refuse_void(kind)
        given = _taken(options)
        choice = SensorChoice(kind=kind, **given) if kind is not None else None
        return command(*args, choice=choice, **options)

    for option in reversed(_SENSOR_OPTIONS):
        with_choice = option(with_choice)
    return click.option(
        "--sensor",
        type=sensor_name,
        metavar=SENSOR_METAVAR,
        required=required,
        help="Power source.",
    )(with_choice)


def _facts_of(key: str) -> dict[str, Any]:
    """Return what a board says about options that were not given."""
    from joulesplit.cli._sensor_care import find_board

    board, context = find_board(key), click.get_current_context()
    unstated = {ParameterSource.DEFAULT}
    if context.get_parameter_source("board") is not ParameterSource.DEFAULT_MAP:
        # A board that is typed is another one than the bench's, whose shunt is not its own.
        unstated.add(ParameterSource.DEFAULT_MAP)
    return {
        name: fact(board)
        for name, fact in _BOARD_FACTS.items()
        if context.get_parameter_source(name) in unstated
    }


def server_url(text: str) -> str:
    """Return the URL of an edge server as given.

    Raises:
        click.BadParameter: It is none.
    """
    from joulesplit.edge import checked_url
    from joulesplit.edge.errors import EdgeConfigurationError

    try:
        return checked_url(text)
    except EdgeConfigurationError as error:
        raise click.BadParameter(str(error)) from error


def model_argument(command: Command) -> Command:
    """Add the argument MODEL."""
    return click.argument("model", type=click.Path(path_type=Path))(command)


def optional_model_argument(command: Command) -> Command:
    """Add the argument MODEL to a command that can do without."""
    return click.argument("model", type=click.Path(path_type=Path), required=False)(command)


def edge_options(command: Command) -> Command:
    """Add the options that name the edge server; the command gets ``edge: EdgeChoice``."""

    @functools.wraps(command)
    def with_edge(*args: Any, edge_url: str | None, token: str | None, **options: Any) -> Any:
        return command(*args, edge=EdgeChoice(url=edge_url, token=token), **options)

    with_edge = click.option(
        "--token",
        envvar="JOULESPLIT_TOKEN",
        callback=warn_of_shown_token,
        help="Token of the edge server.",
    )(with_edge)
    return click.option(
        "--edge",
        "edge_url",
        type=server_url,
        metavar="URL",
        help="URL of the edge server, http://HOST:PORT.",
    )(with_edge)


def runtime_options(command: Command) -> Command:
    """Add the options of how a network is run; the command gets ``runtime: RuntimeChoice``."""

    @functools.wraps(command)
    def with_runtime(
        *args: Any, threads: int, xnnpack: bool, input_shapes: InputShapes, **options: Any
    ) -> Any:
        from joulesplit.calibrate.instrument import RuntimeChoice

        runtime = RuntimeChoice(threads=threads, xnnpack=xnnpack, input_shapes=input_shapes)
        return command(*args, runtime=runtime, **options)

    xnnpack_option = click.option(
        "--xnnpack/--no-xnnpack", default=True, show_default=True, help="XNNPACK delegate."
    )
    threads_option = click.option(
        "--threads",
        type=THREADS,
        default=1,
        show_default=True,
        help="Threads per inference.",
    )
    return threads_option(xnnpack_option(input_shape_option(with_runtime)))


class OnceEach(click.Command):
    """A command of which no option with one value may be given twice: the last would win unseen."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse what is given twice, then parse."""
        single = {
            name: option
            for option in self.params
            if isinstance(option, click.Option) and not (option.multiple or option.is_flag)
            for name in option.opts
        }
        typed = [word.split("=", 1)[0] for word in args[: _end(args)]]
        given = [single[word] for word in typed if word in single]
        twice = next((option for option in given if given.count(option) > 1), None)
        if twice is not None:
            raise click.UsageError(f"{twice.opts[0]} is given twice: give it once", ctx)
        return super().parse_args(ctx, args)


def _end(args: list[str]) -> int:
    return args.index("--") if "--" in args else len(args)
