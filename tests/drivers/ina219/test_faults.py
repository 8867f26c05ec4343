"""What goes wrong while the real driver measures, made to happen on the simulated chip."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from joulesplit.drivers.errors import BusError, ConversionTimeoutError, DeviceNotRespondingError
from joulesplit.drivers.ina2xx._reading_flags import STUCK_AFTER
from joulesplit.drivers.ina2xx._register_link import MAX_TRIES
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import SimulatedI2cBus
from joulesplit.drivers.simulated._load import BenchSource

S = 1_000_000_000


def test_clipped_shunt_and_bus_are_flagged(make_bench):
    source = BenchSource(current_a=0.5, voltage_v=5.0)
    bench = make_bench(source)
    with bench.sensor() as sensor:
        source.current_a = -2.0
        sensor.read()
        clipped = sensor.read()
        source.current_a, source.voltage_v = 0.5, 20.0
        sensor.read()
        high = sensor.read()
    assert clipped.flags == ReadingFlag.SHUNT_CLIPPED
    assert clipped.current_a == pytest.approx(-1.6)
    assert high.flags == ReadingFlag.BUS_CLIPPED


def test_a_result_that_never_changes_is_flagged_until_it_does(make_bench):
    bench = make_bench(noise_v_rms=1e-3)  # a mean of 16 then hardly ever repeats the one before
    with bench.sensor() as sensor:
        assert sensor.read().flags == ReadingFlag.NONE
        bench.chip.freeze()
        flags = [sensor.read().flags for _ in range(STUCK_AFTER + 5)]
        bench.chip.freeze(frozen=False)
        sensor.read()
        released = {sensor.read().flags for _ in range(5)}
    assert flags[-1] == ReadingFlag.STUCK
    assert flags[0] == ReadingFlag.NONE
    assert released == {ReadingFlag.NONE}


def test_unacknowledged_transactions_are_tried_again_and_flagged(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        sensor.read()
        bench.bus.drop_acknowledge(MAX_TRIES - 1)
        assert sensor.read().flags & ReadingFlag.RETRIED
        assert sensor.read().flags == ReadingFlag.NONE
        bench.bus.drop_acknowledge(MAX_TRIES)
        with pytest.raises(DeviceNotRespondingError, match="0x40"):
            sensor.read()


def test_a_failure_that_retries_cannot_cure_is_raised_at_once(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        bench.bus.fail_next(BusError("adapter is gone"))
        with pytest.raises(BusError, match="adapter is gone"):
            sensor.read()
        sensor.read()


def test_the_configuration_is_read_back_every_second(make_bench):
    bench = make_bench(noise_v_rms=50e-6)
    looked_ns = []

    class WatchedBus(SimulatedI2cBus):
        def read_word(self, address: int, register: int) -> int:
            if register == 0:
                looked_ns.append(bench.clock.now_ns())
            return super().read_word(address, register)

    bus = WatchedBus(1, {0x40: bench.chip}, bench.clock)
    with replace(bench, bus=bus).sensor(shunt_samples=128) as sensor:
        looked_ns = [bench.clock.now_ns()]
        end_ns = sensor.read().t_ns + 10 * S
        while sensor.read().t_ns < end_ns:
            pass
    looked_ns.append(bench.clock.now_ns())
    steps = [later - earlier for earlier, later in itertools.pairwise(looked_ns)]
    assert max(steps) < 1.2 * S


def test_a_chip_that_another_program_powers_down_is_started_again(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        sensor.read()
        bench.bus.write_word(0x40, 0, sensor.configuration.word & ~7)
        assert sensor.read().flags == ReadingFlag.FOREIGN_WRITER | ReadingFlag.GAP_BEFORE


def test_a_chip_that_stops_converting_is_an_error(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        sensor.read()
        bench.chip.stop_converting()
        with pytest.raises(ConversionTimeoutError, match="configuration is intact"):
            sensor.read()
