from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.calibrate.campaign import (
    QUICK,
    STANDARD,
    UNLIMITED,
    crossing_bits,
    download_subjects,
    for_decision,
    for_link,
    plan_toml,
    upload_subjects,
)
from joulesplit.calibrate.campaign._plan import PLANS, RIGOROUS
from joulesplit.calibrate.campaign._plan_file import parse_plan
from joulesplit.calibrate.campaign._transfer_plan import as_fitted
from joulesplit.calibrate.errors import PlanError

SIZES = [32_000, 401_408, 802_816, 2_408_448, 12_845_056]


def changed(**fields):
    return msgspec.structs.replace(QUICK, **fields)


def sent_bits(plan, sizes_bits=SIZES):
    return sorted({subject.payload_bits for subject in upload_subjects(plan, sizes_bits)})


def test_upload_sizes_span_those_of_the_cuts_and_leave_out_what_lasts_too_long():
    found = upload_subjects(QUICK, SIZES)

    sizes = {subject.payload_bits for subject in found}
    assert {min(SIZES), max(SIZES)} <= sizes
    paced = [s for s in found if s.rate_bit_per_s != UNLIMITED]
    assert paced
    assert all(s.airtime_s <= 2 * QUICK.upload_s for s in paced)
    assert {s.rate_bit_per_s for s in found} == set(QUICK.rates_bit_per_s)


def test_an_upload_without_a_rate_is_measured_at_every_size():
    found = upload_subjects(STANDARD, SIZES)

    unlimited = {s.payload_bits for s in found if s.rate_bit_per_s == UNLIMITED}
    assert unlimited == {s.payload_bits for s in found}
    assert all(s.airtime_s is None for s in found if s.rate_bit_per_s == UNLIMITED)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_preset_sends_as_an_inference_does(plan):
    """A quick decision was priced at a pace that no inference keeps."""
    assert UNLIMITED in plan.rates_bit_per_s
    assert UNLIMITED in for_link(plan, 2e6).rates_bit_per_s
    assert plan.sent_rate_bit_per_s(2e6) == 2e6


def test_nothing_to_upload_is_refused():
    with pytest.raises(PlanError, match="no block has an output"):
        upload_subjects(QUICK, [])


def test_downloads_come_at_the_slowest_the_stated_and_the_link_s_own_rate():
    plan = changed(rates_bit_per_s=(2e6, 5e6, 20e6, UNLIMITED), upload_sizes=3)
    uploads = upload_subjects(plan, SIZES)

    received = download_subjects(plan, uploads)

    assert {d.rate_bit_per_s for d in received} == {2e6, 20e6, UNLIMITED}
    unpaced = [d for d in received if d.rate_bit_per_s == UNLIMITED]
    assert sorted(d.payload_bits for d in unpaced) == sorted({u.payload_bits for u in uploads})
    sent = {(u.payload_bits, u.rate_bit_per_s) for u in uploads}
    assert {(d.payload_bits, d.rate_bit_per_s) for d in received} <= sent
    assert len({d.key for d in received} | {u.key for u in uploads}) == len(received + uploads)


def test_downloads_come_as_fast_as_they_can_even_if_no_upload_goes_so():
    plan = changed(rates_bit_per_s=(5e6, 20e6), upload_sizes=2)
    received = download_subjects(plan, upload_subjects(plan, SIZES))
    assert {d.rate_bit_per_s for d in received} == {5e6, 20e6, UNLIMITED}


def test_the_network_s_input_is_one_of_the_sizes(make_block):
    blocks = [make_block(i, 1, bits) for i, bits in enumerate([100_000, 50_000], start=1)]

    sizes = crossing_bits(4_816_896, blocks)

    assert sizes == (4_816_896, 100_000, 50_000)
    assert 4_816_896 in sent_bits(changed(upload_sizes=2), sizes)


@given(
    count=st.integers(2, 12),
    sizes=st.lists(st.integers(1, 10**6).map(lambda n: 8 * n), min_size=1, max_size=6, unique=True),
)
def test_a_grid_lies_around_the_sizes_and_its_steps_are_equal_ratios(count, sizes):
    plan = changed(upload_sizes_bits=tuple(sizes), upload_grid=count, upload_s=1e9)

    grid = sorted(set(sent_bits(plan)) - set(sizes))

    assert all(bits % 8 == 0 for bits in grid)
    assert set(sizes) <= set(sent_bits(plan))
    step = (4 * max(sizes) / min(sizes)) ** (1 / (count - 1))
    expected = [min(sizes) / 2 * step**i for i in range(count)]
    apart = [bits for bits in expected if min(abs(bits - size) for size in sizes) > 8]
    assert all(min(abs(bits - found) for found in grid) <= 8 for bits in apart)


