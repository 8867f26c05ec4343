from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import energy_per_bit, fit_blocks, fit_link
from joulesplit.calibrate.estimates._fitting import fit_latency


def compute_windows(make_observation, energies, window_j=0.05, noise=None):
    sizes = (4, 8, 16)
    return [
        make_observation(
            block,
            n,
            window_j + energy * n + (noise() if noise else 0.0),
            work_s=0.01 + 0.1 * n,
        )
        for block, energy in enumerate(energies, start=1)
        for n in sizes
    ]


def test_energy_per_inference_is_the_slope_and_the_window_cost_the_intercept(make_observation):
    windows = compute_windows(make_observation, [0.01, 0.03, 0.002])

    net = fit_blocks(windows, 3, "net")
    gross = fit_blocks(windows, 3, "gross")

    assert net.values == pytest.approx([0.05, 0.01, 0.03, 0.002])
    # Idle is 2 W and an inference lasts 0.1 s: gross has 0.2 J more of each.
    assert gross.values[1:] == pytest.approx([0.21, 0.23, 0.202])
    assert fit_latency(windows, 3).values[1:] == pytest.approx([0.1, 0.1, 0.1])


def test_the_sum_over_blocks_uses_their_covariance(make_observation):
    random = np.random.default_rng(3)
    windows = compute_windows(
        make_observation, [0.01, 0.03, 0.02, 0.04], noise=lambda: random.normal(scale=1e-3)
    )

    fit = fit_blocks(windows, 4, "net")
    total = fit.combine([0.0, 1.0, 1.0, 1.0, 1.0])

    covariance = fit.covariance
    expected = covariance[1:, 1:].sum()
    assert covariance[1, 2] != 0
    assert total.u_stat**2 == pytest.approx(expected)
    assert total.n == len(windows)


def test_a_block_that_was_never_measured_is_an_error(make_observation):
    windows = compute_windows(make_observation, [0.01, 0.03])

    with pytest.raises(EstimateError, match="block 3 was never measured"):
        fit_blocks(windows, 3, "net")


def upload_windows(make_observation, e_0, p_air, e_bit):
    return [
        make_observation(
            0,
            uploads,
            uploads * e_0 + uploads * bits / rate * p_air + uploads * bits * e_bit,
            airtime_s=uploads * bits / rate,
            payload_bits=uploads * bits,
            work_s=uploads * bits / rate + 0.01 * uploads,
        )
        for rate in (5e6, 2e7)
        for bits, once in ((32_000, 20), (800_000, 2), (6_400_000, 1))
        for uploads in (once, 3 * once)
    ]


@pytest.mark.parametrize("burst_j", [0.0, 0.03])
def test_upload_energy_is_split_into_start_airtime_bits_and_burst(make_observation, burst_j):
    windows = [
        replace(w, net_j=w.net_j + burst_j)
        for w in upload_windows(make_observation, 5e-3, 0.6, 1.2e-8)
    ]

    fit = fit_link(windows, "net")

    assert fit.values == pytest.approx([5e-3, 0.6, 1.2e-8, burst_j], abs=1e-12)
    assert energy_per_bit(fit, 1e7).value == pytest.approx(0.6 / 1e7 + 1.2e-8)


def test_windows_of_one_length_cannot_tell_a_burst_and_are_fitted_without_it(make_observation):
    windows = [
        make_observation(
            0,
            uploads,
            uploads * 5e-3 + 0.6 * airtime_s + 1.2e-8 * rate * airtime_s,
            airtime_s=airtime_s,
            payload_bits=round(rate * airtime_s),
            work_s=airtime_s + 0.01 * uploads,
        )
        for rate in (5e6, 2e7)
        for uploads, airtime_s in ((1, 1.1), (7, 0.9), (30, 0.7))
    ]

    assert fit_link(windows, "net").values == pytest.approx([5e-3, 0.6, 1.2e-8])


def test_uploads_at_one_rate_cannot_tell_bits_from_airtime(make_observation):
    windows = [
        w
        for w in upload_windows(make_observation, 5e-3, 0.6, 1.2e-8)
        if w.payload_bits / w.airtime_s < 1e7
    ]
    with pytest.raises(EstimateError):
        fit_link(windows * 2, "net")
