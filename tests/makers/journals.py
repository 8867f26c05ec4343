"""The journal of a campaign in virtual time."""

from __future__ import annotations

from dataclasses import replace

from joulesplit._simulation import draw_world
from joulesplit.calibrate.campaign import QUICK
from joulesplit.calibrate.journal import Begun, Ended, Header, Journal, WindowEntry
from proof.stage import proof_blocks, proof_network
from proof.virtual import run_virtual, virtual_circumstances


def write_virtual_journal(path, *, seed=1, plan=QUICK, settings=None, **around):
    """Measure a simulated world and write the journal, its circumstances changed as told."""
    setup, blocks = draw_world(seed, origin_ns=10**9), proof_blocks()
    outcome, sensor, statistics = run_virtual(plan, blocks, setup)
    sensor = replace(sensor, settings={**sensor.settings, **(settings or {})})
    circumstances = virtual_circumstances(plan, proof_network(), blocks, setup, sensor)
    circumstances = replace(circumstances, **around)
    with Journal(path) as file:
        file.append(Header(plan=plan, around=circumstances, link_kind="wifi"))
        file.append(Begun(start=outcome.start, conditions=None))
        for record in outcome.records:
            file.append(WindowEntry(window=record, sampling=statistics))
        file.append(Ended(opinion=outcome.opinion, throttled_bits=None, conditions=None))
    return path
