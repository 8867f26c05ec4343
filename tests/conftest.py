"""Options for tests on wired hardware, and what cannot be done on this machine."""

from __future__ import annotations

import importlib.util
import os
import signal

import pytest
from hypothesis import settings

# A shell starts its background jobs with SIGINT ignored, and children inherit that; the programs
# that tests interrupt must hear it wherever the tests were started from.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says something of the machine, not of the code. In CI the examples are
# the same every time, so that a change fails for what it changes; by hand they are new ones.
settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("house")


def pytest_addoption(parser):
    group = parser.getgroup("wired sensor", "an INA219 on this machine's I2C bus")
    group.addoption(
        "--i2c-bus", type=int, metavar="N", help="run on the INA219 at /dev/i2c-N as well"
    )
    group.addoption(
        "--i2c-address",
        type=lambda text: int(text, 0),
        default=0x40,
        metavar="ADDRESS",
        help="its address (default: 0x40)",
    )
    group.addoption(
        "--shunt-ohm",
        type=float,
        default=0.1,
        metavar="OHM",
        help="its shunt, as printed on the resistor (default: 0.1)",
    )


def patience_s(item) -> float:
    """Return the time that a test is given by itself, s; 0 for that of all."""
    mark = item.get_closest_marker("timeout")
    return mark.args[0] if mark else 0.0


def pytest_collection_modifyitems(items):
    """Refuse a test that is to run alone and does not say why, or is not one of the live ones.

    Campaigns, which take longest, begin first, and of all others what is given longest: or else
    all processors wait for the last of them.
    """
    items.sort(key=lambda item: (item.get_closest_marker("campaign") is None, -patience_s(item)))
    for item in items:
        mark = item.get_closest_marker("alone")
        told = mark is None or (mark.args and item.get_closest_marker("live"))
        if not told:
            raise pytest.UsageError(f"{item.nodeid}: mark it live, and alone(reason)")


@pytest.fixture(scope="session")
def cannot():
    """Skip with the reason; with ``JOULESPLIT_MUST_RUN`` set, as in ``.ci/run``, fail with it."""

    def give_up(reason: str):
        (pytest.fail if os.environ.get("JOULESPLIT_MUST_RUN") else pytest.skip)(reason)

    return give_up


@pytest.fixture(scope="session")
def needs_pyarrow(cannot):
    """Call it where a test makes or reads Parquet."""

    def check():
        if importlib.util.find_spec("pyarrow") is None:
            cannot("no pyarrow: pip install '.[dev]'")

    return check


@pytest.fixture(scope="session")
def needs_pillow(cannot):
    """Use it where a test decodes a picture."""
    if importlib.util.find_spec("PIL") is None:
        cannot("no Pillow: pip install '.[dev]'")
