import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.metrology import PREFIXED_UNITS, read_quantity, si
from joulesplit.metrology.errors import UnreadableQuantityError


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("20M", "bit/s", 20e6),
        ("20 Mbit/s", "bit/s", 20e6),
        ("20e6", "bit/s", 20e6),
        ("100m", "ohm", 0.1),
        ("0.1 ohm", "ohm", 0.1),
        ("100 mΩ", "ohm", 0.1),
        ("100mOhm", "ohm", 0.1),
        (" 3.5 ", "J", 3.5),
        ("-2µW", "W", -2e-6),
        ("2uW", "W", 2e-6),
        ("1.5ks", "s", 1500.0),
        (".5G", "FLOP", 0.5e9),
    ],
)
def test_a_quantity_is_read_as_a_person_writes_it(text, unit, value):
    assert read_quantity(text, unit) == value


@pytest.mark.parametrize("text", ["", "M", "20X", "20 Mbit", "1,5k", "0.1 ohm 2", "nan", "20kk"])
def test_what_is_no_quantity_in_that_unit_is_refused_with_what_is_one(text):
    with pytest.raises(UnreadableQuantityError, match=r"no quantity in bit/s.*20k"):
        read_quantity(text, "bit/s")


@given(st.floats(1e-14, 1e16), st.sampled_from(sorted(PREFIXED_UNITS)))
def test_what_is_printed_is_read_again(value, unit):
    assert read_quantity(si(value, unit, 4), unit) == pytest.approx(value, rel=6e-4)
