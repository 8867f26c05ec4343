"""What receiving costs: E = E_0 · downloads + e_bit · bits (+ E_burst), at the link's speed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calibrate.errors import EstimateError
from calibrate.estimates.common_idle import at_idle, idle_estimate, observations_at_common_idle
from calibrate.estimates.fitting import Account, transfer_problem
from calibrate.estimates.subject_fits import bits_per_payload_bit
from calibrate.estimates.uncertainty import Estimate, SystematicBudget, quantity, reciprocal
from calibrate.quantity import GrossNet, Quantity
from calibrate.windows.observation import Observation
from calibrate.windows.window import WindowRecord
from calibrate.work_records import Downlink


def downlink_of(records: Sequence[WindowRecord], budget: SystematicBudget) -> Downlink | None:
    """Return what receiving costs; None if it was not measured.

    Args:
        records: Every window.
        budget: The sensor's systematic terms.

    Raises:
        EstimateError: The windows do not determine it, or it does not stand out of the scatter.
    """
    windows = observations_at_common_idle(records, "download")
    if not windows:
        return None
    seconds, bits = sum(o.airtime_s for o in windows), sum(o.payload_bits for o in windows)
    rate_bit_per_s = bits / seconds
    bit_s = 1 / rate_bit_per_s
    gross_bit = at_idle(_bit_energy(windows, "gross"), bit_s, idle_estimate(records))
    gross = quantity(gross_bit, "J/bit", budget, offset_duration=bit_s)
    net = quantity(_bit_energy(windows, "net"), "J/bit", budget)
    return Downlink(
        rate_bit_per_s=rate_bit_per_s,
        e_c_bit_per_j=GrossNet(gross=_bits_per_joule(gross), net=_bits_per_joule(net)),
        interface_bits_per_payload_bit=bits_per_payload_bit(
            records, "download", lambda record: record.interface_rx_bits
        ),
    )


def _bits_per_joule(per_bit: Quantity) -> Quantity:
    return reciprocal(1.0, per_bit, "bit/J")


def _bit_energy(windows: Sequence[Observation], account: Account) -> Estimate:
    design = np.array([[o.repetitions, o.payload_bits] for o in windows], dtype=np.float64)
    fit = transfer_problem(windows, design, account).fit()
    if fit.coefficients[1] <= 0:
        raise EstimateError(
            f"the energy per bit received is {fit.coefficients[1]:.3g} J: not above zero, so "
            "downloads do not show above idle; lengthen upload_s in the plan"
        )
    return Estimate(
        value=float(fit.coefficients[1]),
        u_stat=float(np.sqrt(fit.covariance[1, 1])),
        degrees_of_freedom=fit.degrees_of_freedom,
        n=len(windows),
    )
