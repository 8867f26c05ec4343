"""One bench for every backend that can stand in for the chip.

``simulated``  the simulated chip, called directly; virtual time.
``umockdev``   the same chip behind /dev/i2c-1: real system calls; virtual time. Only in a process
               that ``umockdev_server.py`` started.
``stub``       the kernel's i2c-stub holds the words that the simulated chip puts there before every
               read: real system calls, real i2c-dev and SMBus core; virtual time. Only in the guest
               of ``tests/kernel``. It cannot fail to acknowledge.
``wired``      a real INA219, with ``--i2c-bus``; real time, and no hand on the world side.

``JOULESPLIT_CHIP`` says which of the first three this process has.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from joulesplit.drivers import MonotonicClock, SmbusI2cBus
from joulesplit.drivers._i2c import translate_os_error
from joulesplit.drivers.errors import BusError, DeviceNotRespondingError
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.ina226 import Ina226
from joulesplit.drivers.protocols import Clock, I2cBus
from joulesplit.drivers.simulated import (
    ChipParameters,
    Ina226Parameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna219,
    SimulatedIna226,
)
from joulesplit.drivers.simulated._load import BenchSource

ADDRESS = 0x40
SHUNT_OHM = 0.1
SHUNT_226_OHM = 0.01
UMOCKDEV_BUS = 1
STUB_BUS = 0
THIS_PROCESS = os.environ.get("JOULESPLIT_CHIP", "simulated")

collect_ignore = {
    "simulated": ["test_system_calls.py", "test_hwmon_tree.py", "test_library.py"],
    "umockdev": ["test_on_umockdev.py"],
    "stub": [
        "test_system_calls.py",
        "test_hwmon_tree.py",
        "test_library.py",
        "test_on_umockdev.py",
    ],
}[THIS_PROCESS]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the test may do to the chip and its surroundings."""

    chip: SimulatedIna219 | SimulatedIna226
    source: BenchSource
    break_transfer: Callable[[int, int], None] | None
    """Let the next transfers fail: (errno, how many); None where the backend cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    backend: str
    bus: I2cBus
    clock: Clock
    address: int
    shunt_ohm: float
    world: World | None

    def sensor(self, **changes) -> Ina219:
        settings = {
            "address": self.address,
            "shunt_ohm": self.shunt_ohm,
            "shunt_tolerance": 0.01,
            "expected_peak_a": 1.5,
            "probe_every": 0,  # so that every conversion can be counted
            "clock": self.clock,
        }
        return Ina219(self.bus, **{**settings, **changes})


class Bench226(Bench):
    """The same with an INA226 and its shunt."""

    def sensor(self, **changes) -> Ina226:
        settings = {
            "address": self.address,
            "shunt_ohm": self.shunt_ohm,
            "shunt_tolerance": 0.01,
            "probe_every": 0,
            "clock": self.clock,
        }
        return Ina226(self.bus, **{**settings, **changes})


class Wire:
    """Answers, in a thread, what ``umockdev_server.py`` asks on behalf of this process's calls."""

    def __init__(self, descriptor: int):
        self.bus = None
        self.held = frozenset()
        """Addresses a kernel driver is taken to hold."""
        self.selections = []
        """(address, forced) of every I2C_SLAVE and I2C_SLAVE_FORCE."""
        self._pointer = {}
        self._stream = socket.socket(fileno=descriptor).makefile("rw")
        threading.Thread(target=self._serve, daemon=True).start()

    def connect(self, bus: SimulatedI2cBus, *, held=frozenset()):
        self.bus = bus
        self.held = held
        self.selections.clear()

    def _serve(self):
        for line in self._stream:
            self._stream.write(json.dumps(self._answer(json.loads(line))) + "\n")
            self._stream.flush()

    def _answer(self, question):
        try:
            if question.pop("kind") == "select":
                return {"errno": self._select(**question), "data": []}
            return {"errno": 0, "data": list(self._transfer(**question))}
        except DeviceNotRespondingError:
            return {"errno": errno.EREMOTEIO, "data": []}
        except BusError as error:
            return {"errno": error.errno or errno.EIO, "data": []}

    def _select(self, *, address, forced):
        self.selections.append((address, forced))
        return errno.EBUSY if address in self.held and not forced else 0

    def _transfer(self, *, address, written, length):
        if written:
            self._pointer[address] = written[0]
        if len(written) == 3:
            self.bus.write_word(address, written[0], int.from_bytes(written[1:], "big"))
        if not length:
            return b""
        return self.bus.read_word(address, self._pointer[address]).to_bytes(2, "big")[:length]


