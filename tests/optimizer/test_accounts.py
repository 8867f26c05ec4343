"""Every cost that a profile knows, in every candidate: against sums and errors written out."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joulesplit.calibrate.profile import GrossNet, Quantity
from joulesplit.optimizer import (
    Constraints,
    Problem,
    Usage,
    decide,
    difference_u_j,
    prices_from_profile,
)
from joulesplit.optimizer.errors import ProfileMismatchError, ProfileUnusableError

FLOP, BITS = (100, 200, 400, 300), (6400, 3200, 640, 64)
LAST = len(FLOP)
INPUT_BITS = 9600
JOULES = st.floats(0.01, 5.0)
HEADS = st.lists(st.sampled_from(range(2, LAST + 1)), unique=True).flatmap(
    lambda lasts: st.tuples(*(st.tuples(st.just(last), JOULES) for last in sorted(lasts)))
)
USAGES = st.builds(
    Usage,
    uploads_per_burst=st.floats(1.0, 20.0),
    uploads_per_connection=st.none() | st.floats(1.0, 20.0),
    server_wait_s=st.none() | st.floats(0.0, 2.0),
)
DEVICES = st.fixed_dictionaries(
    {
        "block_j": st.tuples(*[JOULES] * LAST),
        "head_j": HEADS,
        "bit_j": st.floats(1e-4, 5e-3),
        "upload_cost_j": st.floats(0.0, 0.5),
        "burst_j": st.none() | st.floats(0.0, 0.5),
        "answer_bit_j": st.none() | st.floats(1e-4, 5e-3),
        "connection_j": st.none() | st.floats(0.001, 0.5),
        "idle_w": st.none() | st.floats(0.5, 5.0),
        "gross_factor": st.floats(1.0, 5.0),
    }
)
EXACT_FIT = {"covariance": ((0.0,) * 4,) * 4, "gross_fit": True}


@pytest.fixture(scope="session")
def network4(make_network):
    return make_network(FLOP, BITS, input_elements=INPUT_BITS // 32)


def computed_j(device, model, block):
    """What blocks 1 … l cost by a model, net, written out."""
    if model == "constant":
        return sum(FLOP[:block]) * sum(device["block_j"]) / sum(FLOP)
    blocks_j = device["block_j"]
    if model == "blocks" or not device["head_j"] or block < 2:
        return sum(blocks_j[:block])
    measured = {1: blocks_j[0], **dict(device["head_j"])}
    before = max(last for last in measured if last <= block)
    # What lies behind a head is scaled as what lies up to the next one, or as the last head is.
    first, last = before, min((last for last in measured if last > block), default=None)
    if last is None:
        first, last = 0, before
    span_j = sum(blocks_j[first:last])
    slope = (measured[last] - measured.get(first, 0.0)) / span_j
    return measured[before] + slope * sum(blocks_j[before:block])


def sent_j(device, usage, account, block):
    """What an upload after block l costs besides, net but for the wait, written out."""
    if block == LAST:
        return 0.0, 0.0
    bits = (INPUT_BITS, *BITS)[block]
    net_j = bits * device["bit_j"] + device["upload_cost_j"]
    net_j += (device["burst_j"] or 0.0) / usage.uploads_per_burst
    if usage.uploads_per_connection is not None:
        net_j += (device["connection_j"] or 0.0) / usage.uploads_per_connection
    net_j += (device["answer_bit_j"] or 0.0) * BITS[-1]
    waits = account == "gross" and usage.server_wait_s and device["idle_w"]
    return net_j, usage.server_wait_s * device["idle_w"] if waits else 0.0


@settings(deadline=None)
@given(device=DEVICES, usage=USAGES, account=st.sampled_from(["net", "gross"]), data=st.data())
def test_every_candidate_holds_every_cost_once_and_the_choice_is_the_least_of_all(
    network4, world, *, device, usage, account, data
):
    models = ["heads", "blocks", "constant"] if device["head_j"] else ["blocks", "constant"]
    model = data.draw(st.sampled_from(models))
    profile = world(flop=FLOP, **device, **EXACT_FIT).profile()

    decision = decide(*network4, profile, account=account, compute_model=model, usage=usage)

    factor = device["gross_factor"] if account == "gross" else 1.0
    for name in models:
        for candidate in decision.candidates:
            link_j, wait_j = sent_j(device, usage, account, candidate.block)
            expected = factor * (computed_j(device, name, candidate.block) + link_j) + wait_j
            assert candidate.by_model_j[name] == pytest.approx(expected)
    for candidate in decision.candidates:
        assert candidate.energy_j == candidate.by_model_j[model]
        assert candidate.energy_j == pytest.approx(
            candidate.compute_j + candidate.upload_j + candidate.upload_fixed_j
            + candidate.answer_j + candidate.wait_j
        )  # fmt: skip
    assert decision.best.energy_j == min(c.energy_j for c in decision.candidates)
    assert [choice.model for choice in decision.models] == models
    judge = decision.judged_by
    assert judge == models[0]
    least_j = min(c.by_model_j[judge] for c in decision.candidates)
    for choice in decision.models:
        own = {c.block: c.by_model_j[choice.model] for c in decision.candidates}
        assert choice.energy_j == own[choice.block] == min(own.values())
        chosen_j = decision.candidates[choice.block].by_model_j[judge]
        assert choice.regret_j == pytest.approx(chosen_j - least_j, abs=1e-12)


def psd(random, size, scale):
    """A covariance of so many figures with correlations of all sizes."""
    root = random.standard_normal((size, size)) * scale
    return root @ root.T


def lower(matrix):
    return tuple(matrix[np.tril_indices(len(matrix))].tolist())


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    usage=USAGES,
    lasts=st.lists(st.sampled_from([2, 3, 4]), unique=True, min_size=1).map(sorted),
    model=st.sampled_from(["heads", "blocks"]),
)
def test_the_uncertainty_of_every_difference_is_that_of_its_gradient(
    network4, world, *, seed, usage, lasts, model
):
    """u² = gᵀ·C·g with the gradient by finite differences of the sum written out."""
    random = np.random.default_rng(seed)
    blocks, heads = LAST, len(lasts)
    joint = psd(random, blocks + heads, 0.05)
    fit = psd(random, 4, 1.0) * np.outer(s := np.array([0.004, 0.1, 1e-5, 0.006]), s)
    device = {
        "block_j": (1.0, 2.0, 1.5, 0.7), "head_j": tuple((last, 1.1 * last) for last in lasts),
        "bit_j": 0.001, "upload_cost_j": 0.3, "burst_j": 0.4, "answer_bit_j": 0.002,
        "connection_j": 0.25, "idle_w": None,
    }  # fmt: skip
    profile = world(
        flop=FLOP, **device, u_rel=0.1, rate=1000.0, covariance=tuple(map(tuple, fit.tolist())),
        block_covariance=lower(joint[:blocks, :blocks]),
        head_covariance=lower(joint)[len(lower(joint[:blocks, :blocks])) :],
    ).profile()  # fmt: skip
    prices = prices_from_profile(*network4, profile, compute_model=model, usage=usage)
    problem = Problem(
        network=network4[0], blocks=network4[1], prices=prices, constraints=Constraints()
    )
    effects = problem.causes(model, measured_only=True).effects

    covariance = np.zeros((blocks + heads + 6,) * 2)
    covariance[: blocks + heads, : blocks + heads] = joint
    covariance[-6:-2, -6:-2] = fit
    covariance[-2, -2] = (0.1 * device["connection_j"]) ** 2
    covariance[-1, -1] = (0.1 * device["answer_bit_j"]) ** 2

    def energies(x):
        """The figures: blocks, heads, E_0, P_air, e_bit, E_burst, connection, answer."""
        changed = {
            **device,
            "block_j": x[:blocks],
            "head_j": tuple(zip(lasts, x[blocks : blocks + heads], strict=True)),
            "upload_cost_j": x[-6], "bit_j": x[-5] / 1000.0 + x[-4], "burst_j": x[-3],
            "connection_j": x[-2], "answer_bit_j": x[-1],
        }  # fmt: skip
        return np.array(
            [
                computed_j(changed, model, block) + sent_j(changed, usage, "net", block)[0]
                for block in range(LAST + 1)
            ]
        )

    at = np.array(
        [*device["block_j"], *(e for _, e in device["head_j"]), 0.3, 1.0, 0.0, 0.4, 0.25, 0.002]
    )
    steps = 1e-6 * np.eye(len(at))
    gradient = np.column_stack([(energies(at + h) - energies(at - h)) / 2e-6 for h in steps])
    for one, other in combinations(range(LAST + 1), 2):
        g = gradient[one] - gradient[other]
        assert difference_u_j(effects, one, other) == pytest.approx(
            math.sqrt(g @ covariance @ g), rel=1e-5
        )


def test_p_0_is_one_cause_of_error_in_all_gross_energies(network4, world):
    """Nothing is uncertain but P_0, so a difference errs by it for as long as it lasts."""
    u_w, idle_w, rate = 0.05, 2.0, 1000.0
    device = world(
        flop=FLOP, block_j=(1.0, 2.0, 1.5, 0.7), head_j=((2, 3.0), (3, 4.5), (4, 5.2)),
        bit_j=0.001, rate=rate,
        answer_bit_j=0.002, idle_w=idle_w, idle_u_w=u_w,
    ).profile()  # fmt: skip

    def with_u(figure, lasting_s):
        gross = msgspec.structs.replace(figure.gross, u_stat=u_w * lasting_s)
        return GrossNet(gross=gross, net=figure.net)

    def per_joule(figure, lasting_s):
        u = u_w * lasting_s * figure.gross.value**2
        return GrossNet(gross=msgspec.structs.replace(figure.gross, u_stat=u), net=figure.net)

    replaced = msgspec.structs.replace
    blocks = tuple(
        replaced(b, energy_j=with_u(b.energy_j, b.latency_s.value)) for b in device.compute.blocks
    )
    heads = tuple(
        replaced(h, energy_j=with_u(h.energy_j, h.latency_s.value)) for h in device.compute.heads
    )
    uplink = device.link.uplink
    link = replaced(
        device.link,
        uplink=replaced(uplink, e_c_bit_per_j=per_joule(uplink.e_c_bit_per_j, 1 / rate)),
        downlink=replaced(
            device.link.downlink,
            e_c_bit_per_j=per_joule(device.link.downlink.e_c_bit_per_j, 1 / 500.0),
        ),
    )
    profile = replaced(
        device, compute=replaced(device.compute, blocks=blocks, heads=heads), link=link
    )
    usage = Usage(server_wait_s=0.5)
    prices = prices_from_profile(*network4, profile, account="gross", usage=usage)
    problem = Problem(
        network=network4[0], blocks=network4[1], prices=prices, constraints=Constraints()
    )
    effects = problem.causes("heads", measured_only=True).effects

    times_s = [9.6, 0.1 + 6.4, 0.16 + 3.2, 0.24 + 0.64, 0.32]
    for block in range(LAST):
        times_s[block] += 64 / 500.0 + 0.5
    for one, other in combinations(range(LAST + 1), 2):
        expected = u_w * abs(times_s[one] - times_s[other])
        assert difference_u_j(effects, one, other) == pytest.approx(expected, abs=1e-9)
    constant = problem.causes("constant", measured_only=True).effects
    # By the constant E_d the 1.0 s of all blocks are shared out by FLOP.
    assert difference_u_j(constant, 4, 0) == pytest.approx(u_w * abs(1.0 - times_s[0]), abs=1e-9)


def test_gross_fits_take_p_0_apart_for_as_long_as_an_upload_and_a_burst_last(
    network4, world, make_quantity
):
    """Gross E_0 and E_burst hold 0.2 s and 0.1 s of P_0 = 2 W beyond the net ones."""
    u_w, lasting = 0.05, np.array([0.2, 1.0, 0.0, 0.1])
    device = world(
        flop=FLOP, block_j=(1.0,) * 4, burst_j=0.3, upload_cost_j=0.4, idle_w=2.0, idle_u_w=u_w,
        covariance=((0.0,) * 4,) * 4, gross_factor=3.0, gross_fit=True,
    ).profile()  # fmt: skip
    uplink = device.link.uplink
    fit = msgspec.structs.replace(
        uplink.fit_gross,
        upload_cost_j=make_quantity(0.4 + 2.0 * 0.2),
        burst_cost_j=make_quantity(0.3 + 2.0 * 0.1),
        covariance=tuple(map(tuple, (u_w**2 * np.outer(lasting, lasting)).tolist())),
    )
    link = msgspec.structs.replace(
        device.link, uplink=msgspec.structs.replace(uplink, fit_gross=fit)
    )
    profile = msgspec.structs.replace(device, link=link)
    prices = prices_from_profile(*network4, profile, account="gross")
    problem = Problem(
        network=network4[0], blocks=network4[1], prices=prices, constraints=Constraints()
    )

    effects = problem.causes("blocks").effects

    # Blocks state no uncertainty of their own here, and 0.1 … 0.4 s each.
    between = u_w * (9.6 + 0.2 + 0.1 - 1.0)
    assert difference_u_j(effects, 0, LAST) == pytest.approx(between, abs=1e-6)
    assert np.linalg.matrix_rank(effects, tol=1e-6) == 1


def test_it_is_said_what_each_candidate_was_priced_by(network4, world):
    device = world(flop=FLOP, block_j=(1.0, 2.0, 1.5, 0.7), head_j=((2, 2.5), (4, 4.6)))

    def said(model):
        found = decide(*network4, device.profile(), compute_model=model).candidates
        return [candidate.priced_by for candidate in found]

    heads = [
        *("no computing", "its one block", "measured head", "between heads 2 and 4"),
        "measured head",
    ]
    assert said(None) == said("heads") == heads
    sparse = replace(device, head_j=((2, 2.5),)).profile()
    behind = [c.priced_by for c in decide(*network4, sparse).candidates[3:]]
    assert behind == ["head 2 + blocks"] * 2
    assert said("blocks") == ["no computing", *["blocks"] * 4]
    assert said("constant") == ["no computing", *["constant E_d"] * 4]
    latencies = [c.latency_s for c in decide(*network4, device.profile()).candidates]
    # 0.08 s per block of a head, 0.1 … 0.4 s of blocks alone, and the air at 1000 bit/s; block 3
    # takes its 3/7 of what lies between the heads.
    between_s = 0.16 + 0.16 * 3 / 7
    assert latencies == pytest.approx([9.6, 0.1 + 6.4, 0.16 + 3.2, between_s + 0.64, 0.32])


def test_measured_heads_may_choose_another_split_than_the_sum_of_their_blocks(network4, world):
    """By blocks 1 + 2 + 1.5 J and 0.64 J against 1 + 2 + 3.2 J; as a head 1 to 3 cost twice."""
    device = world(flop=FLOP, block_j=(1.0, 2.0, 1.5, 4.0), head_j=((2, 2.0), (3, 5.0), (4, 9.0)))
    decision = decide(*network4, device.profile())
    assert (decision.compute_model, decision.best.block) == ("heads", 2)
    heads, blocks, constant = decision.models
    assert (heads.block, heads.regret_j) == (2, 0.0)
    assert (blocks.block, blocks.energy_j) == (3, pytest.approx(5.14))
    assert blocks.regret_j == pytest.approx(5.64 - 5.2)
    assert constant.model == "constant"
    assert (
        "The sum of the blocks would have chosen block 3, costing 0.44 J more per inference by the "
        "measured heads."
    ) in decision.notes
    assert "priced by measured head" in decision.explanation


def test_a_burst_and_a_connection_are_shared_among_their_uploads(network4, world):
    device = world(
        flop=FLOP, block_j=(1.0,) * 4, burst_j=0.6, connection_j=0.5, upload_cost_j=0.1,
        covariance=((0.0,) * 4,) * 4,
    )  # fmt: skip

    def fixed_j(**usage):
        found = decide(*network4, device.profile(), usage=Usage(**usage))
        return [candidate.upload_fixed_j for candidate in found.candidates]

    assert fixed_j() == pytest.approx([0.7] * 4 + [0.0])
    assert fixed_j(uploads_per_burst=6) == pytest.approx([0.2] * 4 + [0.0])
    assert fixed_j(uploads_per_connection=1) == pytest.approx([1.2] * 4 + [0.0])


def test_what_the_profile_cannot_price_is_said(network4, world):
    def notes(account="net", connection_j=None, **usage):
        profile = world(flop=FLOP, block_j=(1.0,) * 4, connection_j=connection_j).profile()
        return " ".join(decide(*network4, profile, account=account, usage=Usage(**usage)).notes)

    assert "answer's way back costs nothing here: the profile measured no downloads" in notes()
    assert "the wait for the server and the fixed cost of an upload" in notes("gross")
    assert "did not measure one" in notes(uploads_per_connection=1)
    assert "less than 0.07 J net" in notes(connection_j=0.0, uploads_per_connection=1)
    assert "connection" not in notes()


def test_a_profile_with_a_covariance_of_three_takes_the_burst_as_independent(
    network4, world, make_quantity
):
    profile = world(
        flop=FLOP, block_j=(1.0,) * 4, burst_j=0.6, covariance=((0.0,) * 3,) * 3
    ).profile()
    fit = msgspec.structs.replace(
        profile.link.uplink.fit, burst_cost_j=make_quantity(0.6, 0.05, unit="J")
    )
    link = msgspec.structs.replace(
        profile.link, uplink=msgspec.structs.replace(profile.link.uplink, fit=fit)
    )
    decision = decide(*network4, msgspec.structs.replace(profile, link=link), model_u_rel=0.0)
    assert [c.u_stat_j for c in decision.candidates] == pytest.approx([0.05] * 4 + [0.0])


def test_heads_that_were_not_measured_cannot_be_asked_for(network4, world):
    with pytest.raises(ProfileMismatchError, match="measured none"):
        decide(*network4, world(flop=FLOP, block_j=(1.0,) * 4).profile(), compute_model="heads")
    network, blocks = network4
    other = replace(network, sha256="cd" * 32)
    device = world(flop=FLOP, block_j=(1.0,) * 4, head_j=((2, 1.5),))
    with pytest.raises(ProfileMismatchError, match="was measured with"):
        decide(other, blocks, device.profile(), compute_model="heads")


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_a_head_that_cannot_be_is_refused_and_the_blocks_still_serve(network4, world, value):
    profile = world(flop=FLOP, block_j=(1.0,) * 4, head_j=((2, 1.5),)).profile()
    bad = Quantity(value=value, unit="J", ci95=None, u_stat=0.1, u_sys=0.0, n=3)
    head = msgspec.structs.replace(profile.compute.heads[0], energy_j=GrossNet(gross=bad, net=bad))
    compute = msgspec.structs.replace(profile.compute, heads=(head,))
    spoiled = msgspec.structs.replace(profile, compute=compute)
    with pytest.raises(ProfileUnusableError, match="or use the blocks compute model"):
        decide(*network4, spoiled)
    assert decide(*network4, spoiled, compute_model="blocks").judged_by == "blocks"


def test_a_head_covariance_that_is_none_is_refused(network4, world):
    device = world(
        flop=FLOP, block_j=(1.0,) * 4, head_j=((2, 1.5),), u_rel=0.1,
        block_covariance=lower(np.eye(4)), head_covariance=(5.0, 0.0, 0.0, 0.0, 1.0),
    )  # fmt: skip
    with pytest.raises(ProfileUnusableError, match="block energies"):
        decide(*network4, device.profile())
    short = replace(device, head_covariance=(0.0, 1.0))
    with pytest.raises(ProfileUnusableError, match="block energies and heads"):
        decide(*network4, short.profile())
