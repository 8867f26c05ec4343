"""What a profile says of the way to the edge server. Frozen plain data."""

from __future__ import annotations

from typing import Annotated

import msgspec

from joulesplit.calibrate.profile._device import InterfaceKind
from joulesplit.calibrate.profile._estimates import EstimateView, LinkDiagnostics, RateCost
from joulesplit.calibrate.profile._quantity import GrossNet, Quantity, in_unit


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

    upload_cost_j: Annotated[Quantity, in_unit("J")]
    air_power_w: Annotated[Quantity, in_unit("W")]
    bit_energy_j: Annotated[Quantity, in_unit("J/bit")]
    covariance: tuple[tuple[float, ...], ...]
    rates_bit_per_s: tuple[float, ...]
    payload_bits: tuple[int, ...]
    burst_cost_j: Annotated[Quantity | None, in_unit("J")] = None
    diagnostics: LinkDiagnostics | None = None


class UploadTail(msgspec.Struct, frozen=True, kw_only=True):
    """What the device takes above idle after the last upload of a window.

    Attributes:
        energy_j: Net, per window, J; part of the windows' energy already.
        duration_s: How long was looked at, s.
    """

    energy_j: Annotated[Quantity, in_unit("J")]
    duration_s: float


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
    e_c_bit_per_j: Annotated[GrossNet, in_unit("bit/J")]
    fit: LinkFit | None = None
    fit_gross: LinkFit | None = None
    interface_bits_per_payload_bit: float | None = None
    at_rates: tuple[RateCost, ...] = ()
    socket_bits_per_payload_bit: float | None = None
    tail: UploadTail | None = None
    views: Annotated[tuple[EstimateView, ...], in_unit("bit/J")] = ()


class Downlink(msgspec.Struct, frozen=True, kw_only=True):
    """What receiving costs.

    Attributes:
        rate_bit_per_s: Payload rate reached as fast as the link delivers, bit/s.
        e_c_bit_per_j: At that rate, bit/J, without the fixed cost per download.
        interface_bits_per_payload_bit: Received on the interface per payload bit; None if it
            could not be read.
        at_rates: E_c at the paced rates whose energy per bit is known to be above zero; empty if
            the windows had but one rate.
    """

    rate_bit_per_s: float
    e_c_bit_per_j: Annotated[GrossNet, in_unit("bit/J")]
    interface_bits_per_payload_bit: float | None = None
    at_rates: tuple[RateCost, ...] = ()


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
