"""How a server ends: by a signal, or with the process that started it; without a traceback."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvicorn import Server

STDIN_FD = 0


@contextmanager
def stopping_quietly(server: Server) -> Iterator[list[int]]:
    """Make SIGINT and SIGTERM end ``serve`` as after any finished job, without traceback.

    uvicorn stops on its own handlers and then raises the signals again for the handlers that
    were there before, which are these; before its own are in place, these stop it.

    Yields:
        The signals that came, as they come; none where something else ends it.
    """
    came: list[int] = []

    def stop(number: int, _frame: object) -> None:
        came.append(number)
        server.should_exit = True

    def still_serving(_record: logging.LogRecord) -> bool:
        # What stopping cuts short is no error, and uvicorn would log it with a traceback.
        return not server.should_exit

    is_main = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    before = {number: signal.signal(number, stop) for number in numbers}
    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(still_serving)
    try:
        yield came
    finally:
        logger.removeFilter(still_serving)
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_at_end_of_stdin(server: Server) -> None:
    """Let a server end when its standard input does, so as not to outlive its parent."""

    def watch() -> None:
        # Past sys.stdin: its lock, held by a daemon thread, makes the interpreter abort at exit.
        with suppress(OSError):
            while os.read(STDIN_FD, 4096):
                pass
        server.should_exit = True

    threading.Thread(target=watch, name="stdin-watch", daemon=True).start()
