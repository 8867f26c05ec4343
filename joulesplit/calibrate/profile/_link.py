"""What a profile says of the way to the edge server. Frozen plain data."""

from __future__ import annotations

from typing import Annotated

import msgspec

from joulesplit.calibrate.profile._device import InterfaceKind
from joulesplit.calibrate.profile._estimates import (
    CampaignError,
    EstimateView,
    LinkDiagnostics,
    RateCost,
)
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
        misfit_u_rel: Standard uncertainty of a bit's energy at a rate in between by what the
            paces' own figures depart from the fit, relative; None where they are not known.
    """

    upload_cost_j: Annotated[Quantity, in_unit("J")]
    air_power_w: Annotated[Quantity, in_unit("W")]
    bit_energy_j: Annotated[Quantity, in_unit("J/bit")]
    covariance: tuple[tuple[float, ...], ...]
    rates_bit_per_s: tuple[float, ...]
    payload_bits: tuple[int, ...]
    burst_cost_j: Annotated[Quantity | None, in_unit("J")] = None
    diagnostics: LinkDiagnostics | None = None
    misfit_u_rel: float | None = None


class OffLine(msgspec.Struct, frozen=True, kw_only=True):
    """An upload of one size that is on no straight line with the smallest and the largest.

    Attributes:
        payload_bits: Of it, bit.
        energy_j: By how much it costs more than that line has it, J; below zero if it costs less.
    """

    payload_bits: int
    energy_j: Annotated[Quantity, in_unit("J")]


class UploadCosts(msgspec.Struct, frozen=True, kw_only=True):
    """E = E_0 · uploads + e · bits (+ E_burst + P_late · lateness) at one pace, by one account.

    From that pace's own windows; nothing is carried over from other rates but what a burst costs.

    Attributes:
        upload_cost_j: E_0, J per upload; may be negative within its uncertainty.
        bit_energy_j: e, J per payload bit, with the time that the bit takes.
        covariance: Statistical covariance of (E_0, e), of E_burst and P_late where there are these,
            and of ``off_line`` in turn, square, row-major.
        burst_cost_j: Once per burst of uploads, whose first one waits as long as those of the sizes
            do on average; None where the windows could not tell it.
        waiting_power_w: P_late, W while TCP's window opens: by the gross account it holds P_0.
            None likewise.
        payload_bits: Sizes that were measured at this pace, bit, in rising order; empty in profiles
            of before they were kept.
        off_line: The sizes between the smallest and the largest by their own windows, where these
            are on no straight line; E_0 and e are then those of the line between these two.
    """

    upload_cost_j: Annotated[Quantity, in_unit("J")]
    bit_energy_j: Annotated[Quantity, in_unit("J/bit")]
    covariance: tuple[tuple[float, ...], ...]
    burst_cost_j: Annotated[Quantity | None, in_unit("J")] = None
    waiting_power_w: Annotated[Quantity | None, in_unit("W")] = None
    payload_bits: tuple[int, ...] = ()
    off_line: tuple[OffLine, ...] = ()


class LoneUpload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload of one size that comes after a pause.

    Attributes:
        payload_bits: Of it, bit.
        late_s: How much longer it takes than one that follows others, s.
        u_late_s: Standard uncertainty of that mean, s; None of one upload.
        uploads: How many were sent.
    """

    payload_bits: int
    late_s: float
    u_late_s: float | None
    uploads: int


class SizeTime(msgspec.Struct, frozen=True, kw_only=True):
    """How long uploads of one size take that follow others.

    Attributes:
        payload_bits: Of each, bit.
        transfer_s: Mean, s.
    """

    payload_bits: int
    transfer_s: Annotated[Quantity, in_unit("s")]


class TransferPercentiles(msgspec.Struct, frozen=True, kw_only=True):
    """How long transfers of one size took, those that follow others where the size has any.

    Attributes:
        payload_bits: Of each, bit.
        transfers: How many.
        p50_s, p95_s, p99_s: So many in a hundred took no longer, s.
    """

    payload_bits: int
    transfers: int
    p50_s: float
    p95_s: float
    p99_s: float


