"""Can the figures of a profile be true? Checks over the profile alone. Pure.

They find files edited by hand, figures of another unit, and tools that contradict themselves.
The checks that a calibration made of its windows are in the profile already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from math import hypot

import msgspec

from joulesplit.calibrate.checks._counts import count_checks
from joulesplit.calibrate.checks._derived import ACCOUNTS_FACTOR, derivation_checks
from joulesplit.calibrate.checks._interval_widths import interval_checks
from joulesplit.calibrate.checks._sensor import LOST_CONVERSIONS, lost_share
from joulesplit.calibrate.checks._soundness import soundness_checks
from joulesplit.calibrate.checks._spec import CHANGED, FLAG, CheckSpec, verdict_of
from joulesplit.calibrate.profile import (
    Check,
    DeviceProfile,
    EncodingEnergy,
    GrossNet,
    Quality,
    Verdict,
    figures_of,
    making_name,
)
from joulesplit.metrology import budget_of

E_D_RANGE_FLOP_PER_J = (1e5, 1e14)
"""From a microcontroller in emulation to beyond any accelerator of today."""

E_C_RANGE_BIT_PER_J = (1e2, 1e12)
"""From a low-power wide-area radio to beyond any wire that ends in a processor."""

IDLE_RANGE_W = (0.01, 300.0)
"""From a microcontroller to a workstation."""

ENERGY_NAME = re.compile(r"(E_d|E_c(-down)?|e_\d+|head_\d+|P_0|t_\d+)(?![\w/-])")
"""Figures that nothing but work can have at zero or below: not E_0, P_air and e_bit, which are
parts of one fit and may be negative within their uncertainty."""

BUDGET_LIMIT = 0.01
"""How far the sensor's stated uncertainties may fall short of the sums of terms, relative."""


POSITIVE_ENERGIES = CheckSpec(
    name="positive-energies",
    finds="energies and efficiencies that are zero or negative",
    unit="figures",
    limit=0,
    severity="fail",
    advice="{names}: work takes energy; the work did not show above idle, or the wrong rail was "
    "measured: calibrate again with longer work",
)
GROSS_ABOVE_NET = CheckSpec(
    name="gross-above-net",
    finds="net energies that exceed the gross ones",
    unit="figures",
    limit=0,
    severity="fail",
    advice="{names}: the net energy exceeds the gross, which holds it: gross and net were "
    "exchanged, or idle power was negative",
)
RANGES = {
    name: CheckSpec(
        name=name,
        finds=f"{what} (gross)" if what != "P_0" else what,
        unit=unit,
        limit=None,
        follows_from=f"{low:g} {unit} to {high:g} {unit}",
        severity="fail",
        advice="no device is like this: check units and shunt",
    )
    for name, what, unit, (low, high) in (
        ("e_d-range", "E_d", "FLOP/J", E_D_RANGE_FLOP_PER_J),
        ("e_c-range", "E_c", "bit/J", E_C_RANGE_BIT_PER_J),
        ("idle-range", "P_0", "W", IDLE_RANGE_W),
        ("encoding-power-range", "the power of making an encoding's bytes", "W", IDLE_RANGE_W),
    )
}
SENSOR_BUDGET = CheckSpec(
    name="sensor-budget",
    finds="what the sensor's stated uncertainties fall short of the sums of their terms, and terms "
    "of their bounds, relative; all of it where no term is stated",
    unit="1",
    limit=BUDGET_LIMIT,
    severity="fail",
    advice=f"the sensor's uncertainty is not that of its terms together: {CHANGED}",
)
SIMULATED_MARK = CheckSpec(
    name="simulated-mark",
    finds="something simulated in a profile that is not marked so",
    unit=FLAG,
    limit=0,
    severity="fail",
    advice="a simulated sensor or truth in a profile that is not marked simulated: do not use it",
)
LINK_MARK = CheckSpec(
    name="link-mark",
    finds="the link's kind contradicts whether it is loopback",
    unit=FLAG,
    limit=0,
    severity="fail",
    advice="the link is called {kind}, and loopback is {loopback}: do not use its E_c",
)
RECORDED_VERDICT = CheckSpec(
    name="recorded-verdict",
    finds="the recorded verdict is better than the recorded checks",
    unit=FLAG,
    limit=0,
    severity="fail",
    advice=f"the recorded checks say {{checks}}, the recorded verdict is {{verdict}}: {CHANGED}",
)
WINDOWS_BESIDE = CheckSpec(
    name="windows-beside",
    finds="the windows beside the profile are not those that its figures come from",
    unit=FLAG,
    limit=0,
    severity="warn",
    advice="the figures come from other windows than those beside them: find the right file, or "
    "compute the figures of these with `calibrate --reanalyse`",
)


