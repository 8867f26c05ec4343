"""How far each candidate's energy, each difference between two, and a ratio may be off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.profile import (
    Account,
    BudgetTerm,
    Quantity,
    Sensor,
    degrees_of_freedom_of,
)
from joulesplit.metrology import (
    Error,
    beyond_rounding,
    error_of_scatter,
    flat_inverse_freedom,
    flatness,
    quadrature_rest,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorShapes:
    """The distributions of what a sensor may be off by, as 1/ν (see ``metrology``).

    A rectangular bound has −1/5, a sum of several less, what is normal or not known 0.

    Attributes:
        scale: Of the scale that all joules of a profile share.
        rest: Of everything else of the sensor: an offset, or what grows with the load.
    """

    scale: float
    rest: float


def sensor_shapes(sensor: Sensor | None, account: Account) -> SensorShapes:
    """Return the distributions of a sensor's terms.

    Args:
        sensor: As the profile states it.
        account: Of the energies: an offset cancels in net ones.
    """
    if sensor is None:
        return SensorShapes(scale=0.0, rest=0.0)
    offset = [term for term in sensor.budget if term.kind == "offset"]
    load = [t for t in sensor.budget if (t.kind, t.correlation) == ("scale", "load-dependent")]
    common = [t for t in sensor.budget if (t.kind, t.correlation) == ("scale", "common")]
    rest = load if account == "net" or not offset else offset
    # How much of a gross figure is either, it does not say: then nothing shortens the tails.
    mixed = account == "gross" and bool(offset) and bool(load)
    return SensorShapes(scale=_shape(common), rest=0.0 if mixed else _shape(rest))


def _shape(terms: Sequence[BudgetTerm]) -> float:
    bounds = [t.standard_uncertainty for t in terms if t.distribution == "rectangular"]
    total = math.hypot(*(term.standard_uncertainty for term in terms))
    return flat_inverse_freedom(flatness(bounds, total))


def energy_error(energy_j: float, error: Error, scale_u_rel: float, scale_shape: float) -> Error:
    """Return what a candidate's energy, stated on its own, may be off by, J.

    Args:
        energy_j: The energy, J.
        error: By everything but the scale, J.
        scale_u_rel: Relative standard uncertainty of the common scale.
        scale_shape: ``SensorShapes.scale``.
    """
    return error.with_systematic(scale_u_rel * abs(energy_j), scale_shape)


def difference_u_j(effects_j: FloatArray, one: int, other: int) -> float:
    """Give the standard uncertainty of the difference of two candidates' energies, J.

    Args:
        effects_j: ``metrology.Causes.effects``, J; float64, shape (L + 1, M).
        one: Position of a candidate.
        other: Position of another.
    """
    pair = effects_j[[one, other]]
    return float(np.linalg.norm(beyond_rounding(pair[0] - pair[1], pair)))


def without_scale(u_sys: float, value: float, scale_u_rel: float) -> float:
    """Take the common scale's part off a systematic standard uncertainty.

    Args:
        u_sys: Standard uncertainty of ``value``, in its unit.
        value: The figure.
        scale_u_rel: Relative standard uncertainty of the common scale.

    Returns:
        What is left, in the same unit; 0 if the scale explains all of it.
    """
    return quadrature_rest(u_sys, scale_u_rel * value)


def ratio_error(
    one: Quantity,
    other: Quantity,
    scale_u_rel: float,
    shapes: SensorShapes,
    *,
    own_u_rel: tuple[float, float] = (0.0, 0.0),
) -> Error | None:
    """Return what one / other may be off by; the common scale cancels in it.

    Args:
        one: E_d.
        other: E_c.
        scale_u_rel: Relative standard uncertainty of the common scale.
        shapes: Of the sensor's terms.
        own_u_rel: What the campaign leaves open of each of the two, relative; independent.

    Returns:
        None if either comes without a stated uncertainty.
    """
    parts: list[tuple[float, float]] = []
    offsets = []
    ratio = one.value / other.value
    for figure, own in zip((one, other), own_u_rel, strict=True):
        if figure.u_stat is None or figure.u_sys is None:
            return None
        u = figure.u_stat / figure.value * ratio
        parts.append((u, 1 / degrees_of_freedom_of(figure)))
        known = math.hypot(scale_u_rel, own)
        offsets.append(without_scale(figure.u_sys, figure.value, known) / figure.value)
    # One offset moves both energies the same way, so only the difference is left in the ratio.
    found = error_of_scatter(parts).with_systematic(
        abs(offsets[0] - offsets[1]) * ratio, shapes.rest
    )
    return found.with_systematic(math.hypot(*own_u_rel) * ratio, 0.0)
