"""Native code's chatter kept off stderr."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHATTER = (b"INFO: ",)
"""Beginnings of the lines the runtime prints to stderr that no user needs."""
_stderr_lock = threading.Lock()


@contextmanager
def without_chatter() -> Iterator[None]:
    """Hold back what native code writes to stderr, and pass on all but the chatter.

    The runtime offers no way to silence its INFO lines, so the file descriptor is diverted.
    """
    with _stderr_lock, tempfile.TemporaryFile() as held:
        if sys.stderr is not None:
            sys.stderr.flush()
        try:
            stderr = os.dup(2)
        except OSError:  # A daemon without stderr has nothing to divert.
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            held.seek(0)
            rest = [line for line in held if not line.startswith(CHATTER)]
            os.write(stderr, b"".join(rest))
            os.close(stderr)
