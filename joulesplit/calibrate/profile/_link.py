"""What a profile says of the way to the edge server. Part of the data contract.

Frozen plain data, a leaf like ``joulesplit.calibrate.profile._device_profile``.
"""

from __future__ import annotations

import msgspec

from joulesplit.calibrate.profile._estimates import EstimateView, LinkDiagnostics, RateCost
from joulesplit.calibrate.profile._device import InterfaceKind
from joulesplit.calibrate.profile._quantity import GrossNet, Quantity
from joulesplit.calibrate.profile._work import Downlink, UploadTail


class LinkFit(msgspec.Struct, frozen=True, kw_only=True):
    """E = E_0 + P_air · airtime + e_bit · bits, by one account.

    Attributes:
        upload_cost_j: E_0, J per upload; may be negative within its uncertainty.
        air_power_w: P_air, W while sending; by the gross account it holds P_0.
        bit_energy_j: e_bit, J/bit; may be negative within its uncertainty.
        covariance: Statistical covariance of (E_0, P_air, e_bit) and of E_burst where there is
            one, shape (3, 3) or (4, 4), row-major.
        rates_bit_per_s, payload_bits: What was measured.
        burst_cost_j: Once per burst of uploads, however many: waking the radio and its tail;
            None where the windows could not tell it from airtime.
    """

    upload_cost_j: Quantity
    air_power_w: Quantity
    bit_energy_j: Quantity
    covariance: tuple[tuple[float, ...], ...]
    rates_bit_per_s: tuple[float, ...]
    payload_bits: tuple[int, ...]
    burst_cost_j: Quantity | None = None
    diagnostics: LinkDiagnostics | None = None


class Uplink(msgspec.Struct, frozen=True, kw_only=True):
    """What sending costs at one stated rate.

    Attributes:
        rate_bit_per_s: The rate E_c is stated at, payload bits per second.
        e_c_bit_per_j: E_c at that rate, bit/J, without the fixed cost per upload.
        interface_bits_per_payload_bit: Bits counted on the interface per payload bit; None if
            the interface could not be read.
        at_rates: E_c at every measured rate whose energy per bit is known to be above zero.
        fit, fit_gross: The same plane fitted to net and to gross energies.
        views: E_c by other methods from the same windows.
    """

    rate_bit_per_s: float
    e_c_bit_per_j: GrossNet
    fit: LinkFit | None = None
    fit_gross: LinkFit | None = None
    interface_bits_per_payload_bit: float | None = None
    at_rates: tuple[RateCost, ...] = ()
    socket_bits_per_payload_bit: float | None = None
    tail: UploadTail | None = None
    views: tuple[EstimateView, ...] = ()


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """The way to the edge server.

    Attributes:
        loopback: True if nothing went on the air; only a simulation may use such a figure.
        kind: Of the interface that the route left by; None if it was not looked at.
    """

    interface: str
    loopback: bool
    uplink: Uplink
    kind: InterfaceKind | None = None
    downlink: Downlink | None = None
