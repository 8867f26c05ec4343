"""A policy answers as a decision made anew would, keeps its regret, and does not flap."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from math import inf

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from joulesplit.optimizer import (
    Constraints,
    InputForm,
    SplitLine,
    SplitPolicy,
    Usage,
    decide,
    policy_bytes,
    policy_from,
    policy_header,
)
from joulesplit.optimizer.errors import (
    InvalidInputError,
    NoFeasibleSplitError,
    ProfileUnusableError,
)

FLOP, BITS = (100, 200, 400, 50, 300), (16_000, 9_600, 3_200, 6_400, 320)
BLOCK_J = (1.0, 2.0, 4.0, 0.5, 3.0)
RATES = st.floats(min_value=50.0, max_value=1e6)
COVARIANCE = tuple(tuple(0.0 for _ in range(4)) for _ in range(4))


@pytest.fixture(scope="module")
def world_of_five(world):
    return world(flop=FLOP, block_j=BLOCK_J, bit_j=0.0005, rate=1000.0, covariance=COVARIANCE,
                 upload_cost_j=0.2, burst_j=0.1)  # fmt: skip


@pytest.fixture(scope="module")
def made(world_of_five, make_network):
    network, blocks = make_network(FLOP, BITS)
    return network, blocks, world_of_five.profile()


@pytest.fixture(scope="module")
def policy(made):
    return SplitPolicy.build(*made, hysteresis=0.05)


@given(rate=st.floats(min_value=500.0, max_value=2000.0))
def test_at_any_rate_it_costs_and_chooses_what_deciding_anew_does(made, policy, rate):
    decision = decide(*made, usage=Usage(rate_bit_per_s=rate))

    for line, candidate in zip(policy.lines, decision.candidates, strict=True):
        assert line.energy_j(rate) == pytest.approx(candidate.energy_j, rel=1e-9)
        assert line.latency_s(rate) == pytest.approx(candidate.latency_s, rel=1e-9)
    chosen = policy.lines[policy.choose(rate)].energy_j(rate)
    assert chosen == pytest.approx(decision.best.energy_j, rel=1e-9)


@pytest.mark.parametrize("rhythm", [{}, {"back_to_back": True}])
def test_what_goes_up_as_it_is_after_all_costs_what_deciding_by_that_says(
    made, world_of_five, rhythm
):
    made = (*made[:2], replace(world_of_five, idle_w=1.5).profile())
    plain = InputForm(name="as-is", bits=BITS[0])
    short = InputForm(name="uint8", bits=BITS[0] // 4, encode_s=0.02)
    usage = Usage(input_forms=(plain, short), **rhythm)
    policy = SplitPolicy.build(*made, usage=usage)
    assert (policy.lines[0].encoding, policy.lines[0].upload_bits) == ("uint8", short.bits)

    after = policy.without_encoding(0, plain.bits)
    for rate in (300.0, 1000.0):
        asked = Usage(input_forms=(plain,), rate_bit_per_s=rate, **rhythm)
        expected = decide(*made, usage=asked)
        assert after.lines[0].energy_j(rate) == pytest.approx(expected.candidates[0].energy_j)
        assert after.lines[0].latency_s(rate) == pytest.approx(expected.candidates[0].latency_s)
        assert after.choose(rate) == expected.best.block
    assert (after.lines[0].encoding, after.lines[0].upload_bits) == (None, plain.bits)
    limits = Constraints(max_upload_bits=plain.bits - 1)
    limited = SplitPolicy.build(*made, usage=usage, constraints=limits)
    assert limited.lines[0].allowed
    assert not limited.without_encoding(0, plain.bits).lines[0].allowed


FORM_BITS = {"as-is": BITS[0], "uint8": BITS[0] // 4, "int8": BITS[0] // 5}
LIMITS = st.sampled_from(
    [
        Constraints(), Constraints(max_block=0), Constraints(max_block=2),
        Constraints(max_upload_bits=BITS[0] - 1),
        Constraints(max_block=1, max_upload_bits=BITS[0] - 1),
    ]
)  # fmt: skip
STATES = st.tuples(
    st.floats(100.0, 1e5),
    st.floats(0.0, 0.5),
    st.one_of(st.just(inf), st.floats(0.1, 20.0)),
    st.booleans(),
)
"""Rate, round trip, deadline, and is the server up?"""
SMALL = st.floats(min_value=0.0, max_value=4.0)


@st.composite
def crossing_forms(draw):
    """Return what a device spends, a usage where forms of the input cross over, and limits."""
    costs = {"bit_j": draw(st.floats(1e-5, 2e-3)), "idle_w": draw(st.floats(0.0, 2.0))}
    costs["made"] = tuple((name, 0, draw(SMALL), 1e-6 + draw(SMALL)) for name in ("uint8", "int8"))
    names = draw(st.permutations(sorted(FORM_BITS)))
    forms = tuple(
        InputForm(name=name, bits=FORM_BITS[name], is_lossless=name != "int8") for name in names
    )
    usage = Usage(
        input_forms=forms,
        allow_lossy_input=draw(st.booleans()),
        back_to_back=draw(st.booleans()),
    )
    return costs, usage, draw(LIMITS)


def priced_at(made, usage, limits, rate):
    """Return every allowed candidate of decisions at a rate, one decision for each form taken."""
    found = {}
    for form in usage.input_forms:
        if not (form.is_lossless or usage.allow_lossy_input):
            continue
        asked = replace(usage, input_forms=(form,), rate_bit_per_s=rate)
        try:
            decision = decide(*made, usage=asked, constraints=limits)
        except NoFeasibleSplitError:
            continue
        found |= {(c.block, c.sent_as): c for c in decision.candidates if not c.violates}
    return found


@settings(deadline=None)
@given(case=crossing_forms(), state=STATES, data=st.data())
def test_whatever_form_is_cheapest_now_it_costs_what_deciding_anew_among_the_forms_does(
    made, world_of_five, case, state, data
):
    (costs, usage, limits), (rate, trip_s, deadline_s, up) = case, state
    made = (*made[:2], replace(world_of_five, **costs).profile())
    policy = SplitPolicy.build(*made, usage=usage, constraints=limits, hysteresis=0.2)
    assert policy_from(policy_bytes(policy)) == policy
    position = data.draw(st.none() | st.integers(0, len(policy.lines) - 1))

    def in_time(one):
        limit_s = one.latency_limit_s + (trip_s if one.upload_bits else 0.0)
        assume(abs(limit_s - deadline_s) > 1e-9)
        return limit_s <= deadline_s and (up or not one.upload_bits)

    priced = {key: one for key, one in priced_at(made, usage, limits, rate).items() if in_time(one)}
    asked = {"round_trip_s": trip_s, "deadline_s": deadline_s, "server_up": up}
    if not priced:
        with pytest.raises(NoFeasibleSplitError):
            policy.choose(rate, current=position, **asked)
        return
    expected_j = least_j = min(one.energy_j for one in priced.values())
    if position is not None:
        line = policy.lines[position]
        used = priced.get((line.block, line.encoding))
        used_j = used.energy_j if used else inf
        assume(abs(used_j - 1.2 * least_j) > 1e-9 * least_j)
        expected_j = used_j if used_j <= 1.2 * least_j else least_j
    chosen = policy.lines[policy.choose(rate, current=position, **asked)]
    assert chosen.energy_j(rate) == pytest.approx(expected_j, rel=1e-9)
    assert (chosen.block, chosen.encoding) in priced
    if position is None and deadline_s == inf and up:
        anew = decide(*made, usage=replace(usage, rate_bit_per_s=rate), constraints=limits)
        assert chosen.energy_j(rate) == pytest.approx(anew.best.energy_j, rel=1e-9)


@pytest.fixture(scope="module")
def policy_of_forms(made, world_of_five):
    """Full offload as it is at fast rates, as bytes that are dear to make at slower ones."""
    device = replace(world_of_five, made=(("uint8", 0, 1.5, 0.1),), upload_cost_j=0.0, burst_j=0.0)
    forms = tuple(InputForm(name=name, bits=FORM_BITS[name]) for name in ("as-is", "uint8"))
    blocks = (*made[:2], device.profile())
    policy = SplitPolicy.build(
        *blocks, usage=Usage(input_forms=forms), constraints=Constraints(max_block=0)
    )
    chosen = [policy.lines[policy.choose(rate)].encoding for rate in (1e5, 500.0)]
    assert chosen == [None, "uint8"]
    return policy


def test_files_and_readers_that_know_one_form_read_a_policy_of_several(policy_of_forms):
    content = policy_bytes(policy_of_forms)
    assert policy_from(content) == policy_of_forms
    document = json.loads(content)
    [other] = document.pop("other_forms")
    assert (other["block"], other["encoding"]) == (0, None)
    assert [line["block"] for line in document["lines"]] == [0, 1, 2, 3, 4, 5]
    old = policy_from(json.dumps(document).encode())
    assert old.lines == policy_of_forms.lines[:6]


def lines_of(numbers, allowed=None):
    return tuple(
        SplitLine(
            block=block, name=str(block), last_operator=block - 1, upload_bits=int(slope),
            compute_j=fixed, fixed_j=fixed, j_bit_per_s=slope, fixed_s=0.01 * block,
            bits_on_the_way=slope,
            u_relative=None, allowed=allowed is None or allowed[block],
        )
        for block, (fixed, slope) in enumerate(numbers)
    )  # fmt: skip


def policy_of(numbers, *, hysteresis=0.0, allowed=None, period_s=None):
    return SplitPolicy(
        network_sha256="ab" * 32, account="net", lines=lines_of(numbers, allowed),
        hysteresis=hysteresis, period_s=period_s,
    )  # fmt: skip


POSITIVE = st.floats(min_value=1e-3, max_value=1e3)
NUMBERS = st.lists(st.tuples(POSITIVE, POSITIVE), min_size=2, max_size=12).map(
    lambda numbers: [*numbers[:-1], (numbers[-1][0], 0.0)]
)


@given(numbers=NUMBERS, rate=RATES, data=st.data())
def test_the_envelope_finds_what_trying_every_allowed_split_finds(numbers, rate, data):
    allowed = data.draw(st.lists(st.booleans(), min_size=len(numbers), max_size=len(numbers)))
    allowed[data.draw(st.integers(0, len(numbers) - 1))] = True
    policy = policy_of(numbers, allowed=allowed)
    lines = [line for line in policy.lines if line.allowed]

    chosen = policy.lines[policy.choose(rate)]

    assert chosen.allowed
    least_j = min(line.energy_j(rate) for line in lines)
    assert chosen.energy_j(rate) == pytest.approx(least_j, rel=1e-9)


@given(numbers=NUMBERS, rate=RATES, deadline_s=st.floats(0.01, 2.0), trip_s=st.floats(0.0, 0.5))
def test_under_a_deadline_it_is_the_cheapest_split_in_time(numbers, rate, deadline_s, trip_s):
    policy = policy_of(numbers)
    in_time = [x for x in policy.lines if x.latency_s(rate, trip_s) <= deadline_s]

    if not in_time:
        with pytest.raises(NoFeasibleSplitError, match="takes"):
            policy.choose(rate, deadline_s=deadline_s, round_trip_s=trip_s)
        return
    chosen = policy.lines[policy.choose(rate, deadline_s=deadline_s, round_trip_s=trip_s)]
    assert chosen in in_time
    least_j = min(line.energy_j(rate) for line in in_time)
    assert chosen.energy_j(rate) == pytest.approx(least_j, rel=1e-9)


@given(numbers=NUMBERS, rate=RATES, period_s=st.floats(0.01, 2.0), data=st.data())
def test_of_a_period_it_is_the_cheapest_split_that_is_over_before_the_next(
    numbers, rate, period_s, data
):
    policy = policy_of(numbers, period_s=period_s, hysteresis=0.2)
    current = data.draw(st.none() | st.integers(0, len(numbers) - 1))
    in_time = [line for line in policy.lines if line.latency_s(rate) <= period_s]

    if not in_time:
        with pytest.raises(NoFeasibleSplitError, match="takes") as raised:
            policy.choose(rate, current=current)
        assert raised.value.binding == ("period_s",)
        return
    chosen = policy.lines[policy.choose(rate, current=current)]
    assert chosen in in_time
    least_j = min(line.energy_j(rate) for line in in_time)
    assert chosen.energy_j(rate) <= (1.0 if current is None else 1.2) * least_j * (1 + 1e-9)


@pytest.mark.parametrize("period_s", [0.4, 1.0, 4.0])
@pytest.mark.parametrize("rate", [250.0, 500.0, 1000.0, 1900.0, 1e5])
def test_in_a_period_it_chooses_at_any_rate_what_deciding_anew_does(made, period_s, rate):
    usage = Usage(period_s=period_s)
    try:
        policy = SplitPolicy.build(*made, usage=usage)
        found = policy.lines[policy.choose(rate)]
    except NoFeasibleSplitError:
        found = None
    try:
        anew = decide(*made, usage=replace(usage, rate_bit_per_s=rate)).best
    except NoFeasibleSplitError:
        anew = None
    assert (found and found.block) == (anew and anew.block)
    if found is not None:
        assert found.energy_j(rate) == pytest.approx(anew.energy_j, rel=1e-9)


@given(
    numbers=NUMBERS, hysteresis=st.floats(0.001, 0.3), around=RATES,
    wobble=st.lists(st.floats(0.0, 1.0), min_size=2, max_size=40),
)  # fmt: skip
def test_while_estimates_stay_within_one_plus_h_no_split_that_was_left_is_taken_again(
    numbers, hysteresis, around, wobble
):
    policy = policy_of(numbers, hysteresis=hysteresis)
    for first in range(len(numbers)):
        used = [first]
        for share in wobble:
            chosen = policy.choose(around * (1 + hysteresis) ** share, current=used[-1])
            if chosen != used[-1]:
                used.append(chosen)
        assert len(used) == len(set(used))


@given(numbers=NUMBERS, hysteresis=st.floats(0.0, 0.3), rate=RATES, data=st.data())
def test_hysteresis_costs_no_more_than_it_says(numbers, hysteresis, rate, data):
    policy = policy_of(numbers, hysteresis=hysteresis)
    current = data.draw(st.integers(0, len(numbers) - 1))

    chosen = policy.lines[policy.choose(rate, current=current)]

    least_j = min(line.energy_j(rate) for line in policy.lines)
    assert chosen.energy_j(rate) <= (1 + hysteresis) * least_j * (1 + 1e-9)


def test_without_a_server_everything_stays_on_the_device_if_that_is_allowed(policy, made):
    assert policy.choose(1e9, server_up=False) == policy.choose(0.0) == len(BLOCK_J)
    with pytest.raises(NoFeasibleSplitError, match="takes more than"):
        policy.choose(1e9, server_up=False, deadline_s=1e-3)
    shy = SplitPolicy.build(*made, constraints=Constraints(max_block=2))
    with pytest.raises(NoFeasibleSplitError, match="do not allow"):
        shy.choose(1e9, server_up=False)
    assert max(shy.choose(rate) for rate in (1.0, 1e3, 1e9)) == 2


def test_a_split_in_use_that_is_not_allowed_or_too_late_is_left_at_once():
    policy = policy_of([(1.0, 1.0), (1.01, 0.0)], hysteresis=0.5, allowed=[False, True])
    assert policy.choose(1e6, current=0) == 1
    late = policy_of([(1.0, 10.0), (1.01, 0.0)], hysteresis=0.5)
    assert late.choose(1e4, current=0) == 0
    assert late.choose(1e4, current=0, deadline_s=0.0101, round_trip_s=1.0) == 1


def test_a_profile_without_a_fit_of_its_link_has_no_policy(world, make_network):
    network, blocks = make_network(FLOP, BITS)
    with pytest.raises(ProfileUnusableError, match="at least two rates"):
        SplitPolicy.build(network, blocks, world(flop=FLOP, block_j=BLOCK_J).profile())


@pytest.mark.parametrize("hysteresis", [-0.1, inf, float("nan")])
def test_a_hysteresis_that_makes_no_sense_is_refused(made, hysteresis):
    with pytest.raises(InvalidInputError, match="hysteresis"):
        SplitPolicy.build(*made, hysteresis=hysteresis)


def test_a_policy_reads_back_as_written_and_another_version_is_refused(policy):
    content = policy_bytes(policy)
    assert policy_from(content) == policy
    with pytest.raises(InvalidInputError, match="version 2"):
        policy_from(content.replace(b'"schema_version": 1', b'"schema_version": 2'))
    with pytest.raises(InvalidInputError, match="no policy"):
        policy_from(b"{}")


def changed(*path_and_value):
    *path, value = path_and_value

    def change(document):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


def without(count, *, first=False):
    def change(document):
        lines = document["lines"]
        document["lines"] = lines[count:] if first else lines[:-count]

    return change


def swapped(document):
    document["lines"].reverse()


def untold(document):
    for line in document["lines"]:
        del line["encoding"]


CODE = 'x"}; int pwned = 1; //'


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without(1), r"lines\[4\] is the last one and still sends"),
        (without(5), "1 lines"),
        (without(6), "0 lines"),
        (without(2, first=True), r"lines\[0\] has block 2"),
        (swapped, r"lines\[0\] has block 5"),
        (changed("lines", 3, "block", 99), r"lines\[3\] has block 99"),
        (changed("lines", 0, "block", -1), r"lines\[0\] has block -1"),
        (changed("lines", 2, "last_operator", 0), r"lines\[2\] ends at operator 0"),
        (changed("lines", 0, "last_operator", -2), r"lines\[0\] ends at operator -2"),
        (changed("lines", 5, "last_operator", 2**31), r"lines\[5\].last_operator"),
        (changed("lines", 1, "upload_bits", 0), r"lines\[1\] sends 0 bit"),
        (changed("lines", 1, "upload_bits", -5), r"lines\[1\] sends -5 bit"),
        (changed("lines", 1, "upload_bits", 10**300), r"lines\[1\].upload_bits"),
        (changed("lines", 5, "upload_bits", 7), r"lines\[5\] is the last one"),
        (changed("lines", 5, "j_bit_per_s", 7.0), r"lines\[5\] is the last one"),
        (changed("lines", 2, "fixed_j", -1.0), r"lines\[2\].fixed_j is -1"),
        (changed("lines", 2, "j_bit_per_s", -1e9), r"lines\[2\].j_bit_per_s"),
        (changed("lines", 2, "encode_j", -1.0), r"lines\[2\].encode_j"),
        (changed("lines", 2, "bits_on_the_way", -1.0), r"lines\[2\].bits_on_the_way"),
        (changed("lines", 2, "bits_on_the_way", None), "bits_on_the_way alone"),
        (changed("lines", 2, "encoding", "int4"), r"lines\[2\].encoding is none of as-is"),
        (changed("lines", 2, "encoding", CODE), r"lines\[2\].encoding is none of as-is"),
        (changed("other_forms", 0, "block", 1), r"other_forms\[0\] is no full offload"),
        (changed("other_forms", 0, "encoding", CODE), r"other_forms\[0\].encoding"),
        (changed("hysteresis", -5.0), "hysteresis is -5"),
        (changed("rates_bit_per_s", [5.0, 1.0]), "rates_bit_per_s are 5.0 and 1.0"),
        (changed("rates_bit_per_s", [-1.0, 1.0]), "rates_bit_per_s are -1.0"),
        (changed("max_upload_bits", -1), "max_upload_bits is -1"),
        (changed("network_sha256", "*/ int evil; /*"), "network_sha256 is not 64"),
        (changed("network_sha256", "AB" * 32), "network_sha256 is not 64"),
        (untold, "line 0 sends 4000 bit and does not say in which encoding"),
    ],
)  # fmt: skip
def test_a_file_that_says_what_cannot_be_is_refused_in_one_line_that_says_where(
    policy_of_forms, change, said
):
    document = json.loads(policy_bytes(policy_of_forms))
    change(document)
    with pytest.raises(InvalidInputError, match=said) as refused:
        policy_from(json.dumps(document).encode())
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"[" * 200_000, b"\xff\xfe{}", b'{"schema": 1}'])
def test_bytes_that_are_no_policy_are_refused(content):
    with pytest.raises(InvalidInputError, match="no policy of joulesplit"):
        policy_from(content)


def test_a_file_with_no_split_that_is_allowed_is_refused(policy_of_forms):
    document = json.loads(policy_bytes(policy_of_forms))
    for line in (*document["lines"], *document["other_forms"]):
        line["allowed"] = False
    with pytest.raises(InvalidInputError, match="no split is allowed"):
        policy_from(json.dumps(document).encode())


@pytest.mark.parametrize(
    "change",
    [
        lambda policy: replace(policy, network_sha256="*/ int evil; /*"),
        lambda policy: replace(
            policy, lines=(replace(policy.lines[0], encoding=CODE), *policy.lines[1:])
        ),
        lambda policy: replace(
            policy, lines=(*policy.lines[:-1], replace(policy.lines[-1], encoding=CODE))
        ),
    ],
)
def test_nothing_but_figures_and_known_names_reaches_the_c_header(policy_of_forms, change):
    with pytest.raises(InvalidInputError, match="cannot be decided by"):
        policy_header(change(policy_of_forms))


MAIN = """
#include <stdio.h>
#include "policy.h"
int main(void) {
    double rate, trip, deadline; int current, up;
    while (scanf("%la %d %la %la %d", &rate, &current, &trip, &deadline, &up) == 5) {
        int l = joulesplit_choose(rate, current, trip, deadline, up);
        const struct joulesplit_line *s = l < 0 ? NULL : &joulesplit_lines[l];
        if (s == NULL) { printf("-1\\n"); continue; }
        printf("%d %d %.0f %s %a\\n", s->block, s->last_operator, s->upload_bits,
               s->encoding ? s->encoding : "-", joulesplit_energy_j(l, rate));
    }
    return 0;
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: apt install gcc")
def test_the_c_header_answers_as_python_does_and_says_what_to_send_and_its_joules(policy, tmp_path):
    encodings = ["uint8", None, "int8+zlib"]
    changed = [
        replace(one, encoding=how) for one, how in zip(policy.lines, encodings, strict=False)
    ]
    policy = replace(policy, lines=(*changed, *policy.lines[len(changed) :]))
    assert_c_answers_as_python_does(policy, tmp_path)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: apt install gcc")
def test_the_c_header_changes_the_form_of_the_input_as_python_does(policy_of_forms, tmp_path):
    assert_c_answers_as_python_does(policy_of_forms, tmp_path)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: apt install gcc")
def test_the_c_header_keeps_a_period_as_python_does(made, tmp_path):
    assert_c_answers_as_python_does(SplitPolicy.build(*made, usage=Usage(period_s=4.0)), tmp_path)


def test_a_policy_of_any_rate_and_of_a_period_reads_back_as_written(policy):
    """Whoever makes one by hand states no rates: from none to an endless one."""
    by_hand = policy_of([(1.0, 2.0), (3.0, 0.0)], period_s=0.5)
    assert by_hand.rates_bit_per_s == (0.0, inf)
    assert policy_from(policy_bytes(by_hand)) == by_hand
    assert policy_from(policy_bytes(policy)).period_s is None
    content = policy_bytes(by_hand).replace(b'"period_s": 0.5', b'"period_s": 0.0')
    with pytest.raises(InvalidInputError, match="period_s is 0"):
        policy_from(content)


def assert_c_answers_as_python_does(policy, tmp_path):
    (tmp_path / "policy.h").write_text(policy_header(policy))
    (tmp_path / "main.c").write_text(MAIN)
    program = tmp_path / "choose"
    subprocess.run(
        ["cc", "-std=c99", "-Wall", "-Werror", "-o", program, tmp_path / "main.c", "-lm"],
        check=True,
    )
    states = [
        (rate, current, trip, deadline, up)
        for rate in (0.0, 40.0, 333.0, 1000.0, 1777.0, 2.5e4, 1e7)
        for current in (-1, 0, 1, 3, 5, len(policy.lines) - 1)
        for trip in (0.0, 0.3)
        for deadline in (inf, 4.0, 1.0, 1e-4)
        for up in (0, 1)
    ]
    asked = "\n".join(
        f"{float(r).hex()} {c} {float(t).hex()} {'inf' if d == inf else float(d).hex()} {u}"
        for r, c, t, d, u in states
    )
    answers = subprocess.run(
        [program], input=asked, capture_output=True, text=True, check=True
    ).stdout.splitlines()

    def choose(rate, current, trip, deadline, up):
        try:
            line = policy.lines[policy.choose(
                rate, current=None if current < 0 else current, round_trip_s=trip,
                deadline_s=deadline, server_up=bool(up),
            )]  # fmt: skip
        except NoFeasibleSplitError:
            return ["-1"]
        energy_j = line.energy_j(rate) if line.upload_bits else line.fixed_j
        sent_as = (line.encoding or "as-is") if line.upload_bits else "-"
        return [
            str(line.block), str(line.last_operator), str(line.upload_bits), sent_as,
            float(energy_j).hex(),
        ]  # fmt: skip

    def told(answer):
        *facts, energy = answer.split()
        return [*facts, float.fromhex(energy).hex()] if facts else [energy]

    assert [told(answer) for answer in answers] == [choose(*state) for state in states]


def test_of_a_broken_upload_what_left_is_paid_for_and_making_its_bytes_if_nothing_did():
    line = SplitLine(
        block=1, name="b", last_operator=3, upload_bits=1000, compute_j=2.0, fixed_j=5.0,
        j_bit_per_s=400.0, fixed_s=None, bits_on_the_way=None, u_relative=None, allowed=True,
        opening_j=1.0,
    )  # fmt: skip
    # At 100 bit/s: 2 J of computing, 1 J to open, 2 + 4 J that grow with the bits.
    assert line.energy_j(100.0) == 9.0
    paid = [line.broken_upload_j(100.0, bits) for bits in (0, 1, 500, 1000, 2000)]
    assert paid == pytest.approx([0.0, 1.006, 4.0, 7.0, 7.0])
    encoded = replace(line, encode_j=0.5, fixed_j=5.5)
    paid = [encoded.broken_upload_j(100.0, bits) for bits in (0, 1, 500, 1000, 2000)]
    assert paid == pytest.approx([0.5, 1.506, 4.5, 7.5, 7.5])
    here = replace(line, upload_bits=0)
    assert here.broken_upload_j(100.0, 500) == 0.0
