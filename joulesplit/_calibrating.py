"""A device measured by a program: a network, a sensor and an edge server in, a profile out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Unpack

from joulesplit._deciding import FilePath
from joulesplit._decision_stop import rule_of
from joulesplit._sensors import DeviceLike, device_of
from joulesplit.calibrate.campaign import JournalFile, Plan, Progress, calibrate_device, load_plan
from joulesplit.calibrate.instrument import EdgeAddress, Instrument, RuntimeChoice, require_memory
from joulesplit.calibrate.profile import DeviceProfile
from joulesplit.drivers import SensorOptions
from joulesplit.partition.reading import read_network

JOURNAL_NAME = "calibration.windows.jsonl"


def calibrate(
    model: FilePath,
    *,
    sensor: DeviceLike,
    edge: str | EdgeAddress,
    plan: Plan | str = "standard",
    journal: FilePath | None = None,
    resume: bool = False,
    runtime: RuntimeChoice | None = None,
    progress: Callable[[Progress], None] | None = None,
    **options: Unpack[SensorOptions],
) -> DeviceProfile:
    """Run every block of a network under a power sensor, upload its outputs, return the profile.

        profile = calibrate("model.tflite", sensor="ina219", shunt_ohm=0.1,
                            edge="http://server:8517", plan="quick", journal="pi.windows.jsonl")

    Args:
        model: The ``.tflite`` file.
        sensor: What measures this device: the kind of a sensor, such as ``"ina219"``; a
            ``SensorRequest``; what returns a sensor, not yet open; or such a sensor. A
            ``DeviceUnderTest`` stands for sensor and device both. ``"simulated"``, or with a seed
            ``"simulated:7"``, is the simulated board that the commands have: nothing physical is
            measured, and the profile says so.
        edge: URL of an edge server (``joulesplit serve``) on another machine, with a token as
            ``EdgeAddress``.
        plan: How long to measure: ``quick``, ``standard``, ``rigorous``, a TOML file, or a plan.
        journal: Where every finished window is kept at once; None keeps them in a temporary
            directory, and leaves them there, named by a note of the error, if no profile comes
            of them.
        resume: Go on with the windows of ``journal``; else it must not be there yet.
        runtime: How the interpreter runs; None for one thread with XNNPACK.
        progress: Told how far it is, before the first window and after each; never inside one.
        options: For the kind of a sensor, what ``SensorRequest`` has beside it.

    Raises:
        SensorError: The sensor cannot be opened, or failed.
        PartitionError: The network cannot be read, cut or run.
        EdgeError: The server cannot be reached, or failed.
        PlanError: There is no such plan, or it cannot be carried out here.
        MemoryShortError: The campaign takes more memory than is free.
        JournalError: The journal exists, or is of another campaign.
        CalibrationError: The windows do not give the figures.
    """
    chosen = load_plan(plan) if isinstance(plan, str) else plan
    device = device_of(sensor, **options)
    address = EdgeAddress(url=edge) if isinstance(edge, str) else edge
    choice = runtime or RuntimeChoice()
    network = read_network(Path(model), choice.input_shapes)
    require_memory(network, chosen, device.machine.available_bytes)
    instrument = Instrument(Path(model), device, address, runtime=choice, cut=chosen.blocks)
    with _journal(journal, resume=resume) as file, instrument:
        if not resume:
            chosen, _ = instrument.fit_to_link(chosen)
        return calibrate_device(
            instrument, chosen, file, progress or _tell_nobody, make_rule=rule_of
        )


def _tell_nobody(progress: Progress) -> None:
    del progress


@contextmanager
def _journal(path: FilePath | None, *, resume: bool) -> Iterator[JournalFile]:
    """Give the journal to write; a temporary one goes once there is a profile."""
    if path is not None:
        yield JournalFile(path=Path(path), resume=resume)
        return
    directory = Path(mkdtemp(prefix="joulesplit-"))
    file = JournalFile(path=directory / JOURNAL_NAME)
    try:
        yield file
    except BaseException as error:
        if file.opened:
            error.add_note(f"every window measured until then is kept in {file.path}")
        else:
            directory.rmdir()
        raise
    file.path.unlink()
    directory.rmdir()
