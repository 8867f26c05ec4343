"""Errors of the commands themselves.

JouleSplitError
├── CommandError (ValueError)       options that do not go together, or an incomplete installation
├── ServerStartError (ChildProcessError)  our own edge server did not start
└── LinkDroppedError (ServerUnreachableError, WindowError)  the link was gone for a while
"""

from __future__ import annotations

from calibrate.errors import WindowError
from edge.errors import ServerUnreachableError


class JouleSplitError(Exception):
    """Root of the errors the commands raise themselves."""


class CommandError(JouleSplitError, ValueError):
    """A caller gave options that do not go together, or the installation is incomplete."""


class ServerStartError(JouleSplitError, ChildProcessError):
    """Our own edge server did not start."""


class LinkDroppedError(JouleSplitError, ServerUnreachableError, WindowError):
    """The link was gone during an exchange and is back: the window is spoilt, the next is not."""
