"""What it costs the device to make the bytes that it sends, before the first of them leaves.

It is measured (``calibrate``: from the tensors that cross to what goes on the wire), scaled by size
from what was measured of the same encoding at other places, or taken from a time that is stated or
was found on another machine, at the mean power of computing. What nothing tells is in no price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, sqrt
from statistics import fmean, stdev
from typing import Literal

import numpy as np

from joulesplit.calibrate.profile import Account, Compute, Quantity
from joulesplit.metrology import NO_ERROR, Error, Inputs, error_of_scatter
from joulesplit.optimizer._checked_figure import perhaps_zero, positive
from joulesplit.optimizer._compute_cost import Computing
from joulesplit.optimizer._linear_figures import (
    OF_COMPUTING,
    apart_from,
    inputs,
    inverse_freedom_of,
    is_uncertain,
    offset_left,
)
from joulesplit.optimizer._link_time import OF_A_BOUND, KnownTime

MadeBy = Literal["measured", "scaled by size", "as stated", "assumed", "not measured"]
"""What the price of making an upload's bytes rests on."""

FROM_NOTHING_TO_TWICE = 1 / sqrt(3)
"""Relative standard uncertainty of what may be anything from nothing to twice what is taken."""

FEW_PLACES = 2
"""So many places do not tell how costs scatter from one to the next."""

