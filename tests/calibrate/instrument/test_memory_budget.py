"""What a campaign takes of the memory, told beforehand, and refused where there is less."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from joulesplit.calibrate.campaign import QUICK, STANDARD
from joulesplit.calibrate.errors import MemoryShortError
from joulesplit.calibrate.instrument import memory_need, plan_that_fits, require_memory


def heavier(network, times):
    """Return the same network with so many times the weights."""
    tensors = tuple(
        replace(t, bits=times * t.bits) if t.is_constant else t for t in network.tensors
    )
    return replace(network, tensors=tensors, parameter_bytes=times * network.parameter_bytes)


def needed(network, plan, available_bytes=None):
    return memory_need(network, plan, available_bytes).whole_bytes


def test_the_steps_of_a_start_take_more_than_blocks_and_heads_alone(network):
    without = msgspec.structs.replace(STANDARD, phases=False)
    assert needed(network, STANDARD) > needed(network, without) == needed(network, QUICK)


def test_a_large_network_takes_its_weights_twice_as_stored_and_as_packed(network):
    more = needed(heavier(network, 20), QUICK) - needed(heavier(network, 10), QUICK)
    assert more == pytest.approx(1.1 * 2 * 10 * network.parameter_bytes, rel=0.01)


def test_what_is_not_there_is_refused_with_the_plan_that_fits(network):
    """Beneath the need of standard, above that of quick; the message says what to type."""
    free = needed(network, QUICK) + 1_000_000
    with pytest.raises(MemoryShortError, match=r"takes .*byte of memory, .* give --plan quick"):
        require_memory(network, STANDARD, free)
    assert plan_that_fits(network, STANDARD, free) is QUICK
    assert require_memory(network, QUICK, free).whole_bytes == needed(network, QUICK)


def test_where_no_plan_fits_none_is_named(network):
    with pytest.raises(MemoryShortError, match="measure a smaller network"):
        require_memory(heavier(network, 10), QUICK, 200_000_000)


def test_exactly_enough_is_enough_and_nothing_is_refused_where_nobody_can_tell(network):
    need = needed(network, QUICK)
    assert require_memory(network, QUICK, need).whole_bytes == need
    with pytest.raises(MemoryShortError):
        require_memory(network, QUICK, need - 1)
    assert require_memory(network, STANDARD, None).whole_bytes == needed(network, STANDARD)


def test_where_little_is_free_a_start_makes_do_with_fewer_copies(network):
    """So that a plan is not refused for copies that it would not make."""
    assert needed(network, STANDARD, 60_000_000) < needed(network, STANDARD)