class UploadTime(msgspec.Struct, frozen=True, kw_only=True):
    """T = T_0 · uploads + t · bits: transfer times of uploads as an inference sends.

    Attributes:
        per_upload_s: T_0, s; a round trip at least.
        per_bit_s: t, s per payload bit; its inverse is the rate of the link.
        covariance: Statistical covariance of (T_0, t), shape (2, 2), row-major.
        methods: How transfer times were found, see ``joulesplit.edge.TransferMethod``.
        per_burst_s, per_burst_bit_s: Longer than the others the first of a burst takes, after a
            pause, s, and s per bit of it; None where the windows do not tell.
        per_burst_scatter_s: Standard deviation of what the first of a burst takes longer, from
            burst to burst, s; None likewise, and in profiles of before it was told.
        per_burst_lack_of_fit_s: What sizes depart from the straight line of how much longer the
            first takes, less what scatter explains, standard uncertainty, s; None likewise, and
            where two sizes tell nothing of it.
        alone: The same of each size by itself, in rising order, from uploads after a pause that was
            long enough, where there were any; empty in profiles of before they were told apart.
        min_rtt_s: Shortest round trip seen, s; None where the kernel does not tell.
        percentiles: By size, of those of which enough were sent to tell a slow one.
        unpaced: They went as fast as the link took them, as those of an inference do.
        misfit_rel: Root mean square of what windows depart from it, relative.
        lack_of_fit_rel: The same of sizes, less what the windows' scatter explains, relative
            standard uncertainty; None where two sizes tell nothing of it.
        sizes: Each size by its own uploads, in rising order; empty where their scatter is not
            known, and in profiles of before they were told apart.
        window_limited_share: Part of these transfers' time in which the other side had no room or
            the send buffer was too small, so that they take whole round trips; None where the
            kernel does not tell.
    """

    per_upload_s: Annotated[Quantity, in_unit("s")]
    per_bit_s: Annotated[Quantity, in_unit("s/bit")]
    covariance: tuple[tuple[float, ...], ...]
    methods: tuple[str, ...]
    per_burst_s: Annotated[Quantity | None, in_unit("s")] = None
    per_burst_bit_s: Annotated[Quantity | None, in_unit("s/bit")] = None
    per_burst_scatter_s: float | None = None
    per_burst_lack_of_fit_s: float | None = None
    alone: tuple[LoneUpload, ...] = ()
    min_rtt_s: float | None = None
    percentiles: tuple[TransferPercentiles, ...] = ()
    unpaced: bool = True
    misfit_rel: float | None = None
    lack_of_fit_rel: float | None = None
    sizes: tuple[SizeTime, ...] = ()
    window_limited_share: float | None = None


class UploadTail(msgspec.Struct, frozen=True, kw_only=True):
    """What the device takes above idle after the last upload of a window.

    Attributes:
        energy_j: Net, per window, J; part of the windows' energy already.
        duration_s: How long was looked at, s.
    """

    energy_j: Annotated[Quantity, in_unit("J")]
    duration_s: float


class Uplink(msgspec.Struct, frozen=True, kw_only=True):
    """What sending costs.

    Attributes:
        rate_bit_per_s: The rate E_c is stated at, payload bits per second: what the link took
            where uploads went as fast as it takes them.
        e_c_bit_per_j: E_c at that rate, bit/J, without the fixed cost per upload.
        interface_bits_per_payload_bit: Bits counted on the interface per payload bit; None if
            the interface could not be read.
        at_rates: E_c at every measured rate whose energy per bit is known to be above zero.
        fit, fit_gross: The same plane fitted to net and to gross energies.
        views: E_c by other methods from the same windows.
        stated, stated_gross: What an upload costs as E_c is stated, from that pace's own windows,
            by net and by gross energies; None where the windows do not say how they were paced:
            then E_c is the fit's.
        unpaced: E_c is stated for uploads that go as fast as the link takes them; None where the
            windows do not say.
        time: How long such uploads take.
        campaign: In ``u_sys`` of every energy here; None if it was not told apart.
        campaign_of_sizes: What of it is left in an upload of a size that is priced by its own
            windows; None where none is.
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
    stated: UploadCosts | None = None
    stated_gross: UploadCosts | None = None
    unpaced: bool | None = None
    time: UploadTime | None = None
    campaign: CampaignError | None = None
    campaign_of_sizes: CampaignError | None = None


class Downlink(msgspec.Struct, frozen=True, kw_only=True):
    """What receiving costs.

    Attributes:
        rate_bit_per_s: Payload rate reached as fast as the link delivers, bit/s.
        e_c_bit_per_j: At that rate, bit/J, without the fixed cost per download.
        interface_bits_per_payload_bit: Received on the interface per payload bit; None if it
            could not be read.
        at_rates: E_c at the paced rates whose energy per bit is known to be above zero; empty if
            the windows had but one rate.
        campaign: In ``u_sys`` of every energy here; None if it was not told apart.
    """

    rate_bit_per_s: float
    e_c_bit_per_j: Annotated[GrossNet, in_unit("bit/J")]
    interface_bits_per_payload_bit: float | None = None
    at_rates: tuple[RateCost, ...] = ()
    campaign: CampaignError | None = None


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
