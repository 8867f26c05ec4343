from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.drivers.readings import AccuracyTerm
from joulesplit.metrology import Loads, SystematicBudget, budget_of

AT_W = 6.0
HEATING = SystematicBudget(
    terms=(), scale_u_rel=0.0, offset_u_w=0.0, load_u_rel=1e-3, load_power_w=AT_W
)
POWERS_W = st.floats(0.5, AT_W)


def read_w(power_w: float) -> float:
    """Return what a shunt reads that its own heat makes larger."""
    return power_w * (1 + HEATING.load_u_rel / AT_W**2 * power_w**2)


@given(idle_w=POWERS_W, above_w=st.floats(0.01, 5.0))
def test_heat_reaches_gross_and_net_energy_as_it_reaches_readings(idle_w, above_w):
    work_w = idle_w + above_w
    budget = replace(HEATING, loads=Loads(idle_w=idle_w, work_w=work_w))

    assert budget.of(work_w, offset_duration=1.0) == pytest.approx(read_w(work_w) - work_w)
    net_w = read_w(work_w) - read_w(idle_w)
    assert budget.of(above_w) == pytest.approx(net_w - above_w, rel=1e-6)


def test_without_known_loads_the_stated_power_bounds_them_and_counts_thrice_in_net_energy():
    assert HEATING.of(2.0, offset_duration=1.0) == pytest.approx(2.0 * 1e-3)
    assert HEATING.of(2.0) == pytest.approx(2.0 * 3e-3)


def heating(half_width: float, at_power_w: float | None) -> AccuracyTerm:
    return AccuracyTerm(
        name="heat",
        kind="scale",
        half_width=half_width,
        distribution="normal",
        source="test",
        correlation="load-dependent",
        at_power_w=at_power_w,
    )


def test_a_term_that_does_not_say_how_it_grows_is_the_same_at_all_powers():
    loads = Loads(idle_w=1.0, work_w=2.0)

    known = budget_of((heating(3e-3, 4.0),), loads)
    unknown = budget_of((heating(3e-3, 4.0), heating(4e-3, None)), loads)

    assert known.of(1.0, offset_duration=1.0) == pytest.approx(3e-3 / 4)
    assert known.terms[0].at_power_w == 4.0
    assert unknown.of(1.0, offset_duration=1.0) == pytest.approx(5e-3)
    assert unknown.between(1.0, 1.0) == pytest.approx(5e-3)
