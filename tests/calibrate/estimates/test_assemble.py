"""Energies at or below zero are errors with advice: no figure is ever clamped."""

from __future__ import annotations

from math import sqrt

import msgspec
import pytest

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import compute_of, idle_of, uplink_of
from joulesplit.calibrate.profile import ModelIdentity, Runtime
from joulesplit.metrology import SystematicBudget
from window_records import window_record

EXACT = SystematicBudget(terms=(), scale_u_rel=0.0, offset_u_w=0.0)
MODEL = ModelIdentity(name="m", sha256="ab", input_bits=8)
RUNTIME = Runtime(name="r", version="1", threads=1, xnnpack=True)


def window(kind, *, block=0, repetitions, net_j, bits=0, airtime_s=0.0, number=0):
    work_s = airtime_s or 0.05 * repetitions
    return window_record(
        kind, block=block, repetitions=repetitions, net_j=net_j, work_s=work_s, number=number,
        airtime_s=airtime_s, payload_bits=bits,
    )  # fmt: skip


def inferences(*block_j):
    plan = [(block, n) for block in range(1, len(block_j) + 1) for n in (10, 20, 40, 80)]
    return [
        window("compute", block=block, repetitions=n, net_j=0.01 + n * block_j[block - 1], number=k)
        for k, (block, n) in enumerate(plan)
    ]


def test_every_block_has_its_energy_by_other_methods_in_both_accounts(make_block):
    blocks = (make_block(1, 100, 10), make_block(2, 200, 10))
    windows = inferences(0.01, 0.03)

    compute = compute_of(windows, blocks, EXACT, model=MODEL, runtime=RUNTIME)

    for block in compute.blocks:
        figures = [(view.figure, view.method) for view in block.views]
        assert figures == [
            (f"e_{block.index} {account}", method)
            for account in ("net", "gross")
            for method in ("weighted", "ordinary", "huber")
        ]
        for view in block.views:
            stated = block.energy_j.net if view.figure.endswith("net") else block.energy_j.gross
            # Windows without scatter: every method finds the energy itself.
            assert view.value == pytest.approx(stated.value, rel=1e-9)
            assert (view.unit, view.windows) == ("J", len(windows))


@pytest.mark.parametrize("energy_j", [0.0, -0.002])
def test_a_block_that_does_not_show_above_idle_gives_no_profile(make_block, energy_j):
    blocks = (make_block(1, 100, 10), make_block(2, 200, 10))
    with pytest.raises(EstimateError, match=r"block 2 \(block_2\).*not above zero.*lengthen"):
        compute_of(inferences(0.01, energy_j), blocks, EXACT, model=MODEL, runtime=RUNTIME)


def uploads(bit_j):
    plan = [
        (n, bits, rate)
        for rate in (5e6, 2e7)
        for bits, n in ((32_000, 40), (800_000, 4), (800_000, 9), (6_400_000, 1))
    ]
    return [
        window(
            "upload", repetitions=n, net_j=0.005 * n + bit_j * n * bits, bits=n * bits,
            airtime_s=n * bits / rate, number=k,
        )
        for k, (n, bits, rate) in enumerate(plan)
    ]  # fmt: skip


@pytest.mark.parametrize("bit_j", [0.0, -1e-8])
def test_bits_that_do_not_show_above_idle_give_no_e_c(bit_j):
    # Rounding puts nought on either side of nought; both are refused.
    refused = r"the net energy per bit at 2e\+07 bit/s.*not above|not distinguishable from zero"
    with pytest.raises(EstimateError, match=refused):
        uplink_of(uploads(bit_j), 2e7, EXACT)


def test_what_the_campaign_leaves_open_stands_apart_by_kind_of_work(make_block):
    """Idle steps of 30 mW after computing and 90 mW after uploads, as if half of them were work."""
    blocks = (make_block(1, 100, 10), make_block(2, 200, 10))
    alone = inferences(0.01, 0.03), uploads(1e-8)
    steps_w = (0.03, 0.09)
    computing, sending = (
        [msgspec.structs.replace(record, idle_step_w=step_w) for record in records]
        for records, step_w in zip(alone, steps_w, strict=True)
    )
    records = computing + sending
    shares = [
        step_w / 2 / sqrt(3) * sum(r.work_s for r in kind) / sum(r.net_j for r in kind)
        for step_w, kind in zip(steps_w, (computing, sending), strict=True)
    ]

    compute = compute_of(records, blocks, EXACT, model=MODEL, runtime=RUNTIME)
    uplink, idle = uplink_of(records, 5e6, EXACT), idle_of(records, EXACT)

    assert compute.campaign.net_u_rel == pytest.approx(shares[0])
    assert uplink.campaign.net_u_rel == pytest.approx(shares[1])
    for energy in (compute.blocks[0].energy_j, compute.e_d_flop_per_j):
        assert energy.net.u_sys == pytest.approx(shares[0] * energy.net.value)
        assert energy.gross.u_sys == pytest.approx(
            compute.campaign.gross_u_rel * energy.gross.value
        )
    assert uplink.e_c_bit_per_j.net.u_sys == pytest.approx(
        shares[1] * uplink.e_c_bit_per_j.net.value
    )
    assert idle.campaign_u_w == pytest.approx(idle.power_w.u_sys)
