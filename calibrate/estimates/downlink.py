"""What receiving costs: E = E_0 · downloads + e_bit · bits, at the speed of the link. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calibrate.errors import EstimateError
from calibrate.estimates.stats import weighted_fit
from calibrate.estimates.subject_fits import bits_per_payload_bit
from calibrate.estimates.uncertainty import Estimate, SystematicBudget, quantity, reciprocal
from calibrate.quantity import GrossNet, Quantity
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
    windows = [record for record in records if record.task.kind == "download"]
    if not windows:
        return None
    seconds, bits = sum(r.airtime_s for r in windows), sum(r.payload_bits for r in windows)
    rate_bit_per_s = bits / seconds
    net_j = np.array([record.net_j for record in windows])
    gross_j = np.array([record.gross_j for record in windows])
    gross = quantity(
        _bit_energy(windows, gross_j), "J/bit", budget, offset_duration=1 / rate_bit_per_s
    )
    net = quantity(_bit_energy(windows, net_j), "J/bit", budget)
    return Downlink(
        rate_bit_per_s=rate_bit_per_s,
        e_c_bit_per_j=GrossNet(gross=_bits_per_joule(gross), net=_bits_per_joule(net)),
        interface_bits_per_payload_bit=bits_per_payload_bit(
            windows, "download", lambda record: record.interface_rx_bits
        ),
    )


def _bits_per_joule(per_bit: Quantity) -> Quantity:
    return reciprocal(1.0, per_bit, "bit/J")


def _bit_energy(windows: Sequence[WindowRecord], energy_j: np.ndarray) -> Estimate:
    design = np.array([[r.task.repetitions, r.payload_bits] for r in windows], dtype=np.float64)
    work_s = np.array([record.work_s for record in windows])
    fit = weighted_fit(design, energy_j, np.sqrt(work_s))
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
