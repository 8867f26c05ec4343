"""Can the figures of a profile be true? Checks over the profile alone. Pure.

They find files edited by hand, figures of another unit, and tools that contradict themselves.
The checks that a calibration made of its windows are in the profile already.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot, isfinite

from calibrate.profile import Check, DeviceProfile, Outcome, Quality, Verdict
from calibrate.profiles.figures import figures_of
from calibrate.quantity import GrossNet

E_D_RANGE_FLOP_PER_J = (1e5, 1e14)
"""From a microcontroller in emulation to beyond any accelerator of today."""

E_C_RANGE_BIT_PER_J = (1e2, 1e12)
"""From a low-power wide-area radio to beyond any wire that ends in a processor."""

IDLE_RANGE_W = (0.01, 300.0)
"""From a microcontroller to a workstation."""

SUM_LIMIT = 0.02
"""Largest relative difference of E_d to Σ N_l / Σ e_l, and of E_c to its fit. They are the same
by definition; figures rounded to three digits still pass."""

BUDGET_LIMIT = 0.01
"""How far the sensor's stated scale may fall short of the sum of its terms, relative."""


def plausibility_checks(profile: DeviceProfile) -> tuple[Check, ...]:
    """Return the checks that a profile allows to make."""
    return (
        *_quantities(profile),
        *_accounts(profile),
        *_ranges(profile),
        *_sums(profile),
        *_sensor(profile),
        *_marks(profile),
    )


def examine_profile(profile: DeviceProfile) -> Quality:
    """Return the recorded checks, the plausibility checks, and the verdict over all of them.

    A recorded verdict that is worse than its checks stands: the profile's maker knew why.
    """
    checks = (*profile.quality.checks, *plausibility_checks(profile))
    order: tuple[Verdict, ...] = ("valid", "suspect", "rejected")
    found = max(order.index(verdict_of(checks)), order.index(profile.quality.verdict))
    return Quality(verdict=order[found], checks=checks)


def verdict_of(checks: tuple[Check, ...]) -> Verdict:
    """Return what outcomes mean: a failure rejects, a warning makes suspect."""
    outcomes = {check.outcome for check in checks}
    if "fail" in outcomes:
        return "rejected"
    return "suspect" if "warn" in outcomes else "valid"


def _check(
    name: str,
    value: float,
    limit: float,
    unit: str,
    advice: str,
    *,
    severity: Outcome = "fail",
) -> Check:
    good = value <= limit
    return Check(
        name=name,
        value=value,
        limit=limit,
        unit=unit,
        outcome="pass" if good else severity,
        advice="" if good else advice,
    )


def _quantities(profile: DeviceProfile) -> Iterator[Check]:
    """Check that every figure is a number inside its own interval, with positive spread."""
    broken = []
    for figure in figures_of(profile):
        quantity = figure.quantity
        low, high = quantity.ci95 or (quantity.value, quantity.value)
        numbers = (quantity.value, low, high, quantity.u_stat or 0.0, quantity.u_sys or 0.0)
        sound = all(isfinite(number) for number in numbers)
        if not (sound and low <= quantity.value <= high and min(numbers[3:]) >= 0):
            broken.append(figure.name)
    yield _check(
        "sound-intervals",
        len(broken),
        0,
        "figures",
        f"{', '.join(broken[:3])}: not a number, or outside its own interval; the file was changed "
        "or its maker is wrong: measure again",
    )


def _accounts(profile: DeviceProfile) -> Iterator[Check]:
    """Check that gross energy is not below net energy, beyond what uncertainty explains."""
    broken = [f"e_{block.index}" for block in profile.compute.blocks if _below_net(block.energy_j)]
    if _above_net(profile.compute.e_d_flop_per_j):
        broken.append("E_d")
    if profile.link is not None and _above_net(profile.link.uplink.e_c_bit_per_j):
        broken.append("E_c")
    yield _check(
        "gross-above-net",
        len(broken),
        0,
        "figures",
        f"{', '.join(broken[:3])}: the net energy exceeds the gross, which holds it: gross and net "
        "were exchanged, or idle power was negative",
    )


def _below_net(energy: GrossNet) -> bool:
    if energy.net is None or energy.net.ci95 is None or energy.gross.ci95 is None:
        return energy.net is not None and energy.gross.value < energy.net.value
    return energy.gross.ci95[1] < energy.net.ci95[0]


