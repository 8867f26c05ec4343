"""How a measurement takes requests to end."""

from __future__ import annotations

import signal

import pytest

from joulesplit.measuring.preparing import ENDINGS, ended_in_order


@pytest.fixture(params=ENDINGS)
def ending(request):
    before = signal.getsignal(request.param)
    yield request.param
    signal.signal(request.param, before)


def test_a_request_to_end_is_taken_for_ctrl_c_and_then_as_before(ending):
    signal.signal(ending, signal.SIG_DFL)

    with pytest.raises(KeyboardInterrupt), ended_in_order():
        signal.raise_signal(ending)

    assert signal.getsignal(ending) == signal.SIG_DFL


def test_a_request_that_was_ignored_stays_ignored_as_nohup_has_it(ending):
    signal.signal(ending, signal.SIG_IGN)

    with ended_in_order():
        signal.raise_signal(ending)

    assert signal.getsignal(ending) == signal.SIG_IGN
