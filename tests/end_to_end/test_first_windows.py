"""What the first windows of a campaign tell of the wiring, on the simulated chip, virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from joulesplit._simulation import draw_world
from joulesplit.calibrate.campaign import QUICK, CampaignListener
from joulesplit.calibrate.campaign._first_window_check import COMPUTING, LOOKS
from joulesplit.calibrate.errors import CalibrationError, WiringError
from joulesplit.calibrate.workloads import BoardCosts
from joulesplit.cli._exit_codes import ExitCode, exit_code_of
from joulesplit.cli._resources import paper_network
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.reading import read_network
from proof.virtual import run_virtual

BLOCKS = residual_blocks(read_network(paper_network()))
WORLDS = 12


class EnoughError(Exception):
    """The gate let the campaign go on."""


def begin(setup):
    """Run a campaign up to a window past the gate; return the windows it kept."""
    kept = []

    def keep(record):
        kept.append(record)
        if sum(r.task.kind in COMPUTING for r in kept) > max(LOOKS):
            raise EnoughError

    try:
        run_virtual(QUICK, BLOCKS, setup, told=CampaignListener(keep=keep))
    except EnoughError:
        return kept, None
    except CalibrationError as error:
        return kept, error
    raise AssertionError("the campaign ended before the gate")


def world(seed=1, *, shunt_ohm=None, **costs):
    setup = draw_world(seed, origin_ns=10**9, costs=BoardCosts(**costs))
    if shunt_ohm is not None:
        setup = replace(setup, chip=replace(setup.chip, shunt_ohm=shunt_ohm))
    return setup


def test_swapped_leads_are_told_after_one_window_by_their_idle_power():
    kept, error = begin(world(shunt_ohm=-0.1))

    assert isinstance(error, WiringError)
    assert str(error).startswith(("idle reads −2.5", "idle reads −2.6"))
    assert "VIN+ and VIN− are swapped" in str(error)
    assert exit_code_of(error) is ExitCode.MEASUREMENT
    assert len(kept) == 1


@pytest.mark.parametrize("seed", [*range(5), 9])  # 0, 4, 9: the supply falls, and offset below zero
def test_a_device_fed_past_the_shunt_is_told_though_the_offset_reads_a_little_power(seed):
    """All current takes another way: what is left is the chip's offset, of either sign."""
    kept, error = begin(world(seed, shunt_ohm=1e-6))

    assert isinstance(error, WiringError)
    assert "fed past the shunt" in str(error)
    assert sum(record.task.kind in COMPUTING for record in kept) in LOOKS


def test_a_second_supply_that_takes_the_load_is_told_though_idle_reads_right():
    kept, error = begin(world(compute_power_w=0.0, window_cost_j=0.0))

    assert isinstance(error, WiringError)
    assert "the work does not show" in str(error)
    assert kept[0].idle_power_w == pytest.approx(2.6, rel=0.05)


def test_work_that_takes_power_off_the_device_does_not_show_as_work():
    """As with a sensor in the wrong lead: the device seems to draw less while it works."""
    _, error = begin(world(compute_power_w=-0.2, window_cost_j=0.0))

    assert isinstance(error, WiringError)


def test_a_small_signal_is_let_through_where_one_window_is_above_its_scatter():
    """25 mW above 2.6 W, where one window scatters by 7.7 mW (background of 8 mW, 50 ms)."""
    outcomes = [
        begin(world(seed, compute_power_w=0.025, window_cost_j=0.0)) for seed in range(WORLDS)
    ]

    assert [error for _, error in outcomes] == [None] * WORLDS
    # The signal is small indeed: less than one per cent of idle.
    assert all(
        r.net_j / r.work_s < 0.06 for kept, _ in outcomes for r in kept if r.task.kind in COMPUTING
    )
