"""Starting the process that samples, without running the main script in it again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from pickle import PicklingError
from types import ModuleType

from joulesplit.calibrate.errors import SamplerError

CANNOT_BE_PICKLED = (PicklingError, AttributeError, TypeError)
"""What ``pickle`` raises of an object that no other process can be given."""


def spawn(process: SpawnProcess) -> None:
    """Start a process; it runs the main script again only where its target needs what is there.

    Python does so by default, which a script must be guarded against, and which loads into the
    sampler whatever the script imports.

    Raises:
        SamplerError: What the process is to be given cannot be handed to it.
    """
    try:
        with _without_main_script():
            process.start()
    except CANNOT_BE_PICKLED:
        _start_with_script(process)


def _start_with_script(process: SpawnProcess) -> None:
    try:
        process.start()
    except CANNOT_BE_PICKLED as error:
        raise SamplerError(
            f"the sensor cannot be handed to the process that samples ({error}): name its kind, or "
            "give a function of a module, or a functools.partial of one, that returns the sensor"
        ) from error


@contextmanager
def _without_main_script() -> Iterator[None]:
    """Put an empty module in the main script's place meanwhile.

    What has its home in the script can then not be pickled, which shows that it is needed.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script
