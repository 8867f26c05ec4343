"""The simulated board behind an INA226: what ``--sensor simulated-ina226`` measures."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from joulesplit._simulation import draw_world, load_of, open_simulated_sensor
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import LoadLog, Mishap, SimulatedClock
from joulesplit.drivers.simulated._clock import EventfulClock
from joulesplit.metrology import budget_of

ORIGIN_NS = 10**9


def test_it_is_marked_as_simulated_and_named_by_its_chip():
    setup = draw_world(3, ORIGIN_NS, chip="ina226")
    clock = SimulatedClock(start_ns=ORIGIN_NS)
    with open_simulated_sensor(setup, bytearray(LoadLog.bytes_needed(16)), clock) as sensor:
        said = sensor.description
    assert (said.kind, said.simulated) == ("simulated-ina226", True)
    assert said.name == "simulated INA226 at 0x40 on I2C bus 1"


@pytest.mark.parametrize("seed", range(12))
def test_its_power_is_the_boards_within_its_own_budget(seed):
    """Within the sum of all bounds, which no drawn specimen can leave; the noise is 0.1 %."""
    setup = draw_world(seed, ORIGIN_NS, chip="ina226")
    clock, buffer = SimulatedClock(start_ns=ORIGIN_NS), bytearray(LoadLog.bytes_needed(16))
    load = load_of(setup, buffer)
    with open_simulated_sensor(setup, buffer, clock, load=load) as sensor:
        readings = [sensor.read() for _ in range(300)]
        terms = sensor.description.accuracy
    energy_j = sum(b.power_w * (b.t_ns - a.t_ns) * 1e-9 for a, b in itertools.pairwise(readings))
    true_j = load.true_energy_j(readings[0].t_ns, readings[-1].t_ns)
    scale = sum(term.half_width for term in terms if term.kind == "scale")
    offset_w = sum(term.half_width for term in terms if term.kind == "offset")
    assert abs(energy_j / true_j - 1) < scale + offset_w / 2.6 + 1e-3
    assert budget_of(terms).scale_u_rel == pytest.approx(0.0071, rel=0.05)


def test_what_befalls_a_simulated_chip_befalls_this_one_too():
    mishaps = (Mishap(kind="reset", at_s=1.0), Mishap(kind="stuck", at_s=2.0, lasts_s=2.0))
    setup = replace(draw_world(3, ORIGIN_NS, chip="ina226"), mishaps=mishaps, corrupt_share=1e-3)
    clock = EventfulClock(start_ns=ORIGIN_NS)
    with open_simulated_sensor(setup, bytearray(LoadLog.bytes_needed(16)), clock) as sensor:
        readings = [sensor.read() for _ in range(1200)]
    found = {flag for flag in ReadingFlag if any(r.flags & flag for r in readings)}
    assert {ReadingFlag.CHIP_RESET, ReadingFlag.STUCK, ReadingFlag.DOUBTFUL_WORDS} <= found
    assert ReadingFlag.FOREIGN_WRITER not in found
