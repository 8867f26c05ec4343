"""The choice against brute force, its ties and its limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.optimizer import Constraints
from joulesplit.optimizer._search import broken_limits, cheapest, excess_j, feasible_blocks
from joulesplit.optimizer.errors import InvalidConstraintError, NoFeasibleSplitError

instances = st.integers(1, 12).flatmap(
    lambda n: st.fixed_dictionaries(
        {
            "block_energy_j": st.lists(st.integers(1, 50).map(float), min_size=n, max_size=n),
            "output_bits": st.lists(st.integers(1, 40), min_size=n, max_size=n),
            "input_bits": st.integers(1, 60),
            "bit_energy_j": st.sampled_from([0.25, 0.5, 1.0, 2.0, 8.0]),
            "upload_cost_j": st.sampled_from([0.0, 1.0, 10.0]),
        }
    )
)


def formula_j(case, block):
    """Equation (1) written out once more, for l from 0."""
    computed = sum(case["block_energy_j"][:block])
    if block == len(case["block_energy_j"]):
        return computed, 0
    bits = case["output_bits"][block - 1] if block else case["input_bits"]
    return computed + case["upload_cost_j"] + bits * case["bit_energy_j"], bits


@given(instances)
def test_choice_is_the_brute_force_minimum_and_ties_go_to_the_smaller_upload(candidates, case):
    # All figures are multiples of 1/4 far below 2^53, so ties are exact.
    energies = candidates(**case)
    truth = [(*formula_j(case, block), block) for block in range(len(energies))]
    assert [(e.total_j, e.upload_bits, e.block) for e in energies] == truth
    assert cheapest(energies, range(len(energies))) == min(truth)[2]


def test_splits_that_only_rounding_tells_apart_are_level(candidates):
    # 0.1 + 0.2 is above 0.3 by 5.6e-17; the one that costs so much more sends less.
    offload, split = candidates(
        block_energy_j=[9.0], output_bits=[1], input_bits=3, bit_energy_j=0.1, upload_cost_j=0.0
    )
    offload = replace(offload, upload_j=0.3)
    split = replace(split, compute_j=0.2, upload_j=0.1, upload_bits=1)
    dearer = replace(split, compute_j=0.2 + 1e-12)
    assert offload.total_j < split.total_j

    assert cheapest((offload, split), [0, 1]) == 1
    assert excess_j(offload, split) == 0.0
    assert excess_j(dearer, offload) == pytest.approx(1e-12, rel=1e-3)


@given(case=instances, data=st.data())
def test_limits_leave_exactly_the_candidates_that_keep_them(candidates, case, data):
    energies = candidates(**case)
    last = len(energies) - 1
    low = data.draw(st.integers(0, last))
    limits = Constraints(
        min_block=low,
        max_block=data.draw(st.integers(low, last)),
        max_latency_s=data.draw(st.floats(1.0, 20.0)),
        max_upload_bits=data.draw(st.integers(0, 60)),
    )
    limits.require_sensible(last)
    times = [energy.block + energy.upload_bits / 10.0 for energy in energies]
    broken = broken_limits(limits, energies, times)
    kept = [
        block
        for block in range(last + 1)
        if limits.min_block <= block <= limits.max_block
        and block + formula_j(case, block)[1] / 10.0 <= limits.max_latency_s
        and formula_j(case, block)[1] <= limits.max_upload_bits
    ]
    if kept:
        assert feasible_blocks(broken, energies, times) == tuple(kept)
    else:
        with pytest.raises(NoFeasibleSplitError) as caught:
            feasible_blocks(broken, energies, times)
        assert caught.value.binding


@pytest.fixture
def three_blocks(candidates):
    return candidates(
        block_energy_j=[1.0, 1.0, 1.0],
        output_bits=[40, 20, 10],
        input_bits=100,
        bit_energy_j=1.0,
        upload_cost_j=0.0,
    )


def refused(limits, energies, times=None):
    with pytest.raises(NoFeasibleSplitError) as caught:
        feasible_blocks(broken_limits(limits, energies, times), energies, times)
    return caught.value


def test_a_limit_that_binds_alone_is_named_with_what_would_do(three_blocks):
    error = refused(Constraints(max_latency_s=0.5), three_blocks, (9.0, 5.0, 4.0, 6.0))
    assert error.binding == ("max_latency_s",)
    assert "the fastest needs 4 s" in str(error)


def test_limits_that_bind_only_together_are_all_named(three_blocks):
    limits = Constraints(min_block=1, max_block=2, max_upload_bits=15)
    error = refused(limits, three_blocks)
    assert error.binding == ("max_block", "max_upload_bits")
    assert "max_block and max_upload_bits together" in str(error)
    assert "the smallest upload is 20 bit" in str(error)


@pytest.mark.parametrize(
    "limits",
    [
        Constraints(min_block=-1),
        Constraints(max_block=4),
        Constraints(min_block=3, max_block=2),
        Constraints(max_latency_s=0.0),
        Constraints(max_latency_s=float("nan")),
        Constraints(max_upload_bits=-1),
    ],
)
def test_limits_without_sense_are_refused(limits):
    with pytest.raises(InvalidConstraintError):
        limits.require_sensible(3)
