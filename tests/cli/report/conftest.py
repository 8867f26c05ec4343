"""A split run for real, beside what was predicted."""

from __future__ import annotations

import pytest

from joulesplit.calibrate.campaign import (
    ComparedTime,
    MeasuredSplit,
    ModelError,
    OutputComparison,
    SplitValidation,
)
from joulesplit.calibrate.profile import Quantity


@pytest.fixture(scope="session")
def validated():
    """Return a maker of validated splits; as predicted unless something else is said."""
    return _validated


def _validated(candidate, measured_j=None, *, agrees=True, in_time=True, same=True):
    measured_j = candidate.energy_j if measured_j is None else measured_j
    net_j = Quantity(
        value=measured_j, unit="J", ci95=(0.98 * measured_j, 1.02 * measured_j),
        u_stat=0.008 * measured_j, u_sys=0.006 * measured_j, n=6,
    )  # fmt: skip
    return SplitValidation(
        predicted=candidate,
        measured=MeasuredSplit(
            net_j=net_j, gross_j=net_j, latency_s=0.31, inferences=48, degrees_of_freedom=4
        ),
        difference_j=measured_j - candidate.energy_j,
        difference_bound_j=0.02 * measured_j,
        agreement_level=0.999,
        agreement_bound_j=0.05 * measured_j,
        agrees=agrees,
        by_model=tuple(
            ModelError(model=model, predicted_j=own_j, difference_j=measured_j - own_j)
            for model, own_j in candidate.by_model_j.items()
        ),
        server_wait_s=0.012 if candidate.upload_bits else None,
        outputs=OutputComparison(
            largest_error=1e-6, relative_error=2e-6, agree=same, bit_equal=agrees and same,
            same_top=same,
        ),
        sent=ComparedTime(
            predicted_s=0.298, measured_s=0.31 if in_time else 0.468, u_measured_s=0.004,
            bound_s=0.1, agrees=in_time,
        ),
    )  # fmt: skip
