"""What is kept and known about the user's sensors: records of zeros and spans, boards, advice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from joulesplit.cli._errors import CommandError

if TYPE_CHECKING:
    from joulesplit.calibrate.environment import Machine
    from joulesplit.cli._choices import SensorChoice
    from joulesplit.drivers import Board
    from joulesplit.drivers.ina219 import (
        Correction,
        CorrectionStore,
        Ina219Wiring,
        SensorIdentity,
        SensorRecords,
    )

KEPT_IN = "joulesplit/sensors"
"""In a user's data directory."""

CORRECTED_KINDS = ("ina219", "pi-ina219")
"""The kinds that apply corrections: two ways to read one chip, so they share its records."""
TYPICAL_PEAK_A = 1.5
"""Of a Raspberry Pi 4, A: for the warning about the drop over the shunt, where none is stated."""
NOT_CORRECTED = {
    "hwmon": "the kernel rounds the shunt voltage to 1 mV, fifty times what a zero measures; write "
    "the effective shunt (µΩ) into the chip's shunt_resistor instead",
}
"""Why not, of kinds for which one might expect it."""


def open_store(directory: Path | None) -> CorrectionStore:
    """Return the records of this user's sensors; behind ``sudo``, those of who typed it.

    Args:
        directory: Where; None for ``$XDG_DATA_HOME/joulesplit/sensors``.
    """
    from joulesplit.calibrate.environment import home_of_person
    from joulesplit.drivers.ina219 import CorrectionStore

    data = os.environ.get("XDG_DATA_HOME") or home_of_person() / ".local/share"
    return CorrectionStore(directory or Path(data) / KEPT_IN)


def save_records(directory: Path | None, records: SensorRecords) -> Path:
    """Keep the records of a sensor; return the file, which belongs to the person behind ``sudo``.

    Raises:
        CorrectionRecordError: They cannot be written.
    """
    from joulesplit.calibrate.environment import hand_over

    store = open_store(directory)
    with hand_over(store.directory):
        return store.save(records)


def _unused(choice: SensorChoice, shunt_ohm: float) -> Iterator[str]:
    """Yield that root has records of the sensor which are not used, if it has."""
    from joulesplit.calibrate.environment import person_behind_sudo

    person, key = person_behind_sudo(), identity_of(choice, shunt_ohm).key
    if person is None or choice.store is not None:
        return
    used = open_store(None).path_of(key)
    unused = Path.home() / ".local/share" / KEPT_IN / used.name
    if unused != used and unused.exists():
        yield (
            f"{unused}, a zero or span that root took, is not used: measurements go by those of "
            f"{person.pw_name}; to use it, move it to {used}"
        )


def identity_of(choice: SensorChoice, shunt_ohm: float) -> SensorIdentity:
    """Return what the records of the chosen sensor go by: the chip, whoever reads it."""
    from joulesplit.drivers.ina219 import SensorIdentity

    chip = CORRECTED_KINDS[0]
    return SensorIdentity(kind=chip, bus=choice.bus, address=choice.address, shunt_ohm=shunt_ohm)


def check_corrected(kind: str) -> None:
    """Refuse a kind that applies no corrections.

    Raises:
        CommandError: It applies none.
    """
    if kind not in CORRECTED_KINDS:
        why = NOT_CORRECTED.get(kind, f"only {' and '.join(CORRECTED_KINDS)} do")
        raise CommandError(f"--sensor {kind} applies no corrections: {why}")


def this_machine() -> Machine:
    """Return where facts about this machine are read from."""
    from joulesplit.calibrate.environment import Machine

    return Machine()


def correction_of(choice: SensorChoice, shunt_ohm: float) -> Correction | None:
    """Return what records say about the chosen sensor; None if there are none.

    Raises:
        CorrectionRecordError: They cannot be read.
    """
    records = open_store(choice.store).load(identity_of(choice, shunt_ohm))
    return records.correction_at(_wiring_of(choice, shunt_ohm).gain.divider)


def _wiring_of(choice: SensorChoice, shunt_ohm: float) -> Ina219Wiring:
    from joulesplit.drivers.ina219 import Ina219Wiring

    return Ina219Wiring(
        address=choice.address,
        shunt_ohm=shunt_ohm,
        shunt_tolerance=choice.shunt_tolerance,
        expected_peak_a=choice.peak_current_a,
        grade=choice.grade,
        shunt_samples=choice.shunt_samples,
        rail=choice.rail,
        simulated=False,
        bus_range_v=choice.bus_range_v,
    )


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
    if choice.kind not in CORRECTED_KINDS or choice.shunt_ohm is None:
        return
    yield from _unused(choice, choice.shunt_ohm)
    from joulesplit.drivers import find_buses
    from joulesplit.drivers.ina219 import advice

    wiring = _wiring_of(choice, choice.shunt_ohm)
    clocks_hz = {bus.number: bus.clock_hz for bus in find_buses()}
    yield from advice(
        wiring.configuration,
        shunt_ohm=choice.shunt_ohm,
        expected_peak_a=choice.peak_current_a or TYPICAL_PEAK_A,
        bus_clock_hz=clocks_hz.get(choice.bus),
        supply_v=choice.supply_v,
    )
