"""Errors of the link and the edge server.

EdgeError
├── EdgeConfigurationError (ValueError)      a URL, token, rate or payload that cannot work
├── ProtocolError (ValueError)               bytes or headers that break the wire format
├── ServerUnreachableError (ConnectionError) nothing answers, or the connection broke
│   └── ServerNotTrustedError                what answers is not the server that was asked for
├── ServerRefusedError (RuntimeError)        the server says no, and why
│   ├── ServerLacksModelError (LookupError)  it does not serve that network
│   └── AuthenticationError (PermissionError) the token is missing or wrong
├── RequestRefusedError                      server side: what it is about to refuse, and why
├── RateNotCarriedError (ValueError)         the link does not carry a rate that was stated
├── UploadCorruptedError (OSError)           the receiver counted other bytes than were sent
├── PortUnavailableError (OSError)           the server cannot listen there
└── InterfaceNotFoundError (LookupError)     no such network interface, or no route
"""

from __future__ import annotations

from math import nan


class EdgeError(Exception):
    """Root of every error the link and the edge server raise."""

    def __str__(self) -> str:
        # LookupError and OSError have spellings of their own; the message is always the text.
        return str(self.args[0]) if self.args else ""


class EdgeConfigurationError(EdgeError, ValueError):
    """A caller gave a URL, token, rate or payload that cannot work."""


class ProtocolError(EdgeError, ValueError):
    """Bytes or headers break the wire format."""


class ServerUnreachableError(EdgeError, ConnectionError):
    """Nothing answers at the URL, or the connection broke."""


class ServerNotTrustedError(ServerUnreachableError):
    """What answers shows another certificate than the one asked for, or one that nobody signed."""


class ServerRefusedError(EdgeError, RuntimeError):
    """The server understood the request and refuses it.

    Args:
        message: What happened, where, and what to do.
        code: The ``error`` field of the server's answer, a ``protocol.Refusal`` value.
        status: HTTP status.
    """

    def __init__(self, message: str, *, code: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class ServerLacksModelError(ServerRefusedError, LookupError):
    """The server does not serve the network that was asked for."""


class AuthenticationError(ServerRefusedError, PermissionError):
    """The server wants a token that the client did not give, or gave wrong."""


class RequestRefusedError(EdgeError):
    """Server side: a request that is to be answered with a refusal.

    Args:
        refusal: A ``protocol.Refusal`` value.
        message: What happened.
        hint: What the client should do.
    """

    def __init__(self, refusal: str, message: str, hint: str) -> None:
        super().__init__(f"{message}; {hint}")
        self.refusal = refusal
        self.message = message
        self.hint = hint


class RateNotCarriedError(EdgeError, ValueError):
    """The link does not carry a rate that was stated for it.

    Attributes:
        stated_bit_per_s: The rate, bit/s; NaN if it was not told.
        carried_bit_per_s: What the link carried of it, bit/s; NaN likewise.
    """

    stated_bit_per_s = nan
    carried_bit_per_s = nan


class UploadCorruptedError(EdgeError, OSError):
    """The receiver counted other bytes than the client sent."""


class PortUnavailableError(EdgeError, OSError):
    """The server cannot listen on that host and port."""


class InterfaceNotFoundError(EdgeError, LookupError):
    """The machine has no such network interface, or no route to the host."""
