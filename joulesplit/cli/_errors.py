"""Errors of the commands themselves.

JouleSplitError
├── CommandError (ValueError)       options that do not go together, or an incomplete installation
└── ServerStartError (ChildProcessError)  our own edge server did not start
"""

from __future__ import annotations


class JouleSplitError(Exception):
    """Root of the errors the commands raise themselves."""


class CommandError(JouleSplitError, ValueError):
    """A caller gave options that do not go together, or the installation is incomplete."""


class ServerStartError(JouleSplitError, ChildProcessError):
    """Our own edge server did not start."""
