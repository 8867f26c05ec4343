from __future__ import annotations

import msgspec
import pytest

from joulesplit.calibrate.checks import examine_profile
from joulesplit.calibrate.checks._plausibility import plausibility_checks
from joulesplit.calibrate.profile import Check, GrossNet, Quality, load_profile


def changed(profile, path, **fields):
    """Return a profile with fields replaced in the record at a dotted path."""
    if not path:
        return msgspec.structs.replace(profile, **fields)
    first, _, rest = path.partition(".")
    return msgspec.structs.replace(
        profile, **{first: changed(getattr(profile, first), rest, **fields)}
    )


def troubled(profile):
    return [check.name for check in plausibility_checks(profile) if check.outcome != "pass"]


def test_a_sound_profile_passes_and_keeps_its_recorded_checks(make_measured):
    quality = examine_profile(make_measured())

    assert quality.verdict == "valid"
    assert quality.checks[0].name == "lost"
    assert all(check.outcome == "pass" and not check.advice for check in quality.checks)
    assert len(quality.checks) >= 9


def test_each_falsehood_fails_its_own_check_with_advice(make_measured):
    sound = make_measured()
    power = sound.idle.power_w
    e_d = sound.compute.e_d_flop_per_j
    exchanged = GrossNet(gross=e_d.net, net=e_d.gross)
    blocks = tuple(
        msgspec.structs.replace(
            block, energy_j=GrossNet(gross=block.energy_j.net, net=block.energy_j.gross)
        )
        for block in sound.compute.blocks
    )
    cases = {
        "sound-intervals": changed(sound, "idle", power_w=_moved(power, 3.0)),
        "gross-above-net": changed(sound, "compute", e_d_flop_per_j=exchanged, blocks=blocks),
        "idle-range": changed(sound, "idle.power_w", value=2600.0, ci95=(2500.0, 2700.0)),
        "consistent-figures": changed(
            sound, "compute", e_d_flop_per_j=GrossNet(gross=_scaled(e_d.gross), net=None)
        ),
        "sensor-budget": changed(sound, "sensor", scale_u_rel=0.001),
        "simulated-mark": changed(sound, "sensor", simulated=True),
        "link-mark": changed(sound, "link", kind="loopback"),
        "recorded-verdict": changed(
            sound,
            "quality",
            checks=(Check(name="x", value=1, limit=0, unit="1", outcome="fail", advice="mend"),),
        ),
    }
    assert {name: troubled(profile) for name, profile in cases.items()} == {
        name: [name] for name in cases
    }
    assert all(examine_profile(profile).verdict == "rejected" for profile in cases.values())
    assert all(
        check.advice
        for profile in cases.values()
        for check in plausibility_checks(profile)
        if check.outcome != "pass"
    )


def _moved(quantity, value):
    return msgspec.structs.replace(quantity, value=value)


def _scaled(quantity):
    low, high = quantity.ci95
    return msgspec.structs.replace(
        quantity, value=1.5 * quantity.value, ci95=(1.5 * low, 1.5 * high)
    )


@pytest.mark.parametrize("value", [0.0, -0.01])
def test_work_that_takes_no_energy_or_gives_some_is_told_by_name(make_measured, value):
    sound = make_measured()
    block = sound.compute.blocks[1]
    wrong = msgspec.structs.replace(
        block.energy_j.net, value=value, ci95=(value - 0.001, value + 0.001)
    )
    energy = GrossNet(gross=block.energy_j.gross, net=wrong)
    blocks = (sound.compute.blocks[0], msgspec.structs.replace(block, energy_j=energy))

    checks = {c.name: c for c in plausibility_checks(changed(sound, "compute", blocks=blocks))}

    assert checks["positive-energies"].outcome == "fail"
    assert checks["positive-energies"].advice.startswith("e_2 net: work takes energy")
    fit = sound.link.uplink.fit
    cost = msgspec.structs.replace(fit.upload_cost_j, value=-1e-6, ci95=(-2e-6, 1e-6))
    within = changed(sound, "link.uplink.fit", upload_cost_j=cost)
    assert troubled(within) == [], "a part of a fit may scatter below zero"


