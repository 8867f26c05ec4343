"""What receiving costs: E = E_0 · downloads + P_air · airtime + e_bit · bits (+ E_burst).

Where the windows had but one rate, airtime and bits are one: then E = E_0 · downloads +
e_bit · bits (+ E_burst), at that rate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._baseline import (
    at_idle,
    idle_estimate,
    observations_at_common_idle,
)
from joulesplit.calibrate.estimates._campaign_terms import campaign_error, with_campaign
from joulesplit.calibrate.estimates._fitting import (
    energy_per_bit,
    fit_link,
    tells_airtime,
    transfer_problem,
)
from joulesplit.calibrate.estimates._link_diagnostics import rates_reached
from joulesplit.calibrate.estimates._subject_fits import bits_per_payload_bit
from joulesplit.calibrate.estimates._uncertainty import (
    Estimate,
    quantity,
    reciprocal,
)
from joulesplit.calibrate.profile import Account, Downlink, GrossNet, RateCost
from joulesplit.calibrate.windows import Observation, WindowRecord
from joulesplit.metrology import SystematicBudget


def downlink_of(records: Sequence[WindowRecord], budget: SystematicBudget) -> Downlink | None:
    """Return what receiving costs; None if it was not measured.

    Where downloads at several rates tell airtime from bits, the fit is that of uploads.

    Args:
        records: Every window.
        budget: The sensor's systematic terms.

    Raises:
        EstimateError: The windows do not determine it, or it does not stand out of the scatter.
    """
    windows = observations_at_common_idle(records, "download")
    if not windows:
        return None
    budget = with_campaign(budget, records, ("download",))
    names = [record.task.subject for record in records if record.task.kind == "download"]
    unpaced, paced = _by_speed(names, windows)
    costs = _Costs(windows if tells_airtime(windows) else unpaced, idle_estimate(records), budget)
    rate_bit_per_s = _rate(unpaced)
    return Downlink(
        rate_bit_per_s=rate_bit_per_s,
        e_c_bit_per_j=costs.at(rate_bit_per_s),
        interface_bits_per_payload_bit=bits_per_payload_bit(
            records, "download", lambda record: record.interface_rx_bits
        ),
        at_rates=tuple(costs.above_zero(rates_reached(paced))) if costs.separates_airtime else (),
        campaign=campaign_error(budget),
    )


def _rate(windows: Sequence[Observation]) -> float:
    return sum(o.payload_bits for o in windows) / sum(o.airtime_s for o in windows)


def _by_speed(
    names: Sequence[str], windows: Sequence[Observation]
) -> tuple[list[Observation], list[Observation]]:
    """Return the windows as fast as the link delivers, and those slower.

    Of each size they are those of its fastest subject: at a stated rate a download is no faster.
    """
    subjects: dict[str, list[Observation]] = defaultdict(list)
    for name, window in zip(names, windows, strict=True):
        subjects[name].append(window)
    fastest: dict[float, list[Observation]] = {}
    for group in subjects.values():
        bits = group[0].payload_bits / group[0].repetitions
        if bits not in fastest or _rate(group) > _rate(fastest[bits]):
            fastest[bits] = group
    unpaced = [window for group in fastest.values() for window in group]
    slower = [g for g in subjects.values() if all(g is not group for group in fastest.values())]
    return unpaced, [window for group in slower for window in group]


class _Costs:
    """What a bit received costs at a rate.

    Args:
        windows: To be fitted.
        idle: P_0, W.
        budget: The sensor's systematic terms.

    Attributes:
        separates_airtime: Whether airtime is told from bits; otherwise the windows' own rate is
            all there is.
    """

    def __init__(
        self, windows: Sequence[Observation], idle: Estimate, budget: SystematicBudget
    ) -> None:
        self.separates_airtime = tells_airtime(windows)
        self._windows, self._idle, self._budget = windows, idle, budget

    def at(self, rate_bit_per_s: float) -> GrossNet:
        """Return E_c, bit/J.

        Raises:
            EstimateError: The energy per bit is not above zero.
        """
        bit_s = 1 / rate_bit_per_s
        gross_bit = at_idle(self._bit_energy("gross", rate_bit_per_s), bit_s, self._idle)
        gross = quantity(gross_bit, "J/bit", self._budget, offset_duration=bit_s)
        net = quantity(self._bit_energy("net", rate_bit_per_s), "J/bit", self._budget)
        return GrossNet(gross=reciprocal(1.0, gross, "bit/J"), net=reciprocal(1.0, net, "bit/J"))

    def above_zero(self, rates: Sequence[float]) -> Iterator[RateCost]:
        """Return E_c at each rate whose energy per bit is known to be above zero."""
        for rate in rates:
            try:
                e_c = self.at(rate)
            except EstimateError:
                continue
            yield RateCost(rate_bit_per_s=rate, e_c_bit_per_j=e_c)

    def _bit_energy(self, account: Account, rate_bit_per_s: float) -> Estimate:
        estimate = (
            energy_per_bit(fit_link(self._windows, account), rate_bit_per_s)
            if self.separates_airtime
            else _slope_per_bit(self._windows, account)
        )
        if estimate.value <= 0:
            raise EstimateError(
                f"the energy per bit received is {estimate.value:.3g} J: not above zero, so "
                "downloads do not show above idle; lengthen upload_s in the plan"
            )
        return estimate


def _slope_per_bit(windows: Sequence[Observation], account: Account) -> Estimate:
    design = np.array([[o.repetitions, o.payload_bits] for o in windows], dtype=np.float64)
    fit = transfer_problem(windows, design, account).fit()
    return Estimate(
        value=float(fit.coefficients[1]),
        u_stat=float(np.sqrt(fit.covariance[1, 1])),
        degrees_of_freedom=fit.degrees_of_freedom,
        n=len(windows),
    )
