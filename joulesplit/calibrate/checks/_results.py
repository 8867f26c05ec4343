"""Checks of the figures themselves: are they sharp enough, and of what they claim? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from joulesplit.calibrate.checks._evidence import Evidence
from joulesplit.calibrate.checks._spec import FLAG, CheckSpec
from joulesplit.calibrate.estimates import UNPACED, rates_not_carried
from joulesplit.calibrate.profile import Check, Quantity

WIDTH_LIMIT = 0.05
"""Largest relative half-width of the intervals of E_d and E_c."""


_SHARPER = (
    "stop whatever else runs or sends, then measure longer (--plan standard, --plan rigorous); if "
    "u_sys is the larger part, calibrate the sensor"
)
E_D_INTERVAL = CheckSpec(
    name="e_d-interval",
    finds="half-width of E_d's 95 % interval (net), relative",
    unit="1",
    limit=WIDTH_LIMIT,
    advice=_SHARPER,
)
E_C_INTERVAL = CheckSpec(
    name="e_c-interval",
    finds="half-width of E_c's 95 % interval (net), relative",
    unit="1",
    limit=WIDTH_LIMIT,
    advice=_SHARPER,
)
LINK_ON_AIR = CheckSpec(
    name="link-on-air",
    finds="the uploads never left the machine",
    unit=FLAG,
    limit=0,
    advice="the server is on this machine, so E_c is not that of a radio: run `joulesplit serve` "
    "on another machine",
)
STATED_RATE = CheckSpec(
    name="stated-rate",
    finds="fastest upload over the rate that E_c is stated at",
    unit="1",
    limit=0.95,
    minimum=True,
    advice="no upload was faster than {fastest}, so E_c at {stated} is extrapolated: put a rate "
    "that the link takes last in the plan's rates_bit_per_s",
)
RATES_CARRIED = CheckSpec(
    name="rates-carried",
    finds="paced rates of the plan that the link did not carry",
    unit="rates",
    limit=0,
    advice="{rates}: what uploads came to was less, so there is no E_c at such a rate; take it out "
    "of rates_bit_per_s, or measure where the link is better",
)
RATES_LEFT_OUT = CheckSpec(
    name="rates-left-out",
    finds="measured rates at which a bit's energy is not told from zero",
    unit="rates",
    limit=0,
    advice="E_c at {rates} is left out: its energy per bit is not above zero within its interval, "
    "so at that rate sending hardly shows above idle; lengthen upload_s in the plan, or take the "
    "rate out of rates_bit_per_s",
)


def result_checks(evidence: Evidence) -> Iterator[Check]:
    """Return whether E_d and E_c are known well enough, and E_c is that of a link at its rate."""
    yield E_D_INTERVAL.judge(relative_half_width(evidence.e_d))
    yield E_C_INTERVAL.judge(relative_half_width(evidence.e_c))
    yield from _stated_rate(evidence)
    too_fast = rates_not_carried(evidence.records)
    yield RATES_CARRIED.judge(
        float(len(too_fast)), rates=", ".join(f"{rate:.3g} bit/s" for rate in too_fast)
    )
    left_out = evidence.rates_left_out_bit_per_s
    yield RATES_LEFT_OUT.judge(
        float(len(left_out)), rates=", ".join(f"{rate:.3g} bit/s" for rate in left_out)
    )
    if not evidence.simulated:
        yield LINK_ON_AIR.judge(float(evidence.loopback))


def _stated_rate(evidence: Evidence) -> Iterator[Check]:
    stated, uploads = evidence.stated_rate_bit_per_s, evidence.of_kind("upload")
    if not uploads or any(upload.pace == UNPACED for upload in uploads):
        return
    fastest = max(window.payload_bits / window.airtime_s for window in uploads)
    yield STATED_RATE.judge(
        fastest / stated,
        fastest=f"{fastest:.3g} bit/s",
        stated=f"{stated:.3g} bit/s",
    )


def relative_half_width(quantity: Quantity) -> float:
    """Return half of an interval's width over the value; 0 where no interval is stated."""
    low, high = quantity.ci95 or (quantity.value, quantity.value)
    return (high - low) / 2 / abs(quantity.value)
