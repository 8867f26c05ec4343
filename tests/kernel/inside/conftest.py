"""The guest's bus, and a process that changes what is on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import smbus2

from joulesplit.drivers import SmbusI2cBus
from joulesplit.drivers._i2c import swap_bytes

STUB_BUS = 0
WRITER = Path(__file__).parent / "write_steps.py"


@pytest.fixture
def bus():
    opened = SmbusI2cBus(STUB_BUS)
    yield opened
    opened.close()


@pytest.fixture
def put():
    """Put words into registers of the stub, past the driver that may hold the address."""
    with smbus2.SMBus(STUB_BUS) as forced:

        def put_words(address, words):
            for register, word in words.items():
                forced.write_word_data(address, register, swap_bytes(word), force=True)

        yield put_words


@pytest.fixture
def start_writer():
    """Start a process that writes one row of words for every row it is sent."""
    started = []

    def start(address, *registers):
        arguments = [str(argument) for argument in (STUB_BUS, address, *registers)]
        writer = subprocess.Popen(
            [sys.executable, str(WRITER), *arguments], stdin=subprocess.PIPE, text=True
        )
        started.append(writer)

        def send(*words):
            writer.stdin.write(" ".join(str(word) for word in words) + "\n")
            writer.stdin.flush()

        return send

    yield start
    for writer in started:
        writer.stdin.close()
        assert writer.wait(timeout=60) == 0
