"""When readings are rehearsed before and in a rest, and what is kept of that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from joulesplit.calibrate.campaign._rest import run_rest
from joulesplit.calibrate.campaign._sampler_probe import ORDER, without_rehearsals
from joulesplit.calibrate.windows import WindowTask
from proof.stage import proof_blocks, stage_of
from proof.worlds import perfect_sensor_world

BLOCKS = proof_blocks()[:3]


class Noting:
    """A sampler that notes how often it is asked to rehearse; the readings are another's."""

    def __init__(self, sampler):
        self._sampler, self.asked, self.spent_s = sampler, [], 0.0

    def __getattr__(self, name):
        return getattr(self._sampler, name)

    def rehearse(self, times, from_ns):
        self.asked.append(times)
        return self._sampler.rehearse(times, from_ns)

    def cpu_s(self):
        """As of a sampler in a process of its own: some in each part, more where it rehearses."""
        self.spent_s += 0.3 if self.asked and self.asked[-1] else 0.1
        return self.spent_s


def rest_after(repetitions):
    """Return a rest after so many runs of a block, and how often readings were rehearsed."""
    stage = stage_of(perfect_sensor_world(1), BLOCKS)
    noting = Noting(stage.sampler)
    task = WindowTask(kind="compute", subject="block 2", block=2, repetitions=repetitions)
    rest = run_rest(task, replace(stage.bench([]), sampler=noting), 0.1, 16.0)
    return rest, sum(times > 0 for times in noting.asked)


def test_readings_are_rehearsed_in_half_of_the_work_and_of_the_end_of_the_rest():
    rest, asked = rest_after(400)

    assert asked == 2 * sum(ORDER)
    assert len(rest.sampler.work_power_w) == len(rest.sampler.idle_power_w) == len(ORDER)
    assert np.mean(rest.sampler.work_power_w) == pytest.approx(rest.work_power_w, rel=0.01)
    assert np.mean(rest.sampler.idle_power_w) == pytest.approx(np.mean(rest.power_w), rel=0.01)


def test_where_work_cannot_be_parted_the_rest_is_left_as_it_is():
    rest, asked = rest_after(len(ORDER) - 1)

    assert rest.sampler is None
    # In the one part of the work there is nothing to rehearse for.
    assert asked == 0


@pytest.mark.parametrize("bin_s", [0.5, 0.7, 1.3])
def test_what_rehearsing_takes_is_taken_off_the_course_whatever_its_bins(bin_s):
    fine_s = 0.001
    when_s = fine_s * (np.arange(16_000) + 0.5) - 8.0
    parts = np.floor(when_s).astype(int)
    more_w = 0.05 * ((parts >= 0) & np.array(ORDER)[parts])
    bins = int(16.0 / bin_s)
    seen_w = [
        np.mean(2.6 + more_w[round(n * bin_s / fine_s) : round((n + 1) * bin_s / fine_s)])
        for n in range(bins)
    ]

    course_w = without_rehearsals(seen_w, bin_s, np.where(ORDER, 2.65, 2.6).tolist(), 8.0)

    assert course_w == pytest.approx([2.6] * bins, abs=1e-6)
