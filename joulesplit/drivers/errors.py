"""Errors of the sensing layer.

SensorError
├── SensorConfigurationError (ValueError)      a parameter no sensor could work with
│   └── SensorRequestError                     what a kind of sensor needs is not said, or cannot be
├── BusError (OSError)                         an I2C transaction failed
│   ├── BusNotFoundError (FileNotFoundError)   no such bus on this machine
│   ├── BusPermissionError (PermissionError)   the bus is there, the user may not open it
│   ├── BusBusyError                           a kernel driver or another program holds the address
│   ├── DeviceNotRespondingError               nothing acknowledges at that address
│   └── BusTransferError                       a transfer broke off or the bus is held up
├── WrongDeviceError                           something answers, but not as this chip would
├── RangeExceededError (OverflowError)         the shunt range is too small for the current
├── ConversionTimeoutError (TimeoutError)      no fresh conversion within the bound
├── ChipResetError                             the chip lost its configuration mid-run
├── ForeignWriterError                         another program keeps configuring the chip
├── NoNumberError (ValueError)                 a source delivered what is no number
├── StuckReadingsError                         the chip delivers the same words for ever
├── SensorUnavailableError (LookupError)       this machine does not offer that source
├── CorrectionRecordError (ValueError)         a stored zero or span cannot be read or written
├── TraceFormatError (ValueError)              a recorded trace cannot be understood
├── TraceLibraryError (ImportError)            a recording needs a library that is not installed
├── TraceEndedError (EOFError)                 a replayed trace has no further reading
└── LoadLogFullError (BufferError)             simulated load is announced faster than read
"""

from __future__ import annotations


class SensorError(Exception):
    """Root of every error the sensing layer raises."""


class SensorConfigurationError(SensorError, ValueError):
    """A caller gave a parameter no sensor could work with."""


class SensorRequestError(SensorConfigurationError):
    """A caller did not say what this kind of sensor needs, or said what cannot be."""


class BusError(SensorError, OSError):
    """An I2C transaction failed.

    Args:
        message: What happened, where, and what to do.
        bus: Bus number, if known.
        address: 7-bit device address, if one was being addressed.
        errno_value: The system's error number, if it came from the system.
    """

    def __init__(
        self,
        message: str,
        *,
        bus: int | None = None,
        address: int | None = None,
        errno_value: int | None = None,
    ) -> None:
        super().__init__(message)
        self.bus = bus
        self.address = address
        self.errno = errno_value

    def __str__(self) -> str:
        return str(self.args[0])


class BusNotFoundError(BusError, FileNotFoundError):
    """A caller named an I2C bus this machine does not have."""


class BusPermissionError(BusError, PermissionError):
    """The I2C bus exists but this user may not open it."""


class BusBusyError(BusError):
    """A kernel driver or another program holds the device address."""


class DeviceNotRespondingError(BusError):
    """Nothing acknowledges at the device address."""


class BusTransferError(BusError):
    """A transfer broke off, or the bus is held up: what it says of the device is unknown."""


class WrongDeviceError(SensorError):
    """Something answers at the address, but not as the expected chip would."""


class RangeExceededError(SensorError, OverflowError):
    """The shunt voltage left the range the amplifier gain was set for."""


class ConversionTimeoutError(SensorError, TimeoutError):
    """The chip delivered no fresh conversion within the bound."""


class ChipResetError(SensorError):
    """The chip lost its configuration while measuring."""


class ForeignWriterError(SensorError):
    """Another program keeps configuring the chip that is measured with."""


class NoNumberError(SensorError, ValueError):
    """A source delivered a reading that is no number."""


class StuckReadingsError(SensorError):
    """The chip delivers the same words for longer than any noise allows."""


class SensorUnavailableError(SensorError, LookupError):
    """The machine does not offer the requested power source."""


class CorrectionRecordError(SensorError, ValueError):
    """A stored zero or span cannot be read or written."""


class TraceFormatError(SensorError, ValueError):
    """A recorded trace cannot be understood."""


class TraceLibraryError(SensorError, ImportError):
    """A recording is of a kind that needs a library which is not installed."""


class TraceEndedError(SensorError, EOFError):
    """A replayed trace has no further reading."""


class LoadLogFullError(SensorError, BufferError):
    """Simulated load is announced faster than the simulated chip reads it."""
