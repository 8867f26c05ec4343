"""``joulesplit init``: find sensor and server, try both, and remember them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from joulesplit.cli._errors import CommandError
from joulesplit.cli._number_range import OWN_WORDS
from joulesplit.cli._options import edge_options, optional_sensor_options
from joulesplit.cli._output import emit, json_option, note

if TYPE_CHECKING:
    from joulesplit.cli._choices import EdgeChoice, SensorChoice
    from joulesplit.cli.report import Page

LOOK_S = 1.0
"""How long the sensor is read, s: some hundred conversions."""

_OF_KEY = {
    "peak_current_a": "expected_peak_a",
    "bus_range": "bus_range_v",
    "store": "records",
}
"""What a sensor's description calls keys of a bench, where that differs."""

PROBE_BYTES = 100_000
"""What is uploaded to try the server."""

MARKING = """\
Every joule depends on the shunt, the small flat resistor between VIN+ and VIN-.
Read what is printed on it:  R100 is 0.1 ohm   R010 is 0.01 ohm   R050 is 0.05 ohm
(R stands for the decimal point). `joulesplit sensor boards` lists boards by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of trying.

    Attributes:
        power_w: Mean power that the sensor read, W; None if none was tried.
        upload_s: Time of one upload, s; None if no server was tried.
    """

    power_w: float | None = None
    upload_s: float | None = None


@click.command("init")
@optional_sensor_options
@edge_options
@click.option("--model", type=click.Path(path_type=Path), help="Your network, a .tflite file.")
@click.option(
    "--name", type=OWN_WORDS, default="bench", show_default=True, help="What to call the bench."
)
@click.option("--force", is_flag=True, help="Replace a joulesplit.toml that is there.")
@json_option
def command(
    *,
    choice: SensorChoice | None,
    edge: EdgeChoice,
    model: Path | None,
    name: str,
    force: bool,
    as_json: bool,
) -> None:
    """Find the sensor and the edge server, try both, and write joulesplit.toml.

    Asks for what cannot be found; in a script give it by options. Afterwards `joulesplit
    calibrate` and `joulesplit optimize` need nothing more.
    """
    from joulesplit.cli._bench import FILE_NAME
    from joulesplit.cli._output import require_free

    target = Path(FILE_NAME)
    require_free(target, force=force)
    choice = _complete(choice or _found())
    power_w = _look(choice)
    url = edge.url or _asked("URL of the edge server (`joulesplit serve` prints it; empty: none)")
    upload_s = _try_server(url, edge.token) if url else None
    network = model or _asked("Your network, a .tflite file (empty: later)", Path)
    bench = _bench(choice, url, network)
    if url and edge.token:
        bench["token_file"] = str(_keep_token(name, edge.token))
    _write(target, name, bench)
    tried = Tried(power_w=power_w, upload_s=upload_s)
    document = {"file": str(target), "bench": name, "settings": bench, "tried": tried}
    emit(as_json, document, lambda: _page(target, bench, tried))


def _asked(question: str, kind: Any = str) -> Any:
    """Return the answer to a question; None if it is empty, or nobody is there to ask."""
    if not os.isatty(0):
        return None
    answer = click.prompt(question, default="", show_default=False, err=True)
    return kind(answer) if answer else None


def _found() -> SensorChoice:
    """Return the power source that this machine offers; ask where it is not one alone."""
    from joulesplit.cli._choices import SensorChoice
    from joulesplit.drivers import discover, find_chips

    findings = discover()
    buses = [bus.number for bus in findings.buses if bus.usable and not bus.display]
    chips = [(bus, *chip) for bus in buses for chip in find_chips(bus)]
    offers = [f"{kind} at 0x{address:02X} on bus {bus}" for bus, address, kind in chips]
    offers += [f"hwmon {chip.name}" for chip in findings.hwmon_chips]
    offers += ["pi5-pmic"] if findings.vcgencmd else []
    offers += ["rapl"] if findings.rapl_readable else []
    note("found: " + (", ".join(offers) or "no power source; `joulesplit doctor` says why"))
    kind = _asked("Sensor (ina219, ina226, hwmon, pi5-pmic, rapl, simulated)")
    if kind is None and not chips:
        raise CommandError(
            "no power source was named: give --sensor, or --sensor simulated to try it here"
        )
    for bus, address, found in chips:
        if kind in (None, found):
            return SensorChoice(kind=found, bus=bus, address=address)
    return SensorChoice(kind=kind, bus=buses[0] if buses else 1)


