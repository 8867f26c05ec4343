"""How many networks are ready for a first inference: as many as the memory holds."""

from __future__ import annotations

import pytest

from joulesplit.measuring.phase_bench import COPIES_AT_MOST, copies_that_fit

MB = 10**6


def copy_bytes(network):
    return sum(tensor.bits for tensor in network.tensors) / 8


@pytest.mark.parametrize(
    ("copies_in_half", "fitting"),
    [(0.0, 1), (0.99, 1), (2.5, 2), (15.9, 15), (1000.0, COPIES_AT_MOST)],
)
def test_copies_take_half_of_the_memory_available_but_there_is_one(
    network, copies_in_half, fitting
):
    available_bytes = round(2 * copies_in_half * copy_bytes(network))
    assert copies_that_fit(network, available_bytes) == fitting


def test_a_board_of_half_a_gigabyte_is_not_filled(network):
    """MobileNetV2 with 32-bit weights on a Zero 2 W that has 200 MB left."""
    copies = copies_that_fit(network, 200 * MB)
    assert copies < COPIES_AT_MOST
    assert copies * copy_bytes(network) <= 100 * MB


def test_where_the_memory_is_not_told_the_usual_number_is_ready(network):
    assert copies_that_fit(network, None) == COPIES_AT_MOST
