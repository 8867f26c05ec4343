from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.drivers.simulated._segment_sweep import SegmentSweep, overlap_w_ns

SEGMENTS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 60), st.floats(-5.0, 5.0)), max_size=30
)


def test_segments_count_by_the_time_they_share_with_the_interval():
    assert overlap_w_ns([(10, 20, 3.0), (15, 40, 1.0), (50, 60, 9.0)], 12, 30) == 8 * 3.0 + 15 * 1.0


@given(
    SEGMENTS,
    SEGMENTS,
    st.lists(
        st.tuples(st.integers(0, 20), st.lists(st.integers(1, 40), min_size=1, max_size=4)),
        max_size=20,
    ),
)
def test_a_sweep_gives_what_adding_up_every_segment_gives(early, late, steps):
    """Whatever the order of arrival, one interval or several at once, with gaps and overlaps."""
    sweep, known = SegmentSweep(), []

    def take_in(segments, not_before):
        for start, length, power_w in segments:
            begin = max(start, not_before)
            known.append((begin, begin + length, power_w))
            sweep.add(known[-1])

    take_in(early, 0)
    t_ns = 0
    for number, (step, lengths) in enumerate(steps):
        edges_ns = list(itertools.accumulate(lengths, initial=t_ns + step))
        if number == len(steps) // 2:
            take_in(late, edges_ns[0])
        expected = [overlap_w_ns(known, *ends) for ends in itertools.pairwise(edges_ns)]
        assert sweep.energies_w_ns(edges_ns) == pytest.approx(expected, abs=1e-9)
        t_ns = edges_ns[-2]
