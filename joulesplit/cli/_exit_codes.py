"""What the program's exit status means. Documented in the README; held to it by a test."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit status of every command."""

    OK = 0
    INTERNAL = 1
    """A fault of the program itself; please report it."""
    USAGE = 2
    """The command line cannot be understood, or asks for what cannot be."""
    FILE = 3
    """A model, profile, plan, journal or output file is missing, damaged, of another kind or not
    writable."""
    SENSOR = 4
    """The power sensor is missing, cannot be opened, or failed."""
    EDGE = 5
    """The edge server cannot be reached, or refused."""
    MEASUREMENT = 6
    """The measurement does not give the figures, or they failed a check; or the measured command
    failed."""
    DECISION = 7
    """No split meets the constraints, or the profile cannot carry a decision."""
    INTERRUPTED = 130
    """Ctrl-C."""


_BY_ERROR = {
    "joulesplit.drivers.errors.SensorRequestError": ExitCode.USAGE,
    "joulesplit.drivers.errors.SensorError": ExitCode.SENSOR,
    "joulesplit.calibrate.errors.SamplerError": ExitCode.SENSOR,
    "joulesplit.edge.errors.EdgeConfigurationError": ExitCode.USAGE,
    "joulesplit.edge.errors.EdgeError": ExitCode.EDGE,
    "joulesplit.calibrate.errors.LinkDroppedError": ExitCode.EDGE,
    "joulesplit.partition.errors.RuntimeMissingError": ExitCode.INTERNAL,
    "joulesplit.partition.errors.UnknownWorkError": ExitCode.FILE,
    "joulesplit.partition.errors.CutError": ExitCode.USAGE,
    "joulesplit.partition.errors.NoSuchNameError": ExitCode.USAGE,
    "joulesplit.partition.errors.PartitionError": ExitCode.FILE,
    "joulesplit.calibrate.errors.ProfileError": ExitCode.FILE,
    "joulesplit.calibrate._files.OutputError": ExitCode.FILE,
    "joulesplit.calibrate.errors.JournalError": ExitCode.FILE,
    "joulesplit.calibrate.errors.PlanError": ExitCode.FILE,
    "joulesplit.calibrate.errors.NoSuchSettingError": ExitCode.USAGE,
    "joulesplit.calibrate.errors.TuningError": ExitCode.FILE,
    "joulesplit.calibrate.errors.IdleTooLongError": ExitCode.USAGE,
    "joulesplit.calibrate.errors.ProgramStartError": ExitCode.USAGE,
    "joulesplit.calibrate.errors.NoSuchSplitError": ExitCode.USAGE,
    "joulesplit.calibrate.errors.MemoryShortError": ExitCode.USAGE,
    "joulesplit.calibrate.errors.CalibrationError": ExitCode.MEASUREMENT,
    "joulesplit.optimizer.errors.InvalidInputError": ExitCode.USAGE,
    "joulesplit.optimizer.errors.OptimizerError": ExitCode.DECISION,
    "joulesplit.cli._errors.CommandError": ExitCode.USAGE,
    "joulesplit.cli._errors.ServerStartError": ExitCode.EDGE,
}


def exit_code_of(error: BaseException) -> ExitCode | None:
    """Return the exit code of a known error, or None.

    Errors are told by name, so that no room has to be imported to do it.
    """
    for kind in type(error).__mro__:
        code = _BY_ERROR.get(f"{kind.__module__}.{kind.__qualname__}")
        if code is not None:
            return code
    return None