class StubBus:
    """A bus of ours over i2c-stub, and behind its registers the simulated chip.

    Every word the driver gets or gives goes through the kernel; another file descriptor puts into
    the stub what the chip would hold at that moment.
    """

    def __init__(self, simulated: SimulatedI2cBus):
        self._simulated = simulated
        self._bus = SmbusI2cBus(STUB_BUS)
        self._writer = SmbusI2cBus(STUB_BUS)

    @property
    def number(self):
        return self._bus.number

    def read_word(self, address, register):
        if address == ADDRESS:
            word = self._simulated.read_word(address, register)
            self._writer.write_word(address, register, word)
        return self._bus.read_word(address, register)

    def write_word(self, address, register, word):
        self._bus.write_word(address, register, word)
        kept = self._writer.read_word(address, register)
        self._simulated.write_word(address, register, kept)

    def close(self):
        self._bus.close()
        self._writer.close()


@pytest.fixture(scope="session")
def wire():
    """The chip's end of umockdev's wire."""
    return Wire(int(os.environ["JOULESPLIT_WIRE_FD"]))


def pytest_generate_tests(metafunc):
    if "backend" not in metafunc.fixturenames:
        return
    backends = [THIS_PROCESS]
    if metafunc.config.getoption("--i2c-bus") is not None:
        backends.append(pytest.param("wired", marks=pytest.mark.hardware))
    metafunc.parametrize("backend", backends)


@pytest.fixture
def open_bench(backend, request):
    """Make a bench; the buses it opened are closed after the test."""
    opened = []

    def open_one(*, clock=None, **chip_changes) -> Bench:
        if backend == "wired":
            bench = _wired(request.config)
        else:
            bench = _simulated(backend, clock or SimulatedClock(), chip_changes, request)
        opened.append(bench.bus)
        return bench

    yield open_one
    for bus in opened:
        bus.close()


def _wired(config) -> Bench:
    return Bench(
        backend="wired",
        bus=SmbusI2cBus(config.getoption("--i2c-bus")),
        clock=MonotonicClock(),
        address=config.getoption("--i2c-address"),
        shunt_ohm=config.getoption("--shunt-ohm"),
        world=None,
    )


def _simulated(backend, clock, chip_changes, request) -> Bench:
    source = BenchSource(current_a=0.6, voltage_v=5.0)
    parameters = ChipParameters(**{"shunt_ohm": SHUNT_OHM, **chip_changes})
    chip = SimulatedIna219(source, clock, seed=7, parameters=parameters)
    return Bench(**_facts(backend, clock, chip, source, request), shunt_ohm=SHUNT_OHM)


@pytest.fixture
def bench_226(backend, request):
    """A bench with an INA226 in place of the INA219."""
    if backend == "wired":
        pytest.skip("the wired chip is an INA219")
    clock, source = SimulatedClock(), BenchSource(current_a=0.6, voltage_v=5.0)
    parameters = Ina226Parameters(shunt_ohm=SHUNT_226_OHM)
    chip = SimulatedIna226(source, clock, seed=7, parameters=parameters)
    facts = _facts(backend, clock, chip, source, request)
    yield Bench226(**facts, shunt_ohm=SHUNT_226_OHM)
    facts["bus"].close()


def _facts(backend, clock, chip, source, request):
    """Put a chip behind a backend's bus."""
    number = STUB_BUS if backend == "stub" else UMOCKDEV_BUS
    simulated = SimulatedI2cBus(number, {ADDRESS: chip}, clock)
    bus, breaks = simulated, _breaks_with_our_errors(simulated)
    if backend == "umockdev":
        request.getfixturevalue("wire").connect(simulated)
        bus, breaks = SmbusI2cBus(UMOCKDEV_BUS), _breaks_with_error_numbers(simulated)
    elif backend == "stub":
        bus, breaks = StubBus(simulated), None
    return {
        "backend": backend,
        "bus": bus,
        "clock": clock,
        "address": ADDRESS,
        "world": World(chip=chip, source=source, break_transfer=breaks),
    }


def _breaks_with_error_numbers(bus):
    """The kernel's way: a number, which our bus has to make sense of."""

    def break_transfer(code, times):
        for _ in range(times):
            bus.fail_next(BusError("on the wire", errno_value=code))

    return break_transfer


def _breaks_with_our_errors(bus):
    def break_transfer(code, times):
        for _ in range(times):
            bus.fail_next(translate_os_error(OSError(code, ""), bus.number, ADDRESS))

    return break_transfer


@pytest.fixture
def bench(open_bench) -> Bench:
    return open_bench()


@pytest.fixture
def world(bench) -> World:
    """The bench's world side; a wired chip has none that a test could reach."""
    if bench.world is None:
        pytest.skip("nobody can turn the knobs of a wired bench from here")
    return bench.world


@pytest.fixture
def break_transfer(bench, world):
    if world.break_transfer is None:
        pytest.skip(f"the backend {bench.backend} acknowledges everything")
    return world.break_transfer