@pytest.mark.parametrize(("factor", "name"), [(1e-9, "e_d-range"), (1e9, "e_d-range")])
def test_an_efficiency_that_no_device_has_is_told(make_measured, factor, name):
    sound = make_measured()
    low, high = sound.compute.e_d_flop_per_j.gross.ci95
    gross = msgspec.structs.replace(
        sound.compute.e_d_flop_per_j.gross,
        value=factor * sound.compute.e_d_flop_per_j.gross.value,
        ci95=(factor * low, factor * high),
    )
    bare = changed(
        sound,
        "compute",
        e_d_flop_per_j=GrossNet(gross=gross, net=None),
        blocks=(),
        covariance_j2=(),
    )

    assert troubled(bare) == [name]


def test_one_efficiency_that_is_better_gross_than_net_is_told(make_measured):
    sound = make_measured()
    e_d = sound.compute.e_d_flop_per_j
    exchanged = changed(sound, "compute", e_d_flop_per_j=GrossNet(gross=e_d.net, net=e_d.gross))

    assert "gross-above-net" in troubled(exchanged)


def with_e_d(profile, value):
    gross = msgspec.structs.replace(
        profile.compute.e_d_flop_per_j.gross, value=value, ci95=(0.99 * value, 1.01 * value)
    )
    return changed(
        profile,
        "compute",
        e_d_flop_per_j=GrossNet(gross=gross, net=None),
        blocks=(),
        covariance_j2=(),
    )


def with_e_c(profile, value):
    gross = msgspec.structs.replace(
        profile.link.uplink.e_c_bit_per_j.gross, value=value, ci95=(0.99 * value, 1.01 * value)
    )
    return changed(profile, "link.uplink", e_c_bit_per_j=GrossNet(gross=gross, net=None))


def with_idle(profile, value):
    return changed(profile, "idle.power_w", value=value, ci95=(0.99 * value, 1.01 * value))


@pytest.mark.parametrize(
    ("name", "low", "high", "with_value"),
    [
        ("e_d-range", 1e5, 1e14, with_e_d),
        ("e_c-range", 1e2, 1e12, with_e_c),
        ("idle-range", 0.01, 300.0, with_idle),
    ],
)
def test_a_range_ends_where_it_says(make_measured, name, low, high, with_value):
    sound = make_measured()

    for inside, outside in ((1.02 * low, 0.98 * low), (0.98 * high, 1.02 * high)):
        assert troubled(with_value(sound, inside)) == []
        assert troubled(with_value(sound, outside)) == [name]


def with_sums_off_by(profile, share):
    e_d = profile.compute.e_d_flop_per_j
    off = msgspec.structs.replace(e_d.net, value=(1 + share) * e_d.net.value)
    return changed(profile, "compute", e_d_flop_per_j=GrossNet(gross=e_d.gross, net=off))


def with_scale_short_by(profile, share):
    return changed(profile, "sensor", scale_u_rel=(1 - share) * profile.sensor.scale_u_rel)


@pytest.mark.parametrize(
    ("name", "limit", "with_share"),
    [
        ("consistent-figures", 0.02, with_sums_off_by),
        ("sensor-budget", 0.01, with_scale_short_by),
    ],
)
def test_just_inside_its_limit_a_check_passes_and_just_outside_it_does_not(
    make_measured, name, limit, with_share
):
    # Uncertain enough for its figures to stay inside their own intervals.
    sound = make_measured(u_rel=0.02, scale_u=0.02)

    assert troubled(with_share(sound, 0.98 * limit)) == []
    assert troubled(with_share(sound, 1.02 * limit)) == [name]


def test_a_recorded_verdict_worse_than_its_checks_stands(make_measured):
    strict = make_measured(quality=Quality(verdict="rejected", checks=()))

    assert examine_profile(strict).verdict == "rejected"
    assert troubled(strict) == []


def test_the_bundled_constants_are_plausible():
    from joulesplit.cli._resources import bundled

    profile = load_profile(bundled("profiles/paper.json")).profile

    assert troubled(profile) == []
    assert examine_profile(profile).verdict == "suspect"
