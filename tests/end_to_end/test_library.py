"""A device measured by a program of one's own: no command, no optimizer. Real time."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest

from joulesplit._simulation import world_from_now
from joulesplit.calibrate import (
    EdgeAddress,
    Instrument,
    JournalFile,
    RunPlan,
    calibrate_device,
    measure_program,
    validate_split,
)
from joulesplit.calibrate.campaign import QUICK, PredictedTimes, for_decision, profile_from_journal
from joulesplit.calibrate.errors import PlanError
from joulesplit.calibrate.journal import read_journal
from joulesplit.calibrate.windows import WindowTiming
from joulesplit.cli._resources import paper_network
from joulesplit.cli._server_process import loopback_server
from joulesplit.drivers import MonotonicClock

pytestmark = [
    pytest.mark.live,
    pytest.mark.alone("a sampler reads in real time: with every core busy it loses conversions"),
]

MODEL = paper_network()
PLAN = msgspec.structs.replace(
    QUICK, name="two blocks", blocks=(33, 64), work_s=(0.12, 0.24), rests=0
)


@dataclass(frozen=True)
class Guess:
    """A prediction by nobody in particular."""

    block: int
    energy_j: float
    u_stat_j: float | None = None
    degrees_of_freedom: float | None = None
    by_model_j: dict[str, float] = field(default_factory=dict)


@pytest.fixture(scope="module")
def instrument():
    world = world_from_now(1, MonotonicClock())
    address = loopback_server(MODEL)
    with (
        address as url,
        Instrument(MODEL, world, EdgeAddress(url=url), cut=PLAN.blocks) as running,
    ):
        yield running


def test_a_calibration_needs_an_instrument_a_plan_and_a_file(instrument, tmp_path):
    told, file = [], JournalFile(path=tmp_path / "p.windows.jsonl")

    profile = calibrate_device(instrument, PLAN, file, told.append)

    assert profile == profile_from_journal(read_journal(file.path))
    assert (profile.source, len(profile.compute.blocks)) == ("simulated", 2)
    true_j = sum(profile.truth.block_energy_j)
    found_j = sum(block.energy_j.net.value for block in profile.compute.blocks)
    assert found_j == pytest.approx(true_j, rel=0.2)
    assert told[0].done == 0
    assert told[-1].done == told[-1].total == profile.campaign.windows


def test_a_plan_for_a_decision_is_refused_before_anything_is_begun(instrument, tmp_path):
    earlier = tmp_path / "p.json"
    earlier.touch()
    file = JournalFile(path=tmp_path / "p.windows.jsonl", replaces=(earlier,))

    with pytest.raises(PlanError, match="hand in make_rule"):
        calibrate_device(instrument, for_decision(PLAN), file)
    assert [path.name for path in tmp_path.iterdir()] == ["p.json"]


def test_a_split_is_held_against_whatever_is_predicted_of_it(instrument):
    found = validate_split(instrument, Guess(block=2, energy_j=1.0), 20e6)

    assert found.predicted == Guess(block=2, energy_j=1.0)
    assert found.difference_j == found.measured.net_j.value - 1.0
    assert not found.agrees
    assert found.outputs.agree
    assert (found.transfer, found.sent) == (None, None)


def test_a_profile_of_a_faster_link_is_contradicted_by_the_time_of_an_upload(instrument):
    bits = 8 * sum(array.nbytes for array in instrument.network.crossing(1))
    real_s = bits / instrument.device.link_rate_bit_per_s

    slow = validate_split(
        instrument, Guess(block=1, energy_j=1.0), None, times=PredictedTimes(transfer_s=real_s / 4)
    )
    honest = validate_split(
        # No rate makes a link faster than it is.
        instrument, Guess(block=1, energy_j=1.0), 1e9, times=PredictedTimes(transfer_s=real_s)
    )  # fmt: skip

    # A busy machine is late, and a link is never early.
    assert slow.transfer.measured_s >= 0.99 * real_s
    assert not slow.in_time
    assert not slow.passed
    assert honest.transfer.agrees


def test_a_program_is_priced_on_a_device():
    plan = RunPlan(
        arguments=("sleep", "0.3"), runs=2, timing=WindowTiming(idle_s=0.3, settle_s=0.05)
    )
    done = []

    measured = measure_program(plan, world_from_now(1, MonotonicClock()), done.append)

    assert measured.records == tuple(done)
    assert measured.sensor.simulated
    assert measured.figures.duration_s.value == pytest.approx(0.3, rel=0.5)