def _complete(choice: SensorChoice) -> SensorChoice:
    """Return the choice with its shunt, which no chip tells.

    Raises:
        CommandError: It needs one, and nobody is there to ask.
    """
    from joulesplit.drivers import INA2XX_KINDS

    if choice.kind not in INA2XX_KINDS or choice.shunt_ohm is not None:
        return choice
    note(MARKING)
    answer = _asked("Shunt (0.1, R100, 100 mohm …)")
    if answer is None:
        raise CommandError(f"--sensor {choice.kind} needs --shunt-ohm or --board")
    return replace(choice, shunt_ohm=shunt_from(answer))


def shunt_from(text: str) -> float:
    """Return a shunt resistance as people write it, or as it is marked, ohm.

    Raises:
        CommandError: It is none.
    """
    from joulesplit.metrology import read_quantity
    from joulesplit.metrology.errors import MetrologyError

    marked = text.strip().upper()
    if marked.startswith("R") and marked[1:].isdecimal():
        return float(f"0.{marked[1:]}")
    try:
        return read_quantity(text, "ohm")
    except MetrologyError as error:
        raise CommandError(f"'{text}' is no resistance: {error}") from error


def _look(choice: SensorChoice) -> float:
    """Return the mean power over a moment, W: the sensor is there, and sees something.

    Raises:
        SensorError: It is not there.
    """
    import time

    from joulesplit._metering import EnergyMeter
    from joulesplit.cli._wiring import require_live, sensor_factory, try_sensor

    require_live(choice)
    try_sensor(choice)
    with EnergyMeter(sensor_factory(choice)) as meter:
        with meter.window("look") as window:
            time.sleep(LOOK_S)
        return window.result.mean_power_w


def _try_server(url: str, token: str | None) -> float:
    """Return how long an upload takes, s.

    Raises:
        EdgeError: The server is not there, or refuses.
    """
    from joulesplit.edge import EdgeClient

    with EdgeClient(url, token=token) as client:
        client.health()
        return client.upload(bytes(PROBE_BYTES)).duration_s


def _bench(choice: SensorChoice, url: str | None, model: Path | None) -> dict[str, Any]:
    """Return what is remembered: the sensor as it differs from the defaults, server, network."""
    from joulesplit.cli._bench import KEYS
    from joulesplit.cli._choices import SensorChoice

    attributes = {key: _OF_KEY.get(key, key) for key in KEYS}
    usual = SensorChoice(kind=choice.kind)
    sensor = {
        key: getattr(choice, name)
        for key, name in attributes.items()
        if hasattr(choice, name) and getattr(choice, name) != getattr(usual, name)
    }
    if "address" in sensor:
        sensor["address"] = f"0x{sensor['address']:02X}"
    remembered = {"sensor": choice.kind, **sensor, "edge": url, "model": model}
    remembered["profile"] = "profile.json"
    return {
        key: str(value) if isinstance(value, Path) else value
        for key, value in remembered.items()
        if value is not None
    }


def _keep_token(name: str, token: str) -> Path:
    """Write the token where only its owner reads it; return the file."""
    from joulesplit.cli._bench import user_file
    from joulesplit.cli._tokens import write_token

    path = user_file().with_name(f"{name}.token")
    write_token(path, token)
    return path


def _write(path: Path, name: str, bench: dict[str, Any]) -> None:
    import tomli_w

    from joulesplit.calibrate import write_whole

    head = "# Defaults of joulesplit's options in this folder; what is typed wins.\n"
    content = head + tomli_w.dumps({"bench": name, "benches": {name: bench}})
    write_whole(path, content.encode())


def _page(path: Path, bench: dict[str, Any], tried: Tried) -> Page:
    from joulesplit.cli.report import Ending, Page
    from joulesplit.drivers import SIMULATED_KINDS

    simulated = bench["sensor"] in SIMULATED_KINDS
    return Page(
        "SIMULATED" if simulated else None,
        "Your bench",
        [],
        ending=Ending(
            verdict="READY: " + _tried_words(tried),
            headline=f"{bench['sensor']}, {bench.get('edge', 'no edge server yet')}",
            assumed=None if "edge" in bench else "uploads cannot be measured without --edge",
            wrote=str(path),
            next_step="joulesplit calibrate" + ("" if "model" in bench else " MODEL"),
        ),
    )


def _tried_words(tried: Tried) -> str:
    from joulesplit.metrology import si

    words = []
    if tried.power_w is not None:
        words.append(f"the sensor reads {si(tried.power_w, 'W')}")
    if tried.upload_s is not None:
        words.append(f"an upload of {PROBE_BYTES // 1000} kB took {si(tried.upload_s, 's')}")
    return ", ".join(words)
