from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.metrology import (
    PREFIXES,
    freedom,
    html_table,
    interval,
    measure,
    percent,
    prefixed,
    probability,
    si,
    signed_percent,
    uncertain,
)

POWER_OF = {prefix: power for power, prefix in PREFIXES.items()}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2.41, "J", "2.41 J"),
        (0.6021, "J", "602 mJ"),
        (1.22e8, "FLOP/J", "122 MFLOP/J"),
        (999.6, "J", "1.00 kJ"),  # rounding may change the prefix
        (0, "bit", "0 bit"),
        (-0.0042, "J", "−4.20 mJ"),
        (4e-8, "J/bit", "40.0 nJ/bit"),
    ],
)
def test_a_value_gets_the_prefix_that_leaves_one_to_three_digits_before_the_point(
    value, unit, text
):
    assert si(value, unit) == text


@pytest.mark.parametrize(
    ("value", "half_width", "unit", "text"),
    [
        (2.6831e9, 0.0312e9, "FLOP/J", "2.68 ± 0.03 GFLOP/J"),
        (2.6831e9, 0.0141e9, "FLOP/J", "2.683 ± 0.014 GFLOP/J"),  # 1 as only digit is too coarse
        (1.932, 0.0299, "J", "1.93 ± 0.03 J"),  # 0.0299 rounds to 0.030
        (1234.0, 40.0, "J", "1.23 ± 0.04 kJ"),
        (0.001, 0.2, "J", "0 ± 200 mJ"),
        (-0.002, 0.0006, "J", "−2.0 ± 0.6 mJ"),
        (5.0, 0.0, "J", "5.000 J"),
        (7.04, 0.31, "readings", "7.0 ± 0.3 readings"),  # a count takes no prefix
    ],
)
def test_the_digits_follow_the_uncertainty(value, half_width, unit, text):
    assert uncertain(value, half_width, unit) == text


@given(
    st.floats(1e-11, 1e11),
    st.floats(1e-4, 0.5),
)
def test_rounding_to_the_uncertainty_moves_a_value_by_less_than_the_uncertainty(value, relative):
    half_width = value * relative
    text = uncertain(value, half_width, "J")
    number, width, prefix = re.fullmatch(r"([\d.]+) ± ([\d.]+) (\D?)J", text).groups()
    factor = 10.0 ** POWER_OF[prefix]
    assert abs(float(number) * factor - value) <= 0.2 * half_width * (1 + 1e-9)
    assert float(width) * factor == pytest.approx(half_width, rel=0.17)


def test_an_interval_shows_its_ends_to_the_digits_of_its_width():
    assert interval(2.654e9, 2.712e9, "FLOP/J") == "2.654 … 2.712 GFLOP/J"
    assert interval(-0.0004, 0.0011, "J") == "−0.4 … 1.1 mJ"


def test_ratios_are_percent_and_counts_stay_counts():
    assert percent(0.0062) == "0.62 %"
    assert percent(None) == "?"
    assert measure(0.031, "1") == "3.1 %"
    assert measure(4.94, "V") == "4.94 V"
    assert measure(3, "resets") == "3 resets"
    assert measure(12_345.0, "readings") == "12345 readings"
    assert measure(1.94808, "standard errors") == "1.95 standard errors"
    assert (measure(0.0, "flag"), measure(1.0, "flag")) == ("ok", "not ok")


def test_a_share_that_only_rounding_makes_is_not_shown_with_all_its_zeros():
    assert percent(2.2e-16) == "below 0.0001 %"
    assert percent(1e-6) == "0.00010 %"


def test_a_probability_is_never_certainty():
    assert probability(1.0) == "> 0.999"
    assert probability(0.0) == "< 0.001"
    assert probability(0.5) == "0.500"


@pytest.mark.parametrize(
    ("base", "people"),
    [
        ("0.05367 J of sending 1,204,224 bit.", "53.67 mJ of sending 1.204 Mbit."),
        ("below 1.645e+07 bit/J (at 1.13e+07 bit/s)", "below 16.45 Mbit/J (at 11.3 Mbit/s)"),
        ("100000 FLOP/J to 1e+14 FLOP/J", "100 kFLOP/J to 100 TFLOP/J"),
        ("0.06 J, 0 J and 5 V", "60 mJ, 0 J and 5 V"),
        ("block 3 J, 12.5 mJ, 7 bits and v1.5 J", "block 3 J, 12.5 mJ, 7 bits and v1.5 J"),
    ],
)
def test_quantities_in_a_text_get_prefixes_and_keep_their_digits(base, people):
    assert prefixed(base) == people


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.0123, "+1.2 %"), (-0.0123, "−1.2 %"), (0.0, "0 %"), (-1e-9, "below 0.0001 %")],
)
def test_a_difference_has_its_sign_unless_it_is_too_small_to_show(fraction, text):
    assert signed_percent(fraction) == text


@pytest.mark.parametrize(
    ("nu", "text"), [(9.0, "ν = 9"), (9.99, "ν = 9"), (1000.0, "ν = 1000"), (1001, "ν > 1000")]
)
def test_degrees_of_freedom_are_rounded_down(nu, text):
    assert freedom(nu) == text


def test_text_in_a_table_for_a_notebook_stays_text():
    assert html_table("a < b", [("l", "<b>1</b>")]) == (
        "<table><caption>a &lt; b</caption><tr><th>l</th><td>&lt;b&gt;1&lt;/b&gt;</td></tr></table>"
    )
