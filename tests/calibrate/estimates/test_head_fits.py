from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import fit_blocks, heads_of
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.metrology import SystematicBudget
from window_records import window_record

EXACT = SystematicBudget(terms=(), scale_u_rel=0.0, offset_u_w=0.0)
WINDOW_J, IDLE_W = 0.004, 2.0
BLOCK_J = (0.010, 0.020, 0.025)
HEAD_J = {2: 0.024, 3: 0.05}
REPETITIONS = (10, 20, 40)
SUBJECTS = [
    *(("compute", block, energy_j) for block, energy_j in enumerate(BLOCK_J, start=1)),
    ("head", 2, HEAD_J[2]),
    ("whole", 3, HEAD_J[3]),
]


def window(kind, block, energy_j, repetitions, *, noise_j=0.0, number=0) -> WindowRecord:
    """A window of so many repetitions with 1.5 W above idle while it works."""
    work_s = repetitions * energy_j / 1.5
    net_j = WINDOW_J + repetitions * energy_j + noise_j
    return window_record(
        kind, block=block, repetitions=repetitions, net_j=net_j, work_s=work_s, number=number
    )


def windows(random=None, sigma=1e-4, subjects=SUBJECTS):
    """Every subject in every size twice; the noise is what the fits expect of a window."""
    records = []
    for kind, block, energy_j in subjects:
        for n in REPETITIONS * 2:
            work_s = n * energy_j / 1.5
            spread = sigma * (work_s + work_s**2) ** 0.5
            noise_j = spread * random.standard_normal() if random else 0.0
            records.append(window(kind, block, energy_j, n, noise_j=noise_j, number=len(records)))
    return records


def test_a_head_costs_its_own_slope_and_not_the_sum_of_its_blocks():
    heads = heads_of(windows(), 3, EXACT)

    head, whole = heads.energies
    assert (head.last_block, whole.last_block) == (2, 3)
    assert head.energy_j.net.value == pytest.approx(0.024)
    assert head.energy_j.gross.value == pytest.approx(0.024 + IDLE_W * 0.016)
    assert head.latency_s.value == pytest.approx(0.016)
    assert head.net_over_blocks == pytest.approx(0.8)
    assert whole.net_over_blocks == pytest.approx(0.05 / 0.055)


def test_without_windows_of_heads_there_are_none():
    assert heads_of(windows(subjects=SUBJECTS[:3]), 3, EXACT) is None


def test_a_head_that_does_not_show_above_idle_is_an_error_and_not_a_figure():
    records = [
        window(kind, block, energy_j, n, noise_j=-1.1 * n * energy_j * (kind == "head"))
        for kind, block, energy_j in SUBJECTS
        for n in REPETITIONS
    ]
    with pytest.raises(EstimateError, match=r"blocks 1 to 2 as one network .* not above zero"):
        heads_of(records, 3, EXACT)


def stated(heads, blocks):
    """Return the covariance of e_1 … e_L and the heads as the profile states it."""
    count, extra = len(blocks), len(heads.energies)
    matrix = np.zeros((count + extra, count + extra))
    matrix[:count, :count] = blocks
    matrix[count:] = heads.covariance_j2
    return np.tril(matrix) + np.tril(matrix, -1).T


def estimates(records):
    blocks = fit_blocks(
        [r.observation for r in records if r.task.kind == "compute"], len(BLOCK_J), "net"
    )
    heads = heads_of(records, len(BLOCK_J), EXACT)
    values = [*blocks.values[1:], *(h.energy_j.net.value for h in heads.energies)]
    return values, stated(heads, blocks.covariance[1:, 1:]), heads


def test_heads_and_blocks_scatter_together_as_is_stated():
    """The blocks come from a fit of their own, the heads from that of all: seen in 1000 worlds."""
    random = np.random.default_rng(5)
    found, said, ratios = [], [], []
    for _ in range(1000):
        values, covariance, heads = estimates(windows(random))
        found.append(values)
        said.append(covariance)
        ratios.append((heads.energies[0].net_over_blocks, heads.energies[0].net_over_blocks_u))
    scatter, mean = np.cov(np.array(found).T), np.mean(said, axis=0)
    sigma = np.sqrt(np.diag(scatter))
    # A correlation from 1000 draws is known to 0.032 (1 σ).
    assert mean / np.outer(sigma, sigma) == pytest.approx(
        scatter / np.outer(sigma, sigma), abs=0.13
    )
    values, uncertainties = np.array(ratios).T
    assert values.std() == pytest.approx(np.sqrt(np.mean(uncertainties**2)), rel=0.06)


@given(seed=st.integers(0, 2**32 - 1), sigma=st.floats(1e-6, 1e-3))
def test_what_is_stated_of_heads_and_blocks_is_always_a_covariance(seed, sigma):
    _, covariance, heads = estimates(windows(np.random.default_rng(seed), sigma))
    deviation = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviation, deviation)
    assert np.linalg.eigvalsh(correlation).min() > -1e-9
    assert len(heads.triangle_j2) == 4 + 5
    for head, variance in zip(
        heads.energies, (heads.triangle_j2[3], heads.triangle_j2[8]), strict=True
    ):
        assert head.energy_j.net.u_stat**2 == pytest.approx(variance, rel=1e-5)
