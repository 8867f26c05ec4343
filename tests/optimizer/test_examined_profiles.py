"""What ``profile check`` rejects decides nothing, and what it passes every decision takes.

Every number, list and mark of a profile is changed in turn, as a hand or a faulty tool would.
"""

from __future__ import annotations

import copy
import math

import msgspec
import pytest

from joulesplit.calibrate.checks import examined
from joulesplit.calibrate.profile import (
    BudgetTerm,
    DeviceProfile,
    GrossNet,
    Quantity,
    may_be_a_cost,
)
from joulesplit.optimizer import Usage, decide
from joulesplit.optimizer.errors import OptimizerError, ProfileUnusableError

PARTS = ("sensor", "idle", "compute", "link", "quality")
FLOP = (20_000_000, 60_000_000, 70_000_000)
LACKS = {("link", "loopback")}
"""Without a radio's link there is nothing to decide, and E_d is as good as before."""
BITS = (3_200_000, 1_600_000, 32_000)


def broken(number):
    return (-number - 1, 1e300, float("nan"), 2 * number)


def mutations(value, path=()):
    """Yield how each part of a document could be other than it is, with where."""
    if isinstance(value, dict):
        for name, inside in value.items():
            if path or name in PARTS:
                yield from mutations(inside, (*path, name))
    elif isinstance(value, list):
        yield from ((path, other) for other in _other_lists(value))
        for index, inside in enumerate(value):
            yield from mutations(inside, (*path, index))
    elif isinstance(value, bool):
        yield path, not value
    elif isinstance(value, int | float):
        yield from ((path, other) for other in broken(value))


def _other_lists(items):
    if len(items) > 1:
        yield items[::-1]
        yield [items[1], *items[1:]]
    if items:
        yield [*items, items[0]]
        yield items[:-1]


def changed(document, path, value):
    whole = copy.deepcopy(document)
    inside = whole
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    return whole


@pytest.fixture(scope="module")
def sound(world, make_network):
    """A network, its blocks, and a profile of them with everything that a decision reads."""
    device = world(
        flop=FLOP, block_j=(0.02, 0.05, 0.06), bit_j=4e-8, rate=20e6, u_rel=0.01,
        offset_rel=0.002, scale_u_rel=0.005, upload_cost_j=0.004, burst_j=0.009,
        covariance=tuple(tuple(1e-12 * (r == c) * (1e-8 if r == 2 else 1) for c in range(4))
                         for r in range(4)),
        head_j=((2, 0.068), (3, 0.128)), answer_bit_j=1e-8, answer_rate=3e7, connection_j=0.006,
        idle_w=2.6, idle_u_w=0.01, gross_fit=True, constant_u_rel=0.3, compute_campaign=0.004,
        upload_campaign=0.003,
    )  # fmt: skip
    return (*make_network(FLOP, BITS, input_elements=150_528), whole(device.profile()))


def whole(profile):
    """Return a profile whose figures follow from each other, as a calibration writes them."""
    compute, uplink, replace = profile.compute, profile.link.uplink, msgspec.structs.replace
    idle_w = profile.idle.power_w.value

    def timed(one):
        energy = one.energy_j
        time = replace(one.latency_s, value=(energy.gross.value - energy.net.value) / idle_w)
        return replace(one, latency_s=time)

    nets = [block.energy_j.net for block in compute.blocks]
    heads = [
        replace(
            timed(head),
            net_over_blocks=head.energy_j.net.value
            / sum(net.value for net in nets[: head.last_block]),
        )
        for head in compute.heads
    ]
    compute = replace(
        compute,
        blocks=tuple(timed(block) for block in compute.blocks),
        heads=tuple(heads),
        covariance_j2=tuple(
            net.u_stat**2 if r == c else 0.0 for r, net in enumerate(nets) for c in range(r + 1)
        ),
        e_d_flop_per_j=_of_blocks(compute.e_d_flop_per_j, nets),
    )
    fits = {name: _scattering(getattr(uplink, name)) for name in ("fit", "fit_gross")}
    link = replace(profile.link, uplink=replace(uplink, **fits))
    scale_u_rel = profile.sensor.scale_u_rel
    term = BudgetTerm(name="x", kind="scale", standard_uncertainty=scale_u_rel, source="x")
    sensor = replace(profile.sensor, budget=(term,))
    return replace(profile, sensor=sensor, compute=compute, link=link)


def _of_blocks(e_d, nets):
    u_rel = math.hypot(*(net.u_stat for net in nets)) / sum(net.value for net in nets)

    def one(figure):
        return msgspec.structs.replace(figure, u_stat=figure.value * u_rel)

    return GrossNet(net=one(e_d.net), gross=one(e_d.gross))


def _scattering(fit):
    names = ("upload_cost_j", "air_power_w", "bit_energy_j", "burst_cost_j")
    figures = {
        name: msgspec.structs.replace(getattr(fit, name), u_stat=fit.covariance[row][row] ** 0.5)
        for row, name in enumerate(names)
    }
    return msgspec.structs.replace(fit, **figures)


def decided(sound, profile, **options):
    network, blocks, _ = sound
    return decide(network, blocks, profile, usage=Usage(back_to_back=True), **options)


@pytest.mark.parametrize(("freedom", "possible"), [(7.0, True), (60.0, False), (None, False)])
def test_how_far_below_zero_a_cost_may_be_goes_by_how_well_its_scatter_is_known(freedom, possible):
    """5 u: by chance once in 500 campaigns with seven degrees of freedom, in 3 million without."""
    cost = Quantity(
        value=-5e-3, unit="J", ci95=None, u_stat=1e-3, u_sys=0.0, n=14, degrees_of_freedom=freedom
    )
    assert may_be_a_cost(cost) is possible


def test_a_profile_that_is_whole_passes_and_decides(sound):
    profile = examined(sound[-1])
    assert profile.quality.verdict == "valid", profile.quality.checks
    assert decided(sound, profile).probability_best is not None


def test_what_the_check_rejects_no_decision_takes_and_what_it_passes_every_one(sound):
    document = msgspec.json.decode(msgspec.json.encode(sound[-1]))
    passed = rejected = 0
    for path, value in mutations(document):
        if path in LACKS:
            continue
        try:
            profile = msgspec.convert(changed(document, path, value), DeviceProfile)
        except msgspec.ValidationError:
            continue
        judged = examined(profile)
        told = f"{'.'.join(map(str, path))} = {value!r:.60}"
        if judged.quality.verdict == "rejected":
            rejected += 1
            with pytest.raises(ProfileUnusableError, match="rejected"):
                decided(sound, judged)
            _only_its_own_errors(sound, judged, told)
        else:
            passed += 1
            try:
                decided(sound, judged)
            except Exception as error:  # noqa: BLE001  (none is what must be)
                pytest.fail(f"{told}: passed by the check, refused by the decision: {error!r}")
    assert min(passed, rejected) > 100


def _only_its_own_errors(sound, profile, told):
    try:
        decided(sound, profile, allow_rejected=True)
    except OptimizerError:
        pass
    except Exception as error:  # noqa: BLE001  (any other is what must not be)
        pytest.fail(f"{told}: {type(error).__name__}: {error}")