def plausibility_checks(profile: DeviceProfile) -> tuple[Check, ...]:
    """Return the checks that a profile allows to make.

    What is no number, or out of its place, is not computed with.
    """
    form = tuple(soundness_checks(profile))
    if any(check.outcome == "fail" for check in form):
        return (*form, *_marks(profile))
    return (
        *form,
        *_signs(profile),
        *_accounts(profile),
        *_ranges(profile),
        *derivation_checks(profile),
        *interval_checks(profile),
        *count_checks(profile),
        *_sensor(profile),
        *_readings(profile),
        *_marks(profile),
    )


def examine_profile(profile: DeviceProfile, windows_sha256: str | None = None) -> Quality:
    """Return the recorded checks, the plausibility checks, and the verdict over all of them.

    A recorded verdict that is worse than its checks stands: the profile's maker knew why.

    Args:
        profile: The profile.
        windows_sha256: Of the windows beside it, if there are any.
    """
    made = (*plausibility_checks(profile), *_windows(profile, windows_sha256))
    # A campaign records those that it failed at its end.
    checks = (*(check for check in profile.quality.checks if check not in made), *made)
    order: tuple[Verdict, ...] = ("valid", "suspect", "rejected")
    found = max(order.index(verdict_of(checks)), order.index(profile.quality.verdict))
    return Quality(verdict=order[found], checks=checks)


def examined(profile: DeviceProfile) -> DeviceProfile:
    """Return a profile with the verdict that it deserves, to decide by.

    What its file says of itself is not trusted: the verdict is that of ``examine_profile``, and
    the checks that it did not pass there stand beside those that it recorded.
    """
    found = examine_profile(profile)
    failed = (check for check in found.checks if check.outcome != "pass")
    checks = (*profile.quality.checks, *(c for c in failed if c not in profile.quality.checks))
    quality = Quality(verdict=found.verdict, checks=checks)
    return msgspec.structs.replace(profile, quality=quality)


def _windows(profile: DeviceProfile, beside: str | None) -> Iterator[Check]:
    if profile.campaign is not None and beside is not None:
        yield WINDOWS_BESIDE.judge(float(beside != profile.campaign.windows_sha256))


def _signs(profile: DeviceProfile) -> Iterator[Check]:
    """Check that whatever does work takes energy."""
    broken = [
        figure.name
        for figure in figures_of(profile)
        if ENERGY_NAME.match(figure.name) and figure.quantity.value <= 0
    ]
    yield POSITIVE_ENERGIES.judge(len(broken), names=", ".join(broken[:3]))


