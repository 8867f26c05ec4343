"""Boards of physics that no estimator was made for: is the truth where a calibration says?

How many of a hundred campaigns are right in each is counted by hand, see docs/proof.md.
"""

from __future__ import annotations

import msgspec
import pytest

from joulesplit.calibrate.campaign import QUICK
from proof.physical import Physics, run_physical

pytestmark = pytest.mark.campaign

WITH_HEADS = msgspec.structs.replace(QUICK, heads="candidates", whole=True)
COLD_J = {(1, 20): 0.02, (5, 5): 0.02, (12, 12): 0.02}
"""Three subjects whose first inference takes 20 mJ more."""


def test_a_cold_start_that_some_subjects_have_is_a_figure_of_its_own_and_biases_no_slope():
    run = run_physical(Physics(cold_j=COLD_J), 1, WITH_HEADS)

    for name in ("E_d net", "e_12", "head_20"):
        assert run.figures[name].inside, name
    for name in ("E_start e_5", "E_start e_12", "E_start head_20"):
        start = run.figures[name]
        assert start.inside, name
        # Half of it cannot be another subject's: the others wake up for 3 mJ.
        assert start.low > 0.01, name
    assert run.figures["E_start head_15"].high < 0.015
