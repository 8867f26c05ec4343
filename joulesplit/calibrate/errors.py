"""Errors of measuring and of profiles.

CalibrationError
├── ProfileError                                  a device profile cannot be used
│   ├── ProfileNotFoundError (FileNotFoundError)
│   ├── ProfileFormatError (ValueError)           not a profile, or a damaged one
│   ├── ProfileVersionError (ValueError)          of a schema this version does not know
│   └── ProfileMergeError (ValueError)            profiles that may not be pooled
├── PlanError (ValueError)                        a plan that cannot give the figures asked for
├── IdleTooLongError (ValueError)                 more idle around a program than is kept for it
├── ProgramStartError (OSError)                   the program to measure cannot be started
├── ProgramFailedError (ChildProcessError)        a run of the program that is measured failed
├── NoSuchSplitError (IndexError)                 a split that the network does not have
├── SamplerError (RuntimeError)                   the sampler process failed or fell silent
├── WindowError (ValueError)                      a window holds too little to give an energy
│   └── LinkDroppedError (ConnectionError)        the link was gone in it, and is back
├── ReplayedError (ValueError)                    a recording taken for a measurement of work
├── WiringError (RuntimeError)                    the sensor does not see the device, or its work
├── TooHotError (RuntimeError)                    the device does not cool down to its band
├── MemoryShortError (MemoryError)                the campaign takes more memory than is free
├── EstimateError (ArithmeticError)               the windows do not determine the figure
├── LinkKindError (ConnectionError)               the link is not of the kind it would be called
├── TuningError (RuntimeError)                    the machine could not be set, or set back
│   └── NoSuchSettingError (LookupError)          it has no governor of that name
└── JournalError (ValueError)                     the journal cannot be read or continued
    ├── OtherCampaignError                        it is of another campaign
    └── JournalVersionError                       of a format this version does not know
"""

from __future__ import annotations


class CalibrationError(Exception):
    """Root of every error that measuring raises."""


class ProfileError(CalibrationError):
    """A caller named a device profile that cannot be used."""


class ProfileNotFoundError(ProfileError, FileNotFoundError):
    """A caller named a profile file that is not there."""

    def __str__(self) -> str:
        return str(self.args[0])


class ProfileFormatError(ProfileError, ValueError):
    """A caller gave a file that is not a device profile, or a damaged one."""


class ProfileVersionError(ProfileError, ValueError):
    """A caller gave a profile of a schema this version does not know."""


class ProfileMergeError(ProfileError, ValueError):
    """A caller gave profiles that may not be pooled, or that contradict each other."""


class LinkKindError(CalibrationError, ConnectionError):
    """The route to the edge server leaves by another kind of interface than was stated."""


class TuningError(CalibrationError, RuntimeError):
    """The machine's governor or radio could not be set, or set back."""


class NoSuchSettingError(TuningError, LookupError):
    """A caller named a governor that the machine does not have."""


class PlanError(CalibrationError, ValueError):
    """A caller asked for a plan that cannot give the figures wanted."""


class IdleTooLongError(CalibrationError, ValueError):
    """A caller asked for more idle around a program than the sensor's readings are kept for."""


class ProgramStartError(CalibrationError, OSError):
    """A caller named a program to measure that is not there, or may not be run."""

    def __str__(self) -> str:
        return str(self.args[0])


class ProgramFailedError(CalibrationError, ChildProcessError):
    """A run of the program that is measured ended with a failure: its energy is that of none."""

    def __str__(self) -> str:
        return str(self.args[0])


class NoSuchSplitError(CalibrationError, IndexError):
    """A caller asked for a split that the network does not have."""


class SamplerError(CalibrationError, RuntimeError):
    """The sampler process failed or fell silent."""


class WindowError(CalibrationError, ValueError):
    """A window holds too few readings to give an energy."""


class LinkDroppedError(WindowError, ConnectionError):
    """The link was gone for a while and is back: a window is spoilt, and the next one is not."""


class ReplayedError(CalibrationError, ValueError):
    """Work that ran now was to be priced by readings recorded at another time."""


class WiringError(CalibrationError, RuntimeError):
    """The sensor sees the device the wrong way round, or does not see its work."""


class TooHotError(CalibrationError, RuntimeError):
    """The device stayed above the plan's temperature band for the longest wait."""


class MemoryShortError(CalibrationError, MemoryError):
    """A caller asked for a campaign that takes more memory than is free."""


class EstimateError(CalibrationError, ArithmeticError):
    """The recorded windows do not determine the figure, or contradict its definition."""


class JournalError(CalibrationError, ValueError):
    """A caller gave a journal that cannot be read or continued."""


class OtherCampaignError(JournalError):
    """A journal cannot be gone on with here: it is of another campaign."""


class JournalVersionError(JournalError):
    """A caller gave a journal of a format that this version does not know, or cannot go on with."""
