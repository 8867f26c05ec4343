"""A host that is slower than the simulated board makes no truth out of its own pace."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import msgspec
import pytest
from rich.console import Console

from joulesplit._simulation import draw_world
from joulesplit.calibrate.campaign import (
    QUICK,
    Completion,
    crossing_bits,
    profile_from_windows,
    run_campaign,
    upload_subjects,
)
from joulesplit.cli._resources import paper_network
from joulesplit.cli.report.terminal import profile_page
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.reading import read_network
from proof.stage import stage_of
from proof.virtual import virtual_circumstances

NETWORK = read_network(paper_network())
BLOCKS = residual_blocks(NETWORK)
PLAN = msgspec.structs.replace(QUICK, whole=False, heads=())
DONE = Completion(complete=True, reached=True, reason="", warm=True)

pytestmark = pytest.mark.campaign


def profile_on(slower):
    """Calibrate where every inference takes the host so many times what it takes the board."""
    setup = draw_world(4, origin_ns=10**9)
    uploads = upload_subjects(PLAN, crossing_bits(NETWORK.input_bits, BLOCKS))
    stage = stage_of(setup, BLOCKS)
    bench = stage.bench(uploads)

    def computing(block):
        costs = setup.costs
        board_s = block.flop / costs.flop_rate_per_s
        board_s += block.output_bits / costs.memory_rate_bit_per_s
        took_ns = round(slower * board_s * 1e9)
        return lambda: bench.clock.sleep_until_ns(bench.clock.now_ns() + took_ns)

    blocks = {b.index: replace(bench.blocks[b.index], invoke=computing(b)) for b in BLOCKS}
    records = run_campaign(PLAN, replace(bench, blocks=blocks), uploads).records
    around = virtual_circumstances(PLAN, NETWORK, BLOCKS, setup, stage.sampler.description)
    return profile_from_windows(records, around, DONE)


def test_a_host_that_keeps_pace_is_held_against_both_truths():
    assert profile_on(0.5).truth.e_d_flop_per_j.keys() == {"net", "gross"}


@pytest.mark.parametrize("slower", [2.0, 20.0])
def test_a_slower_host_is_held_against_the_net_truth_alone_and_the_report_says_why(slower):
    profile = profile_on(slower)

    assert profile.truth.e_d_flop_per_j.keys() == {"net"}
    low, high = profile.compute.e_d_flop_per_j.net.ci95
    assert low <= profile.truth.e_d_flop_per_j["net"] <= high
    terminal = Console(file=StringIO(), width=100)
    terminal.print(profile_page(profile, "p.json"))
    text = " ".join(terminal.file.getvalue().split())
    assert "E_d gross is held against no truth: this host took longer" in text