def test_a_grid_of_one_size_lies_in_the_middle():
    plan = changed(upload_sizes_bits=(8_000, 800_000), upload_grid=1, upload_s=1e9)
    assert sent_bits(plan) == [8_000, 80_000, 800_000]


def test_a_grid_of_more_sizes_than_can_be_sent_is_refused_before_it_is_made():
    with pytest.raises(PlanError, match="1000 sizes are the most"):
        sent_bits(changed(upload_grid=10**12))


def test_the_grid_keeps_to_what_the_server_takes_and_the_cuts_sizes_stay():
    plan = changed(upload_grid=2, upload_s=1e9)

    sizes = {s.payload_bits for s in upload_subjects(plan, SIZES, most_bits=2 * max(SIZES) - 1)}

    assert sizes == set(sent_bits(changed(upload_s=1e9))) | {min(SIZES) // 2}


def test_a_named_size_that_the_server_does_not_take_is_refused():
    plan = changed(upload_sizes_bits=(8_000, 16_008))
    assert upload_subjects(plan, SIZES, most_bits=16_008)
    with pytest.raises(PlanError, match="16008 bit and the server takes 16000 bit at most"):
        upload_subjects(plan, SIZES, most_bits=16_000)


def test_sizes_that_the_plan_names_are_sent_in_place_of_the_cuts_own():
    plan = changed(upload_sizes_bits=(8_000, 16_000), upload_s=10.0)
    assert sent_bits(plan) == [8_000, 16_000]


@pytest.mark.parametrize("plan", [STANDARD, RIGOROUS], ids=lambda plan: plan.name)
def test_the_longer_presets_send_less_and_more_than_any_cut(plan):
    sizes = sent_bits(plan)
    assert sizes[0] < min(SIZES) < max(SIZES) < sizes[-1]
    assert all(one < other for one, other in pairwise(sizes))


def test_a_plan_for_the_decision_sends_only_what_the_cuts_send():
    assert set(sent_bits(for_decision(RIGOROUS))) <= set(SIZES)


@pytest.mark.parametrize(
    "wrong", [{"upload_sizes_bits": (12,)}, {"upload_sizes_bits": (0,)}, {"upload_grid": -1}]
)
def test_sizes_that_cannot_be_sent_are_refused(wrong):
    with pytest.raises(PlanError, match="multiples of 8 bit above zero"):
        changed(**wrong)


def test_rates_that_a_link_does_not_carry_give_way_to_fractions_of_what_it_takes():
    fitted = for_link(STANDARD, 12e6)

    paced = fitted.paced_rates_bit_per_s
    assert len(paced) == len(STANDARD.paced_rates_bit_per_s)
    assert {2e6, 5e6, 10e6} < set(paced)
    assert paced == tuple(sorted(paced))
    assert all(b > 1.25 * a for a, b in pairwise(paced))
    assert max(paced) <= 0.9 * 12e6
    assert UNLIMITED in fitted.rates_bit_per_s
    assert for_link(STANDARD, 100e6).rates_bit_per_s == STANDARD.rates_bit_per_s
    # On a slow one all do, the fastest first.
    assert for_link(QUICK, 0.5e6).rates_bit_per_s == (0.2e6, 0.4e6, UNLIMITED)


def test_rates_that_somebody_stated_never_give_way():
    stated = msgspec.structs.replace(STANDARD, fit_rates=False)
    assert for_link(stated, 2e6) == stated
    # A file that names rates states them; a preset as it is printed is still one.
    written = parse_plan("rates_bit_per_s = [1e6, 4e6]", where="a file", name="mine")
    assert not written.fit_rates
    assert parse_plan(plan_toml(QUICK), where="a file", name="again").fit_rates


def test_a_preset_goes_on_at_the_rates_that_its_campaign_began_with():
    began = for_link(QUICK, 8e6)
    assert as_fitted(QUICK, began) == began
    # Before rates gave way they were not marked so.
    old = msgspec.structs.replace(QUICK, fit_rates=False)
    assert as_fitted(QUICK, old) == old
    stated = msgspec.structs.replace(QUICK, fit_rates=False, rates_bit_per_s=(1e6, 2e6))
    assert as_fitted(stated, began) == stated
