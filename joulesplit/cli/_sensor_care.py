"""What is kept and known about the user's sensors: records of zeros and spans, boards, advice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from joulesplit._sensors import RECORDS_IN, own_records
from joulesplit.cli._errors import CommandError
from joulesplit.drivers import INA2XX_KINDS, identity_of

if TYPE_CHECKING:
    from joulesplit.calibrate.environment import Machine
    from joulesplit.cli._choices import SensorChoice
    from joulesplit.drivers import Board
    from joulesplit.drivers.ina2xx import CorrectionStore, SensorRecords

TYPICAL_PEAK_A = 1.5
"""Of a Raspberry Pi 4, A: for the warning about the drop over the shunt, where none is stated."""
NOT_CORRECTED = {
    "hwmon": "the kernel rounds the shunt voltage to 1 mV, fifty times what a zero measures; write "
    "the effective shunt (µΩ) into the chip's shunt_resistor instead",
}
"""Why not, of kinds for which one might expect it."""


def open_store(directory: Path | None) -> CorrectionStore:
    """Return the records of sensors in a directory; None for this user's own."""
    from joulesplit.drivers.ina2xx import CorrectionStore

    return CorrectionStore(directory or own_records())


def save_records(directory: Path | None, records: SensorRecords) -> Path:
    """Keep the records of a sensor; return the file, which belongs to the person behind ``sudo``.

    Raises:
        CorrectionRecordError: They cannot be written.
    """
    from joulesplit.calibrate.environment import hand_over

    store = open_store(directory)
    with hand_over(store.directory):
        return store.save(records)


def _unused(choice: SensorChoice) -> Iterator[str]:
    """Yield that root has records of the sensor which are not used, if it has."""
    from joulesplit.calibrate.environment import person_behind_sudo

    person, used = person_behind_sudo(), open_store(None).path_of(identity_of(choice).key)
    if person is None or choice.records != own_records():
        return
    unused = Path.home() / ".local/share" / RECORDS_IN / used.name
    if unused != used and unused.exists():
        yield (
            f"{unused}, a zero or span that root took, is not used: measurements go by those of "
            f"{person.pw_name}; to use it, move it to {used}"
        )


def check_corrected(kind: str) -> None:
    """Refuse a kind that applies no corrections.

    Raises:
        CommandError: It applies none.
    """
    if kind not in INA2XX_KINDS:
        why = NOT_CORRECTED.get(kind, f"only {', '.join(INA2XX_KINDS)} do")
        raise CommandError(f"--sensor {kind} applies no corrections: {why}")


def this_machine() -> Machine:
    """Return where facts about this machine are read from."""
    from joulesplit.calibrate.environment import Machine

    return Machine()


def find_board(key: str) -> Board:
    """Return what is known of a board.

    Raises:
        CommandError: It is not in the catalog.
    """
    from joulesplit.drivers import BOARDS, board

    try:
        return board(key)
    except KeyError:
        there = ", ".join(entry.key for entry in BOARDS)
        raise CommandError(f"unknown --board {key!r}: choose one of {there}") from None


def advice_of(choice: SensorChoice) -> Iterator[str]:
    """Yield what to know about the chosen wiring before measuring, one line each."""
    if choice.kind not in INA2XX_KINDS or choice.shunt_ohm is None:
        return
    yield from _unused(choice)
    from joulesplit.drivers import find_buses, wiring_of
    from joulesplit.drivers.ina2xx import advice

    wiring = wiring_of(choice)
    clocks_hz = {bus.number: bus.clock_hz for bus in find_buses()}
    yield from advice(
        wiring,
        expected_peak_a=choice.expected_peak_a or TYPICAL_PEAK_A,
        bus_clock_hz=clocks_hz.get(choice.bus),
        supply_v=choice.supply_v,
    )
