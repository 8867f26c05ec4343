"""The user's bench, remembered: ``joulesplit.toml`` and ``JOULESPLIT_*`` as defaults of options.

What is typed wins over the environment, the environment over the project's file, that over the
user's own file, and that over the program's defaults.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joulesplit.cli._errors import CommandError

FILE_NAME = "joulesplit.toml"
ENVIRONMENT_PREFIX = "JOULESPLIT_"
BENCH_VARIABLE = "JOULESPLIT_BENCH"

BENCH_COMMANDS = ("monitor", "measure", "calibrate", "optimize", "validate", "report", "partition")
"""Commands that a bench gives defaults to."""
SENSOR_COMMANDS = ("zero", "span", "show", "forget")
"""Commands of the group ``sensor`` that it gives defaults to, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a bench.

    Attributes:
        parameters: Names of the options and arguments it is the default of.
        means: What it is, for people.
        read: Makes an option's value of what the file says.
    """

    parameters: tuple[str, ...]
    means: str
    read: Callable[[Any, Path], Any] = lambda value, _: value


def _path(value: Any, folder: Path) -> str:
    """Return a path of a file as it is from here: relative ones start at the file's folder."""
    path = Path(str(value)).expanduser()
    return str(path if path.is_absolute() else folder / path)


def _token(value: Any, folder: Path) -> str:
    path = Path(_path(value, folder))
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CommandError(
            f"token_file {path} cannot be read ({error.strerror}): `joulesplit serve` prints the "
            "token to put there"
        ) from error


def _text(value: Any, folder: Path) -> str:
    del folder
    return str(value)


def _quantity(unit: str) -> Callable[[Any, Path], Any]:
    """Return a reader of numbers as people write them: 0.1, "0.1 ohm", "100m"."""

    def read(value: Any, folder: Path) -> Any:
        del folder
        if not isinstance(value, str):
            return value
        from joulesplit.metrology import read_quantity

        return read_quantity(value, unit)

    return read


KEYS = {
    "sensor": Key(parameters=("sensor",), means="the power source"),
    "board": Key(parameters=("board",), means="the sensor's board"),
    "bus": Key(parameters=("bus",), means="I2C bus number"),
    "address": Key(parameters=("address",), means="I2C address"),
    "shunt_ohm": Key(parameters=("shunt_ohm",), means="shunt resistance", read=_quantity("ohm")),
    "shunt_tolerance": Key(
        parameters=("shunt_tolerance",), means="its relative tolerance", read=_quantity("1")
    ),
    "peak_current_a": Key(
        parameters=("peak_current_a",), means="largest current to expect", read=_quantity("A")
    ),
    "bus_range": Key(parameters=("bus_range_v",), means="range of the bus voltage, V", read=_text),
    "grade": Key(parameters=("grade",), means="grade printed on the INA219"),
    "rail": Key(parameters=("rail",), means="what the sensor is wired into"),
    "hwmon_chip": Key(parameters=("hwmon_chip",), means="kernel monitor"),
    "hwmon_channel": Key(parameters=("hwmon_channel",), means="its channel", read=_text),
    "store": Key(parameters=("store",), means="folder of zeros and spans", read=_path),
    "supply_v": Key(
        parameters=("supply_v",), means="voltage before the shunt", read=_quantity("V")
    ),
    "edge": Key(parameters=("edge_url",), means="URL of the edge server"),
    "token_file": Key(parameters=("token",), means="file with its token", read=_token),
    "model": Key(parameters=("model",), means="the network", read=_path),
    "profile": Key(parameters=("profile_path", "profile"), means="the device profile", read=_path),
    "plan": Key(parameters=("plan_source",), means="how long to measure"),
    "threads": Key(parameters=("threads",), means="threads per inference"),
}
"""Every key of a bench."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSetting:
    """One value that is in force, and where it comes from."""

    key: str
    value: Any
    origin: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedBench:
    """What is remembered.

    Attributes:
        name: Of the bench; None without one.
        settings: Values in force, by key.
    """

    name: str | None = None
    settings: Mapping[str, BenchSetting] = field(default_factory=dict)

    def defaults(self) -> dict[str, Any]:
        """Return the defaults of every command, as click takes them.

        Raises:
            CommandError: A value cannot be read.
        """
        values = {
            parameter: KEYS[setting.key].read(setting.value, setting.folder)
            for setting in self.settings.values()
            for parameter in KEYS[setting.key].parameters
        }
        own = dict.fromkeys(BENCH_COMMANDS, values)
        return own | {"sensor": dict.fromkeys(SENSOR_COMMANDS, values)}


def user_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the user's own file, whether or not it exists."""
    base = environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "joulesplit" / FILE_NAME


def load_bench(
    folder: Path, *, name: str | None = None, environment: Mapping[str, str] = os.environ
) -> RememberedBench:
    """Return the bench that is remembered here.

    Args:
        folder: Project folder.
        name: Of the bench; None takes ``JOULESPLIT_BENCH``, what the file says, or the only one.
        environment: The process's.

    Raises:
        CommandError: A file cannot be read, knows a key or names a bench that there is not.
    """
    wanted = name or environment.get(BENCH_VARIABLE)
    settings: dict[str, BenchSetting] = {}
    found = False
    for path in (user_file(environment), folder / FILE_NAME):
        if path.is_file():
            document = _read(path)
            wanted = wanted or document.get("bench")
            mine = _bench_of(document, wanted, path)
            found = found or mine is not None
            settings |= _settings(mine or {}, path)
    if wanted is not None and not found:
        raise CommandError(
            f"there is no bench '{wanted}' in {folder / FILE_NAME} or {user_file(environment)}: "
            "`joulesplit init` makes one"
        )
    settings |= {setting.key: setting for setting in _from_environment(environment)}
    return RememberedBench(name=wanted, settings=settings)


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    _require_known(document, ("bench", "benches"), path)
    benches = document.get("benches", {})
    if not isinstance(benches, dict) or not all(isinstance(b, dict) for b in benches.values()):
        raise CommandError(f"{path}: benches are tables, as in [benches.kitchen]")
    for bench in benches.values():
        _require_known(bench, tuple(KEYS), path)
    return document


def _require_known(table: Mapping[str, Any], known: tuple[str, ...], path: Path) -> None:
    from difflib import get_close_matches

    for key in table:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            meant = f": did you mean '{near[0]}'?" if near else f"; there are {', '.join(known)}"
            raise CommandError(f"{path}: there is no key '{key}'{meant}")


def _bench_of(document: Mapping[str, Any], wanted: str | None, path: Path) -> dict[str, Any] | None:
    """Return the bench of that name in a file, or its only one if none is named."""
    benches: dict[str, dict[str, Any]] = document.get("benches", {})
    if wanted is not None:
        return benches.get(wanted)
    if len(benches) > 1:
        raise CommandError(
            f"{path} has the benches {', '.join(benches)}: name one with --bench, "
            f'{BENCH_VARIABLE}, or bench = "…" at the top of the file'
        )
    return next(iter(benches.values()), None)


def _settings(bench: Mapping[str, Any], path: Path) -> dict[str, BenchSetting]:
    return {
        key: BenchSetting(key=key, value=value, origin=str(path), folder=path.parent)
        for key, value in bench.items()
    }


def _from_environment(environment: Mapping[str, str]) -> Iterator[BenchSetting]:
    for key in KEYS:
        variable = f"{ENVIRONMENT_PREFIX}{key.upper()}"
        if environment.get(variable):
            yield BenchSetting(
                key=key, value=environment[variable], origin=variable, folder=Path.cwd()
            )