NO_TIME = KnownTime(value_s=0.0, error=NO_ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredEncoding:
    """Making bytes as a profile has it, by one account.

    Attributes:
        encoding: Its name.
        block: l.
        bits: Of the tensors that it was made of, bit; 0 if the profile does not say.
        energy: Per inference, J; below zero only by scatter.
        latency: Per inference, s.
    """

    encoding: str
    block: int
    bits: int
    energy: Quantity
    latency: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """Making the bytes of one upload.

    Attributes:
        by: What its price rests on; None if there is nothing to make.
        energy_j: J; 0 if it is not known.
        time: How long it takes, s.
        figure: Where it was measured as it is done, its energy; else None.
        own_u_j: What its energy may be off by for itself, standard uncertainty, J; 0 for a
            measured figure, which says that itself, and for a time, whose error is a common one.
        inverse_freedom: 1/ν of that.
        assumed_u_rel: What the time that was taken may be off by, one factor of all uploads.
    """

    by: MadeBy | None = None
    energy_j: float = 0.0
    time: KnownTime = NO_TIME
    figure: Quantity | None = None
    own_u_j: float = 0.0
    inverse_freedom: float = 0.0
    assumed_u_rel: float = 0.0

    @property
    def is_priced(self) -> bool:
        """Whether all that it costs is in the price."""
        return self.by != "not measured"


NOTHING = Making()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedTime:
    """How long making bytes takes as whoever asks knows it.

    Attributes:
        value_s: s.
        u_rel: Relative standard uncertainty of the energy and the time that follow from it; None
            if it tells nothing of this device.
    """

    value_s: float
    u_rel: float | None


def measured_encodings(compute: Compute, account: Account) -> tuple[MeasuredEncoding, ...]:
    """Take what making bytes costs out of a profile; what states no uncertainty is left out.

    Raises:
        ProfileUnusableError: An energy is below zero by more than chance explains, or a time is
            none.
    """
    found = []
    for one in compute.encodings:
        energy = one.energy_j.net if account == "net" else one.energy_j.gross
        if energy is None or not is_uncertain((energy, one.latency_s)):
            continue
        name = f"making {one.encoding} at l = {one.block}"
        found.append(
            MeasuredEncoding(
                encoding=one.encoding,
                block=one.block,
                bits=_tensor_bits(compute, one.block),
                energy=perhaps_zero(energy, name, "calibrate again with longer windows"),
                latency=positive(one.latency_s, name),
            )
        )
    return tuple(found)


def _tensor_bits(compute: Compute, block: int) -> int:
    """Return what crosses after a block of the measured network, as it is, bit."""
    if block:
        return compute.blocks[block - 1].output_bits
    return compute.model.input_bits if compute.model else 0


def mean_power_w(computing: Computing) -> float | None:
    """Give the power of computing the blocks one after the other, W; None without their times."""
    times_s = [block.latency_s or 0.0 for block in computing.blocks]
    if not times_s or not all(time_s > 0.0 for time_s in times_s):
        return None
    return sum(block.energy.value for block in computing.blocks) / sum(times_s)


def making_of(
    measured: MeasuredEncoding | None,
    alike: Sequence[MeasuredEncoding],
    bits: int,
    stated: StatedTime,
    power_w: float | None,
) -> Making:
    """Price making the bytes of one upload by the best that is known of it.

    Args:
        measured: What the profile has of this very cut; None if nothing.
        alike: What it has of the same encoding elsewhere.
        bits: Of the tensors that cross, as they are, bit.
        stated: What is said of its time.
        power_w: Mean power of computing, W; None if it is not known.
    """
    if measured is not None:
        return _measured(measured)
    scalable = [one for one in alike if one.bits > 0]
    if scalable and bits:
        return _scaled(scalable, bits)
    return _by_time(stated, power_w)


def _measured(one: MeasuredEncoding) -> Making:
    scatter = error_of_scatter([(one.latency.u_stat or 0.0, inverse_freedom_of(one.latency))])
    return Making(
        by="measured",
        energy_j=max(0.0, one.energy.value),
        time=KnownTime(value_s=one.latency.value, error=scatter),
        figure=one.energy,
    )


def _scaled(alike: Sequence[MeasuredEncoding], bits: int) -> Making:
    """Take the mean cost of a bit, and its scatter from place to place, from where it is known."""
    energy_j, energy_error = _of_bits([one.energy for one in alike], alike, bits)
    time_s, time_error = _of_bits([one.latency for one in alike], alike, bits)
    return Making(
        by="scaled by size",
        energy_j=energy_j,
        time=KnownTime(value_s=time_s, error=time_error),
        own_u_j=energy_error.u_stat,
        inverse_freedom=energy_error.inverse_freedom,
    )


def _of_bits(
    figures: Sequence[Quantity], alike: Sequence[MeasuredEncoding], bits: int
) -> tuple[float, Error]:
    """Return what so many bits take by the figures of other places, and what that may be off by.

    The latter is absolute: what scattered to zero or below is known no better for that.
    """
    per_bit = [figure.value / one.bits for figure, one in zip(figures, alike, strict=True)]
    scatter = [
        ((figure.u_stat or 0.0) / one.bits, inverse_freedom_of(figure))
        for figure, one in zip(figures, alike, strict=True)
    ]
    known_u, known_inverse = max(scatter)
    spread_u, spread_inverse = _spread(per_bit, known_u)
    parts = [(bits * spread_u, spread_inverse), (bits * known_u, known_inverse)]
    return bits * max(0.0, fmean(per_bit)), error_of_scatter(parts)


def _spread(values: Sequence[float], known_u: float) -> tuple[float, float]:
    """Return what one more value may be off their mean, and 1/ν of that.

    Of a single place nothing tells that: from nothing to twice. Two tell it with one degree of
    freedom, by chance next to nothing, which beside other errors is no interval: what a single one
    says counts as another degree.

    Args:
        values: At each place.
        known_u: What the least known of them may be off by for itself, standard uncertainty.
    """
    count = len(values)
    of_one = FROM_NOTHING_TO_TWICE * max(fmean(values), known_u)
    if count == 1:
        return of_one, OF_A_BOUND
    apart = stdev(values)
    if count == FEW_PLACES:
        return sqrt((apart**2 + of_one**2) / 2 * (1 + 1 / count)), 1 / 2
    return apart * sqrt(1 + 1 / count), 1 / (count - 1)


def _by_time(stated: StatedTime, power_w: float | None) -> Making:
    if stated.u_rel is None:
        return Making(by="not measured")
    u_s = stated.u_rel * stated.value_s
    time = KnownTime(
        value_s=stated.value_s, error=NO_ERROR.with_systematic(u_s, OF_A_BOUND) if u_s else NO_ERROR
    )
    if power_w is None:
        return Making(by="not measured" if stated.value_s else "as stated", time=time)
    return Making(
        by="assumed" if stated.u_rel else "as stated",
        energy_j=power_w * stated.value_s,
        time=time,
        assumed_u_rel=stated.u_rel,
    )


def encoding_inputs(
    computing: Computing, makings: Sequence[Making], *, idle_w: float = 0.0
) -> Inputs:
    """Give what each candidate pays for making its bytes.

    What is priced by a time has the relative error of E_d, from the same energies, taken as
    independent of what the blocks of a candidate cost.

    Args:
        computing: The profile's figures.
        makings: At l = 0 … L.
        idle_w: P_0 where the time of an inference costs that beside these energies, W: what takes
            longer than is taken costs that as well. Below zero where it costs so much less.
    """
    rows = [row for row, making in enumerate(makings) if making.energy_j or _has_own(making)]
    taken = [makings[row] for row in rows]
    energies_j = np.array([making.energy_j for making in taken])
    own_j, estimates, inverse = _own_effects(computing, taken, idle_w)
    weights = np.zeros((len(makings), len(rows)))
    weights[rows, range(len(rows))] = 1.0
    lasting_s = np.array([making.time.value_s for making in taken])
    found = inputs(
        weights,
        energies_j,
        own_j,
        estimates=estimates,
        inverse_freedom=inverse,
        idle=computing.idle_u_w * lasting_s,
        offset=np.array([_offset_j(computing, making) for making in taken]),
        campaign={OF_COMPUTING: computing.campaign_u_rel * energies_j},
    )
    moved = np.zeros((len(makings), own_j.shape[1]))
    moved[rows] = own_j
    return replace(found, moved=moved)


def _own_effects(
    computing: Computing, makings: Sequence[Making], idle_w: float
) -> tuple[np.ndarray, list[int], list[float]]:
    """Return the effect of each cause on each energy, J, and which estimate is behind each.

    The first is E_d's scatter, in all that is priced by a time; the second, if any time is assumed,
    what that may be off by; then what each has of its own.
    """
    timed_j = np.array([0.0 if _has_own(m) else m.energy_j for m in makings])
    lasting_s = np.array([m.time.value_s for m in makings])
    scatter_rel = (computing.e_d.u_stat or 0.0) / computing.e_d.value
    of_e_d = [
        apart_from(scatter_rel * energy_j, computing.idle_u_w * time_s)
        for energy_j, time_s in zip(timed_j, lasting_s, strict=True)
    ]
    columns, inverse = [np.array(of_e_d)], [inverse_freedom_of(computing.e_d)]
    if any(m.assumed_u_rel for m in makings):
        longer_j = [m.energy_j + idle_w * m.time.value_s for m in makings]
        columns.append(np.array([m.assumed_u_rel for m in makings]) * longer_j)
        inverse.append(OF_A_BOUND)
    for row, making in enumerate(makings):
        if _has_own(making):
            alone = np.zeros(len(makings))
            alone[row], freedom = _alone(computing, making, idle_w)
            columns.append(alone)
            inverse.append(freedom)
    return np.column_stack(columns), list(range(len(columns))), inverse


def _has_own(making: Making) -> bool:
    return making.figure is not None or making.own_u_j > 0.0


def _alone(computing: Computing, making: Making, idle_w: float) -> tuple[float, float]:
    """Return what a measured or scaled energy may be off by for itself, J, and 1/ν of it."""
    time_u_s = making.time.error.u if making.time.error else 0.0
    # How far an energy's own error is that of its time is not known: nothing is taken off it.
    idle_w = max(0.0, idle_w)
    if making.figure is None:
        # What takes another energy for a bit takes another time as well.
        return making.own_u_j + idle_w * time_u_s, making.inverse_freedom
    held_j = computing.idle_u_w * making.time.value_s
    own_j = apart_from(making.figure.u_stat, held_j)
    return hypot(own_j, idle_w * time_u_s), inverse_freedom_of(making.figure)


def _offset_j(computing: Computing, making: Making) -> float:
    """Return what the sensor leaves of an energy beyond scale and campaign, J."""
    figure = making.figure or computing.e_d
    left = offset_left(figure, computing.scale_u_rel, computing.campaign_u_rel)
    return left if making.figure else left / computing.e_d.value * making.energy_j


def with_making(computing: KnownTime, making: Making) -> KnownTime:
    """Return the time of computing with that of making the bytes behind it."""
    if not making.time.value_s:
        return computing
    return KnownTime(
        value_s=computing.value_s + making.time.value_s,
        error=_together(computing.error, making.time.error),
    )


def _together(one: Error | None, other: Error | None) -> Error | None:
    if one is None or other is None:
        return None
    parts = [(each.u_stat, each.statistical_inverse_freedom) for each in (one, other)]
    found = error_of_scatter(parts).with_systematic(one.u_sys, 0.0)
    return found.with_systematic(other.u_sys, OF_A_BOUND) if other.u_sys else found