def _above_net(efficiency: GrossNet) -> bool:
    if efficiency.net is None or efficiency.net.ci95 is None or efficiency.gross.ci95 is None:
        return efficiency.net is not None and efficiency.gross.value > efficiency.net.value
    return efficiency.gross.ci95[0] > efficiency.net.ci95[1]


def _ranges(profile: DeviceProfile) -> Iterator[Check]:
    e_d = profile.compute.e_d_flop_per_j
    yield _in_range("e_d-range", e_d.gross.value, E_D_RANGE_FLOP_PER_J, "FLOP/J")
    if profile.link is not None:
        e_c = profile.link.uplink.e_c_bit_per_j
        yield _in_range("e_c-range", e_c.gross.value, E_C_RANGE_BIT_PER_J, "bit/J")
    if profile.idle is not None:
        yield _in_range("idle-range", profile.idle.power_w.value, IDLE_RANGE_W, "W")


def _in_range(name: str, value: float, bounds: tuple[float, float], unit: str) -> Check:
    low, high = bounds
    return Check(
        name=name,
        value=value,
        limit=low if value < low else high,
        unit=unit,
        outcome="pass" if low <= value <= high else "fail",
        advice="" if low <= value <= high else "no device is like this: check units and shunt",
    )


def _sums(profile: DeviceProfile) -> Iterator[Check]:
    """Check that figures that follow from each other do."""
    offs = list(_sum_offs(profile))
    if offs:
        worst, name = max(offs)
        yield _check(
            "consistent-figures",
            worst,
            SUM_LIMIT,
            "1",
            f"{name} is not what the figures it is made of give: the file was changed by hand",
        )


def _sum_offs(profile: DeviceProfile) -> Iterator[tuple[float, str]]:
    compute = profile.compute
    flop = sum(block.flop for block in compute.blocks)
    gross_j = sum(block.energy_j.gross.value for block in compute.blocks)
    if gross_j > 0:
        yield abs(compute.e_d_flop_per_j.gross.value * gross_j / flop - 1), "E_d gross"
    net_j = [block.energy_j.net.value for block in compute.blocks if block.energy_j.net]
    if compute.e_d_flop_per_j.net and net_j and len(net_j) == len(compute.blocks):
        yield abs(compute.e_d_flop_per_j.net.value * sum(net_j) / flop - 1), "E_d net"
    uplink = profile.link.uplink if profile.link else None
    if uplink is not None and uplink.fit is not None and uplink.e_c_bit_per_j.net is not None:
        fit = uplink.fit
        bit_j = fit.air_power_w.value / uplink.rate_bit_per_s + fit.bit_energy_j.value
        yield abs(uplink.e_c_bit_per_j.net.value * bit_j - 1), "E_c net"


def _sensor(profile: DeviceProfile) -> Iterator[Check]:
    sensor = profile.sensor
    if sensor is None or not sensor.budget:
        return
    total = hypot(
        *(
            term.standard_uncertainty
            for term in sensor.budget
            if (term.kind, term.correlation) == ("scale", "common")
        )
    )
    yield _check(
        "sensor-budget",
        max(0.0, 1 - sensor.scale_u_rel / total) if total else 0.0,
        BUDGET_LIMIT,
        "1",
        "the sensor's scale uncertainty is less than its terms together: the file was changed by "
        "hand",
    )


def _marks(profile: DeviceProfile) -> Iterator[Check]:
    """Check that what the profile says of itself fits together."""
    hidden = profile.sensor is not None and profile.sensor.simulated
    simulated = hidden or profile.source == "simulated" or profile.truth is not None
    yield _check(
        "simulated-mark",
        float(simulated and not profile.simulated),
        0,
        "1",
        "a simulated sensor or truth in a profile that is not marked simulated: do not use it",
    )
    link = profile.link
    if link is not None and link.kind is not None:
        yield _check(
            "link-mark",
            float(link.loopback != (link.kind == "loopback")),
            0,
            "1",
            f"the link is called {link.kind}, and loopback is {link.loopback}: do not use its E_c",
        )
    yield _verdict_mark(profile)


def _verdict_mark(profile: DeviceProfile) -> Check:
    recorded = verdict_of(profile.quality.checks)
    order = {"valid": 0, "suspect": 1, "rejected": 2}
    return _check(
        "recorded-verdict",
        float(order[profile.quality.verdict] < order[recorded]),
        0,
        "1",
        f"the recorded checks say {recorded}, the recorded verdict is {profile.quality.verdict}: "
        "the file was changed by hand",
    )
