from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from joulesplit.calibrate.campaign import QUICK, STANDARD, Plan, StopPlan, load_plan, plan_toml
from joulesplit.calibrate.campaign._plan import PLANS, Limits
from joulesplit.calibrate.campaign._plan_file import parse_plan
from joulesplit.calibrate.errors import PlanError
from joulesplit.calibrate.windows import WindowTiming

POSITIVE = st.floats(1e-3, 1e9)


def parse(text: str) -> Plan:
    return parse_plan(text, where="my.toml", name="my")


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_printed_plan_reads_back_as_the_same_plan(plan):
    assert parse(plan_toml(plan)) == plan


@pytest.mark.parametrize("name", ["two\nlines", "tab\tand \x1b[0m", 'a "quoted" \\ name', "\x7f"])
def test_a_name_with_any_character_is_quoted(name):
    plan = replace(STANDARD, name=name)
    assert parse(plan_toml(plan)) == plan


@given(
    shortest=st.floats(0.01, 5),
    rates=st.lists(POSITIVE, min_size=2, max_size=5, unique=True),
    heads=st.lists(st.integers(2, 30), max_size=4),
    seed=st.integers(0, 10**9),
    name=st.text(st.characters(exclude_categories=("Cs",)), min_size=1),
)
def test_any_plan_survives_printing(shortest, rates, heads, seed, name):
    plan = Plan(
        name=name,
        timing=WindowTiming(idle_s=shortest, settle_s=0.0, upload_settle_s=shortest),
        work_s=(shortest, 2 * shortest),
        repeats=2,
        rates_bit_per_s=(*rates, "unlimited"),
        upload_sizes=3,
        upload_s=shortest,
        control_every=4,
        order_seed=seed,
        blocks=(3, 9),
        heads=tuple(heads),
        whole=seed % 2 == 0,
        phases=seed % 3 == 0,
        downloads=seed % 5 == 0,
        stop=StopPlan(rule="decision", relative_regret=shortest),
        limits=Limits(temperature_c=(-5.0, 60.5)),
    )
    assert parse(plan_toml(plan)) == plan


def test_what_a_file_does_not_say_is_as_in_its_base():
    plan = parse('base = "quick"\nrepeats = 4\n[stop]\nlooks = 3\n')

    assert plan.name == "my"
    assert (plan.repeats, plan.stop.looks) == (4, 3)
    assert (plan.work_s, plan.timing, plan.stop.rule) == (QUICK.work_s, QUICK.timing, "fixed")
    assert parse("").work_s == STANDARD.work_s


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("repeat = 3", r"no setting 'repeat'; the nearest is 'repeats'"),
        ("[timing]\nidle = 1.0", r"no setting 'timing.idle'; the nearest is 'timing.idle_s'"),
        ("[stop]\nrule = 'sometimes'", "my.toml: Invalid enum value 'sometimes'"),
        ("repeats = 'three'", "my.toml: Expected `int`, got `str` at `repeats`"),
        ("stop = 3", "'stop' must be a table"),
        ("base = 'fast'", "no base 'fast'; give one of quick, standard, rigorous"),
        ("repeats = ", "my.toml is not TOML"),
        ("repeats = 0", "must be positive"),
        ('rates_bit_per_s = ["fast", 1e6]', "rates_bit_per_s"),
    ],
)
def test_a_wrong_file_is_refused_and_the_message_says_where(text, message):
    with pytest.raises(PlanError, match=message):
        parse(text)


def test_a_plan_is_named_or_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("repeats = 2")

    assert load_plan("quick") == QUICK
    assert (load_plan(str(path)).name, load_plan(str(path)).repeats) == ("mine", 2)
    with pytest.raises(PlanError, match="no plan 'quik': give quick, standard, rigorous"):
        load_plan("quik")
