"""How often the answer stays is counted with its interval, and is a limit that a split keeps."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import factorial

import numpy as np
import pytest

from joulesplit.metrology import proportion_interval
from joulesplit.optimizer import (
    Constraints,
    InputForm,
    SentEncoded,
    SplitPolicy,
    Usage,
    agreement_of,
    decide,
)
from joulesplit.optimizer.errors import InvalidConstraintError, NoFeasibleSplitError
from joulesplit.partition import AnswerCounts

SAME = (120, 198, 200)
"""Of 200 answers so many stay at l = 0, 1, 2."""
LEAST = [proportion_interval(same, 200)[0] for same in SAME]


@pytest.fixture
def network3(make_network):
    return make_network((100, 200, 400), (6400, 3200, 32), input_elements=100)


@pytest.fixture
def eight():
    agreements = {
        block: agreement_of(AnswerCounts(inputs=200, same=same)) for block, same in enumerate(SAME)
    }
    return SentEncoded(
        name="int8", bits=(840, 1640, 840), encode_s=(0.0, 0.0, 0.0), timed_on="a desk",
        agreements=agreements,
    )  # fmt: skip


@pytest.mark.parametrize("least", [0.0, 0.5, 0.6, 0.9, 0.96, 0.97, 0.98, 0.99, 1.0])
def test_the_choice_is_the_cheapest_with_the_encoding_only_where_its_lower_end_keeps_the_limit(
    network3, world, eight, least
):
    profile, usage = world(bit_j=0.001).profile(), Usage(encoding=eight)
    sent = decide(*network3, profile, usage=usage).candidates
    as_is = decide(*network3, profile).candidates
    found = decide(*network3, profile, usage=usage, constraints=Constraints(min_agreement=least))
    chosen = [
        sent[block] if low >= least else as_is[block] for block, low in enumerate([*LEAST, 1.0])
    ]
    assert [c.energy_j for c in found.candidates] == pytest.approx([c.energy_j for c in chosen])
    assert [c.sent_as for c in found.candidates] == [c.sent_as for c in chosen]
    assert [c.upload_bits for c in found.candidates] == [c.upload_bits for c in chosen]
    assert [c.agreement for c in found.candidates] == [c.agreement for c in chosen]
    assert found.best.block == min(chosen, key=lambda each: each.energy_j).block
    left_out = [str(c.block) for c in as_is if c in chosen and c.block < 3]
    told = f"At l = {', '.join(left_out)} it is sent as it is"
    assert any(note.startswith(told) for note in found.notes) == bool(left_out)


def test_what_nothing_was_run_of_is_sent_as_it_is_and_what_changes_no_number_as_asked(
    network3, world, eight
):
    profile, exactly = world(bit_j=0.001).profile(), Constraints(min_agreement=1.0)
    # Whatever crosses at l = 1 cannot be held, at l = 2 there are only integers.
    unknown = replace(eight, agreements={}, refused=(1,), integers=(2,))
    found = decide(*network3, profile, usage=Usage(encoding=unknown), constraints=exactly)
    assert found.usage.encoding.left_out == (0,)
    lossless = replace(eight, name="as-is+zlib", agreements={})
    found = decide(*network3, profile, usage=Usage(encoding=lossless), constraints=exactly)
    assert [c.sent_as for c in found.candidates] == ["as-is+zlib"] * 3 + [None]


def test_a_form_of_the_input_is_taken_only_where_it_keeps_the_limit(network3, world):
    profile = world(bit_j=0.001).profile()
    told = agreement_of(AnswerCounts(inputs=200, same=198))
    forms = (
        InputForm(name="as-is", bits=3200),
        InputForm(name="float16", bits=1600, is_lossless=False, agreement=told),
        InputForm(name="int8", bits=840, is_lossless=False),
    )
    usage = Usage(input_forms=forms, allow_lossy_input=True)
    sent = {}
    for least in (None, 0.9, 0.99):
        limits = Constraints(min_agreement=least, max_block=0)
        decision = decide(*network3, profile, usage=usage, constraints=limits)
        sent[least] = decision.best.sent_as
        broken = [form.name for form in decision.input_forms if form.breaks_limits]
        assert broken == {None: [], 0.9: ["int8"], 0.99: ["float16", "int8"]}[least]
    assert sent == {None: "int8", 0.9: "float16", 0.99: None}


def test_a_limit_that_none_keeps_is_named_and_one_that_is_no_share_refused(network3, world):
    profile = world(bit_j=0.001).profile()
    only = InputForm(name="int8", bits=840, is_lossless=False)
    usage = Usage(input_forms=(only,), allow_lossy_input=True)
    limits = Constraints(min_agreement=0.5, max_block=0)
    with pytest.raises(NoFeasibleSplitError, match="min_agreement"):
        decide(*network3, profile, usage=usage, constraints=limits)
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(InvalidConstraintError, match="min_agreement"):
            decide(*network3, profile, constraints=Constraints(min_agreement=share))


def test_a_policy_sends_so_only_where_the_answer_is_known_to_stay(network3, world, eight):
    limits = Constraints(min_agreement=0.9)
    known = tuple(tuple(0.0 for _ in range(4)) for _ in range(4))
    device = world(bit_j=0.001, rate=1000.0, upload_cost_j=0.2, burst_j=0.1, covariance=known)
    policy = SplitPolicy.build(
        *network3, device.profile(), usage=Usage(encoding=eight), constraints=limits
    )
    assert [line.encoding for line in policy.lines] == [None, "int8", "int8", None]
    assert all(line.allowed for line in policy.lines)


def test_the_interval_of_what_is_lost_holds_in_95_of_100_cases_whatever_the_chances():
    """Of all outcomes of a few inputs, each weighed by its chance."""
    n = 9
    outcomes = [(a, b) for a, b in product(range(n + 1), repeat=2) if a + b <= n]
    ends = {
        (lost, gained): agreement_of(
            AnswerCounts(inputs=n, same=n - lost - gained, right=lost, lost=lost, gained=gained)
        ).lost_ci95
        for lost, gained in outcomes
    }
    for loses, gains in [(0.0, 0.0), (0.05, 0.0), (0.3, 0.1), (0.2, 0.2), (0.5, 0.5), (0.9, 0.05)]:
        held = sum(
            factorial(n) / factorial(a) / factorial(b) / factorial(n - a - b)
            * loses**a * gains**b * max(0.0, 1 - loses - gains) ** (n - a - b)
            for a, b in outcomes
            if ends[a, b][0] <= loses - gains <= ends[a, b][1]
        )  # fmt: skip
        assert held >= 0.95, (loses, gains)


def test_shares_are_those_counted():
    found = agreement_of(AnswerCounts(inputs=200, same=190, right=150, lost=7, gained=2))
    assert (found.inputs, found.same, found.right, found.right_without) == (
        200, 0.95, 145 / 200, 0.75,
    )  # fmt: skip
    low, high = found.lost_ci95
    assert low < 5 / 200 < high
    assert np.allclose(found.right_ci95, proportion_interval(145, 200))