def _accounts(profile: DeviceProfile) -> Iterator[Check]:
    """Check that gross energy is not below net energy, beyond what uncertainty explains."""
    compute = profile.compute
    named = [
        *((f"e_{block.index}", block.energy_j) for block in compute.blocks),
        *((f"head_{head.last_block}", head.energy_j) for head in compute.heads),
        *((making_name(made), made.energy_j) for made in compute.encodings),
    ]
    broken = [name for name, energy_j in named if _below_net(energy_j)]
    if _above_net(profile.compute.e_d_flop_per_j):
        broken.append("E_d")
    if profile.link is not None and _above_net(profile.link.uplink.e_c_bit_per_j):
        broken.append("E_c")
    yield GROSS_ABOVE_NET.judge(len(broken), names=", ".join(broken[:3]))


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
    yield _in_range("e_d-range", e_d.gross.value, E_D_RANGE_FLOP_PER_J)
    if profile.link is not None:
        e_c = profile.link.uplink.e_c_bit_per_j
        yield _in_range("e_c-range", e_c.gross.value, E_C_RANGE_BIT_PER_J)
    if profile.idle is not None:
        yield _in_range("idle-range", profile.idle.power_w.value, IDLE_RANGE_W)
    powers_w = [_making_power_w(made) for made in profile.compute.encodings]
    if powers_w:
        low, high = IDLE_RANGE_W
        farthest_w = max(powers_w, key=lambda power_w: max(power_w - high, low - power_w))
        yield _in_range("encoding-power-range", farthest_w, IDLE_RANGE_W)


def _making_power_w(made: EncodingEnergy) -> float:
    """Return the gross power of making bytes, the nearest to a device's that chance explains, W."""
    gross = made.energy_j.gross
    u_j = ACCOUNTS_FACTOR * hypot(gross.u_stat or 0.0, gross.u_sys or 0.0)
    low_j, high_j = (power_w * made.latency_s.value for power_w in IDLE_RANGE_W)
    possible_j = min(max(gross.value, low_j), high_j)
    nearest_j = min(max(possible_j, gross.value - u_j), gross.value + u_j)
    return nearest_j / made.latency_s.value


def _in_range(name: str, value: float, bounds: tuple[float, float]) -> Check:
    """Check a value against the nearer of two bounds."""
    low, high = bounds
    spec = RANGES[name]
    below = value < low
    return (replace(spec, minimum=True) if below else spec).judge(
        value, limit=low if below else high
    )


def _sensor(profile: DeviceProfile) -> Iterator[Check]:
    sensor = profile.sensor
    if sensor is None:
        return
    terms = budget_of(sensor.budget)
    pairs = [
        (sensor.scale_u_rel, terms.scale_u_rel),
        (sensor.load_u_rel, terms.load_u_rel),
        (sensor.offset_u_w, terms.offset_u_w),
    ]
    short = [1 - stated / total if total else float(stated > 0) for stated, total in pairs]
    bounds = [
        1 - term.standard_uncertainty / (term.half_width / 3**0.5)
        for term in sensor.budget
        if term.half_width and term.distribution == "rectangular"
    ]
    yield SENSOR_BUDGET.judge(max(0.0, *short, *bounds))


def _readings(profile: DeviceProfile) -> Iterator[Check]:
    """Yield the share of lost readings where it is too large and not recorded so."""
    sampling = profile.sampling
    if sampling is not None:
        lost = LOST_CONVERSIONS.judge(lost_share(sampling.readings, sampling.lost))
        recorded = {one.name: one.outcome for one in profile.quality.checks}
        if lost.outcome not in ("pass", recorded.get(lost.name)):
            yield lost


def _marks(profile: DeviceProfile) -> Iterator[Check]:
    """Check that what the profile says of itself fits together."""
    sensor = profile.sensor
    by_kind = sensor is not None and sensor.kind.startswith("simulated")
    by_mark = sensor is not None and sensor.simulated
    simulated = by_kind or by_mark or profile.source == "simulated" or profile.truth is not None
    unmarked = simulated and not profile.simulated
    yield SIMULATED_MARK.judge(float(unmarked or (by_kind and not by_mark)))
    link = profile.link
    if link is not None and link.kind is not None:
        contradicts = link.loopback != (link.kind == "loopback")
        yield LINK_MARK.judge(float(contradicts), kind=link.kind, loopback=link.loopback)
    yield _verdict_mark(profile)


def _verdict_mark(profile: DeviceProfile) -> Check:
    recorded = verdict_of(profile.quality.checks)
    order = {"valid": 0, "suspect": 1, "rejected": 2}
    return RECORDED_VERDICT.judge(
        float(order[profile.quality.verdict] < order[recorded]),
        checks=recorded,
        verdict=profile.quality.verdict,
    )
