"""Windows that other programs spoil are run again, for the load that was seen alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from joulesplit._simulation import draw_world
from joulesplit.calibrate.campaign import QUICK, crossing_bits, run_campaign, upload_subjects
from joulesplit.calibrate.environment import ForeignLoad
from joulesplit.cli._resources import paper_network
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.reading import read_network
from proof.stage import stage_of

NETWORK = read_network(paper_network())
BLOCKS = residual_blocks(NETWORK)

pytestmark = pytest.mark.campaign


class Neighbour:
    """Another program, busy in the windows of some numbers, counted with their repeats."""

    def __init__(self, busy, share=0.5):
        self.busy, self.share, self.window = busy, share, -1

    def begin(self):
        self.window += 1

    def since(self):
        share = self.share if self.busy(self.window) else 0.0
        return ForeignLoad(share=share, programs=(("cc1plus", share),) if share else ())


class ShortMemory:
    """Memory that runs short in the windows of some numbers."""

    def __init__(self, short):
        self.short, self.window = short, -1

    def begin(self):
        self.window += 1

    def since(self):
        return 40 if self.window in self.short else 0


def campaign(neighbour, seed=1, paging=None):
    """Run a quick campaign beside a program that takes no power: only the load is seen."""
    uploads = upload_subjects(QUICK, crossing_bits(NETWORK.input_bits, BLOCKS))
    stage = stage_of(draw_world(seed, origin_ns=10**9), BLOCKS)
    bench = replace(stage.bench(uploads, heads=(len(BLOCKS),)), foreign_load=neighbour)
    bench = replace(bench, paging=paging)
    return run_campaign(QUICK, bench, uploads).records


def test_a_spoilt_window_is_run_again_until_it_is_clean_and_says_so():
    records = campaign(Neighbour({5, 9, 10}.__contains__))

    again = [(place, r.spoilt_tries) for place, r in enumerate(records) if r.spoilt_tries]
    assert again == [(5, 1), (8, 2)]
    assert all(record.foreign_cpu == 0.0 for record in records)
    assert all((r.spoilt_s > 0) == (r.spoilt_tries > 0) for r in records)


def test_what_was_measured_has_no_say_in_what_is_run_again():
    """The same neighbour beside other worlds, whose every energy differs."""
    busy = {2, 20, 21, 47}.__contains__
    patterns = {
        tuple(r.spoilt_tries for r in campaign(Neighbour(busy), seed)[:50]) for seed in (1, 2, 3)
    }
    assert len(patterns) == 1


def test_beside_a_program_that_never_stops_repeats_are_few_and_the_load_is_kept():
    records = campaign(Neighbour(lambda _: True))

    repeats = sum(record.spoilt_tries for record in records)
    assert 4 <= repeats <= 4 + 0.25 * len(records)
    assert all(record.spoilt_tries <= 2 for record in records)
    assert {(r.foreign_cpu, r.foreign_programs) for r in records} == {(0.5, "cc1plus 50%")}


def test_a_light_neighbour_costs_no_repeat():
    records = campaign(Neighbour(lambda _: True, share=0.15))
    assert not sum(record.spoilt_tries for record in records)


def test_memory_that_is_short_in_a_window_is_kept_with_it():
    records = campaign(Neighbour(set().__contains__), paging=ShortMemory({7}))
    assert [place for place, record in enumerate(records) if record.paging] == [7]
    assert records[7].paging == 40
