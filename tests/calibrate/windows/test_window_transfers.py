"""What a window keeps of its transfers."""

from __future__ import annotations

import msgspec

from joulesplit.calibrate.journal._conversion import _read, _to_store
from joulesplit.calibrate.windows._transfers import MOST_TIMES, evenly, window_transfers
from joulesplit.edge import TransferFacts, TransferMethod


def facts(transfer_s, **counted):
    return TransferFacts(
        payload_bits=8000, transfer_s=transfer_s, resolution_s=1e-5,
        method=TransferMethod.ACKNOWLEDGEMENT, min_rtt_s=transfer_s / 2, **counted,
    )  # fmt: skip


def test_times_are_kept_in_order_and_the_first_apart_and_counters_as_sums():
    counted = {"segments": 10, "retransmitted_segments": 1}
    kept = window_transfers([facts(0.3, **counted), facts(0.1, **counted), facts(0.2, **counted)])

    assert kept.times_s == (0.1, 0.2, 0.3)
    assert kept.first_s == 0.3
    assert kept.beginning_s == (0.3, 0.1, 0.2)
    assert len(window_transfers([facts(0.1)] * 20).begin_s) == 4
    # Windows of before kept the first one alone.
    assert msgspec.structs.replace(kept, begin_s=()).beginning_s == (0.3,)
    assert (kept.segments, kept.retransmitted_segments, kept.transfers) == (30, 3, 3)
    assert kept.retransmitted_share == 0.1
    assert kept.min_rtt_s == 0.05
    assert _read(_to_store(kept)) == kept


def test_of_many_times_the_shortest_the_longest_and_what_lies_evenly_between_are_kept():
    kept = evenly([float(number) for number in range(1001)])
    assert len(kept) == MOST_TIMES
    assert (kept[0], kept[-1]) == (0.0, 1000.0)
    assert kept[50] == 500.0


def test_what_the_kernel_did_not_tell_of_all_is_not_told_of_the_window():
    assert window_transfers([facts(0.1, segments=3), facts(0.1)]).segments is None
    assert window_transfers([]) is None
