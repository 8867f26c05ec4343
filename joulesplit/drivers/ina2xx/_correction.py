"""What a comparison with known currents and voltages says about one chip and its shunt. Pure.

A zero is the mean shunt voltage without current; a span point is the mean of the chip beside the
figures of a reference. Both are kept as shunt volts, so that a better reference or another shunt
value can be applied to them again. The chip's raw words are never changed.

  I = (s − s0) / R,  V = k · v          (s, v: shunt and bus voltage as the chip reads them)

R comes from one point and the zero, or from two points, which give s0 too where there is no zero;
k from the points with a voltage. The uncertainty of the reference is common to its points (one
instrument), so it is not divided by their number: a scale and an offset. The offset of the
reference moves s0 as one of the chip does, so a zero, which needs no reference, is preferred.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, sqrt

from joulesplit.drivers.errors import SensorConfigurationError
from joulesplit.drivers.ina2xx._accuracy import BUS_GAIN, BUS_OFFSET, DRIFTING, SPANNED
from joulesplit.drivers.ina2xx._data_sheets import (
    OFFSET_BUS_V,
    OFFSET_SUPPLY_V,
    TEMPERATURE_SPAN_K,
    ErrorLimits,
    limits_of,
)
from joulesplit.drivers.readings import AccuracyTerm

MINIMUM_READINGS = 200
"""Readings behind a zero or a point; fewer do not average the chip's noise out."""
LARGEST_SHUNT_ERROR = 0.2
"""A shunt further than this from what is printed on it is another shunt, or a wrong reference."""
SURE = 3.0
"""Standard uncertainties by which a figure must be off to be none of the chip's."""
LARGEST_BUS_ERROR = 0.05
"""A voltage further than this from what the chip reads is another voltage, or a slip of the pen."""
LEAST_SPREAD = 0.2
"""Two points closer than this share of the larger one do not determine a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorIdentity:
    """What tells one sensor from another.

    Attributes:
        kind: As given to ``--sensor``.
        bus: I2C bus number.
        address: 7-bit address.
        shunt_ohm: Nominal shunt, ohm.
    """

    kind: str
    bus: int
    address: int
    shunt_ohm: float

    @property
    def key(self) -> str:
        """Name of its file, and of the sensor on the command line."""
        return f"{self.kind}-bus{self.bus}-0x{self.address:02x}-{self.shunt_ohm:g}ohm"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanShunt:
    """The mean of many readings of a steady current.

    Attributes:
        shunt_v: Mean shunt voltage as the chip reads it, V.
        u_shunt_v: Its standard uncertainty from block means, V.
        bus_v: Mean bus voltage as the chip reads it, V.
        u_bus_v: Its standard uncertainty from block means, V.
        residual_v: Mean shunt voltage of the second half less that of the first, V.
        readings: Readings behind it.
        gain: Divider of the shunt amplifier: 1, 2, 4 or 8; 1 of a chip with one range.
        created: Date and time, ISO 8601.
        temperature_c: Temperature of the board's processor then, °C; None if unknown. The shunt
            is not as warm, but a figure far from it later says that both have moved.
    """

    shunt_v: float
    u_shunt_v: float
    bus_v: float
    u_bus_v: float
    residual_v: float
    readings: int
    gain: int
    created: str
    temperature_c: float | None = None

    @property
    def taken(self) -> str:
        """When it was taken and how warm the board was, for people."""
        warm = "" if self.temperature_c is None else f" at {self.temperature_c:.0f} °C"
        return f"{self.created[:10]}{warm}"

    @property
    def u_total_v(self) -> float:
        """Standard uncertainty of the shunt voltage with its drift between the halves, V."""
        return hypot(self.u_shunt_v, self.residual_v / sqrt(3))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanPoint:
    """A mean beside what a reference showed.

    Attributes:
        mean: What the chip read.
        current_a: Current of the reference, A.
        u_current_rel: Its relative standard uncertainty.
        u_current_a: Standard uncertainty of its offset, A, the same at each of its points; None
            if it is not stated. Then it may be as large as the relative one allows at the
            smallest current.
        voltage_v: Voltage of the reference at IN−, V; None if it was not measured.
        u_voltage_rel: Its relative standard uncertainty.
        reference: What the reference is: instrument and certificate.
    """

    mean: MeanShunt
    current_a: float
    u_current_rel: float
    voltage_v: float | None
    u_voltage_rel: float
    reference: str
    u_current_a: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What to compute with instead of the nominal shunt, an offset of 0 and a factor of 1.

    Attributes:
        gain: Divider it was found at; it holds for no other.
        offset_v: Shunt voltage without current, V; None if unknown.
        u_offset_v: Its standard uncertainty, V.
        shunt_ohm: Effective shunt, amplifier and traces included, ohm; None if unknown.
        u_shunt_rel: Its relative standard uncertainty.
        bus_factor: Factor of the bus voltage; None if unknown.
        u_bus_rel: Its relative standard uncertainty.
        residual_v: Largest drift between the halves of a mean, V.
        offset_source: Where the offset comes from, with its date; empty if unknown.
        shunt_source: Where the shunt comes from.
        bus_source: Where the factor comes from.
    """

    gain: int
    offset_v: float | None
    u_offset_v: float
    shunt_ohm: float | None
    u_shunt_rel: float
    bus_factor: float | None
    u_bus_rel: float
    residual_v: float
    offset_source: str
    shunt_source: str
    bus_source: str


def offset_bound_v(limits: ErrorLimits, bus_voltage_v: float) -> float:
    """Return the largest offset the data sheet allows at a common mode, V."""
    return limits.offset_v + limits.cmrr_v_per_v * abs(bus_voltage_v - OFFSET_BUS_V)


def largest_offset_v(mean: MeanShunt, sensor: SensorIdentity) -> float:
    """Return the largest shunt voltage without current of a chip in the range of a mean, V.

    The data sheet's bounds of offset, common mode, supply (the chip's may be the rail's) and drift.
    """
    limits = limits_of(sensor.kind, mean.gain)
    bound_v = offset_bound_v(limits, mean.bus_v)
    supply_v = limits.psrr_v_per_v * abs(mean.bus_v - OFFSET_SUPPLY_V)
    return bound_v + supply_v + limits.offset_drift_v_per_k * TEMPERATURE_SPAN_K


def check_zero(mean: MeanShunt, sensor: SensorIdentity) -> None:
    """Refuse a zero that is none.

    Args:
        mean: Of the sensor.
        sensor: Whose it is to be.

    Raises:
        SensorConfigurationError: Too few readings, or a current flowed.
    """
    _check_count(mean)
    if abs(mean.shunt_v) > largest_offset_v(mean, sensor) + SURE * mean.u_total_v:
        shown_ma = mean.shunt_v / sensor.shunt_ohm * 1e3
        raise SensorConfigurationError(
            f"the shunt of {sensor.shunt_ohm:g} ohm shows {shown_ma:.3g} mA, more "
            "than any offset: a current still flows; join VIN+ and VIN- to the supply and take "
            "the load off VIN-, then try again"
        )


def check_points(
    points: tuple[SpanPoint, ...],
    sensor: SensorIdentity,
    offset_v: float,
    zero: MeanShunt | None = None,
) -> None:
    """Refuse points that cannot be what they are said to be.

    Args:
        points: One or two.
        sensor: Whose they are to be.
        offset_v: Shunt voltage without current, V; 0 if unknown.
        zero: The mean that it comes from, if it is known.

    Raises:
        SensorConfigurationError: Too few readings, two points too close, swapped leads, another
            shunt, or an offset that is not the chip's.
    """
    if not 1 <= len(points) <= 2:
        raise SensorConfigurationError(f"a span has one or two points, not {len(points)}")
    for point in points:
        _check_count(point.mean)
        if not point.current_a > 0:
            raise SensorConfigurationError(
                f"a reference current of {point.current_a:g} A gives no span; draw about the "
                "current that is to be measured later"
            )
    if len(points) == 2:
        low_a, high_a = sorted(point.current_a for point in points)
        if high_a - low_a < LEAST_SPREAD * high_a:
            raise SensorConfigurationError(
                f"points at {low_a:g} A and {high_a:g} A are too close to give a line; take one "
                "near the idle current and one near the peak"
            )
    _check_voltages(points)
    _check_slope(_line(points, offset_v)[0], sensor.shunt_ohm)
    if len(points) == 2:
        _check_intercept(points, sensor, zero)


def _check_voltages(points: tuple[SpanPoint, ...]) -> None:
    for point in points:
        read_v, shown_v = point.mean.bus_v, point.voltage_v
        if shown_v is not None and abs(shown_v - read_v) > LARGEST_BUS_ERROR * read_v:
            raise SensorConfigurationError(
                f"the reference shows {shown_v:g} V where the chip reads {read_v:.3g} V; measure "
                "between VIN- and ground, and give volts (--voltage-v)"
            )


def _check_slope(found_ohm: float, shunt_ohm: float) -> None:
    if found_ohm < 0:
        raise SensorConfigurationError(
            "the shunt voltage falls where the current rises: VIN+ and VIN- are swapped (or the "
            "meter's leads); VIN+ goes to the supply, VIN- to the load"
        )
    if abs(found_ohm / shunt_ohm - 1) > LARGEST_SHUNT_ERROR:
        raise SensorConfigurationError(
            f"the points give a shunt of {found_ohm:.4g} ohm instead of {shunt_ohm:g} ohm; check "
            "the marking on the shunt and the unit of the reference current (A)"
        )


def _check_intercept(
    points: tuple[SpanPoint, ...], sensor: SensorIdentity, zero: MeanShunt | None
) -> None:
    """Refuse a line that meets 0 A where no chip's offset, or not this one's, is."""
    shunt_ohm, found_v = _line(points, 0.0)
    known_v, bound_v = 0.0, SURE * _u_intercept_v(points)
    if zero is not None:
        known_v, bound_v = zero.shunt_v, bound_v + SURE * zero.u_total_v
    else:
        bound_v += largest_offset_v(points[0].mean, sensor)
    if abs(found_v - known_v) > bound_v:
        raise SensorConfigurationError(
            f"the line through the points is {(found_v - known_v) / shunt_ohm * 1e3:+.3g} mA off "
            f"at no current, more than {'the zero' if zero else 'the data sheet'} and the "
            "reference's stated uncertainty allow: the reference has an offset; set it to zero "
            "without current, or state it with --current-offset-a"
        )


def check_worth(correction: Correction, terms: tuple[AccuracyTerm, ...]) -> None:
    """Refuse a span that knows less than what it would replace.

    Args:
        correction: What was measured.
        terms: Of the same wiring without it, from ``accuracy_terms``.

    Raises:
        SensorConfigurationError: Tolerance and data sheet alone are better.
    """
    u_known = sqrt(sum(t.standard_uncertainty**2 for t in terms if t.name in SPANNED))
    if correction.shunt_ohm is None or correction.u_shunt_rel <= u_known:
        return
    raise SensorConfigurationError(
        f"this span is known to {correction.u_shunt_rel:.2%} (standard uncertainty), the shunt's "
        f"tolerance and the data sheet alone to {u_known:.2%}: every reading would be less certain "
        "with it; take a better reference or a larger current, or a zero first"
    )


def contradiction(
    correction: Correction, terms: tuple[AccuracyTerm, ...], shunt_ohm: float
) -> str | None:
    """Return how a span and the bounds of tolerance and data sheet exclude each other, or None.

    Args:
        correction: What was measured.
        terms: Of the same wiring without it, from ``accuracy_terms``.
        shunt_ohm: Nominal shunt, ohm.
    """
    if correction.bus_factor is not None:
        off, sure = correction.bus_factor - 1, SURE * correction.u_bus_rel
        allowed = sum(t.half_width for t in terms if t.name in (BUS_GAIN, BUS_OFFSET))
        if abs(off) > allowed + sure:
            return (
                f"the reference's voltage is {off:+.1%} from the chip's, where the data sheet "
                f"allows {allowed:.1%}: measure between VIN- and ground, at the sensor"
            )
    if correction.shunt_ohm is None:
        return None
    bound = sum(t.half_width for t in terms if t.name in SPANNED + DRIFTING)
    off = correction.shunt_ohm / shunt_ohm - 1
    if abs(off) <= bound + SURE * correction.u_shunt_rel:
        return None
    return (
        f"the span finds {correction.shunt_ohm:.4g} ohm, {off:+.1%} from {shunt_ohm:g} ohm, where "
        f"tolerance, sense path and data sheet allow {bound:.1%}: check the marking on the shunt "
        "and the range of the meter; long wires inside the shunt's taps may explain it"
    )


def correction_of(
    zero: MeanShunt | None,
    points: tuple[SpanPoint, ...],
    *,
    unknown_offset_v: float,
    bus_error: float,
) -> Correction | None:
    """Return what a zero and the points of a span add up to; None without either.

    Args:
        zero: Mean without current.
        points: None, one or two.
        unknown_offset_v: Half-width of the offset where no zero was taken, V.
        bus_error: Half-width of the bus voltage's error where it was not compared, relative.
    """
    if zero is None and not points:
        return None
    offset_v, u_offset_v, offset_source = _offset(zero, points, unknown_offset_v)
    zero_v = zero.shunt_v if zero else 0.0
    bus_factor, u_bus_rel = _bus(points, bus_error)
    means = [*([zero] if zero else []), *(point.mean for point in points)]
    return Correction(
        gain=means[-1].gain,
        offset_v=offset_v if offset_source else None,
        u_offset_v=u_offset_v if offset_source else 0.0,
        shunt_ohm=_line(points, zero_v)[0] if points else None,
        u_shunt_rel=_u_line_rel(points, u_offset_v) if points else 0.0,
        bus_factor=bus_factor,
        u_bus_rel=u_bus_rel,
        residual_v=max((mean.residual_v for mean in means), key=abs),
        offset_source=offset_source,
        shunt_source=_span_source(points),
        bus_source=_span_source(points) if bus_factor else "",
    )


def _offset(
    zero: MeanShunt | None, points: tuple[SpanPoint, ...], unknown_v: float
) -> tuple[float, float, str]:
    """Return the offset (V), its uncertainty (V) and its source, empty if nothing tells it."""
    if zero is None:
        u_unknown_v = unknown_v / sqrt(3)
        # An intercept that is known less well than the data sheet's bound replaces nothing.
        if len(points) == 2 and (u_line_v := _u_intercept_v(points)) <= u_unknown_v:
            return _line(points, 0.0)[1], u_line_v, _span_source(points)
        return 0.0, u_unknown_v, ""
    source = f"zero of {zero.taken}, {zero.readings} readings at {zero.bus_v:.2f} V"
    return zero.shunt_v, zero.u_total_v, source


def _check_count(mean: MeanShunt) -> None:
    if mean.readings < MINIMUM_READINGS:
        raise SensorConfigurationError(
            f"{mean.readings} readings are too few for a record; take {MINIMUM_READINGS} or more"
        )


def _line(points: tuple[SpanPoint, ...], offset_v: float) -> tuple[float, float]:
    """Return the shunt (ohm) and the offset (V) of the line through the points."""
    if len(points) == 1:
        return (points[0].mean.shunt_v - offset_v) / points[0].current_a, offset_v
    first, second = points
    rise_v = second.mean.shunt_v - first.mean.shunt_v
    shunt_ohm = rise_v / (second.current_a - first.current_a)
    return shunt_ohm, first.mean.shunt_v - shunt_ohm * first.current_a


def _u_line_rel(points: tuple[SpanPoint, ...], u_offset_v: float) -> float:
    u_reference = max(point.u_current_rel for point in points)
    if len(points) == 1:
        (point,) = points
        u_stated = (point.u_current_a or 0.0) / point.current_a
        u_read = hypot(point.mean.u_total_v, u_offset_v) / abs(point.mean.shunt_v)
        return hypot(u_reference, u_stated, u_read)
    first, second = (point.mean for point in points)
    rise_v = abs(second.shunt_v - first.shunt_v)
    return hypot(u_reference, hypot(first.u_total_v, second.u_total_v) / rise_v)


def _u_intercept_v(points: tuple[SpanPoint, ...]) -> float:
    """Return the uncertainty of s0 = (s1·I2 − s2·I1)/(I2 − I1), V.

    A common scale of I cancels in it; a common offset of I moves it by R times that offset.
    """
    first, second = points
    spread_a = abs(second.current_a - first.current_a)
    u_read_v = hypot(
        second.current_a * first.mean.u_total_v, first.current_a * second.mean.u_total_v
    )
    return hypot(u_read_v / spread_a, abs(_line(points, 0.0)[0]) * _u_reference_offset_a(points))


def _u_reference_offset_a(points: tuple[SpanPoint, ...]) -> float:
    stated = [point.u_current_a for point in points if point.u_current_a is not None]
    if stated:
        return max(stated)
    return min(point.u_current_rel * point.current_a for point in points)


def _bus(points: tuple[SpanPoint, ...], bus_error: float) -> tuple[float | None, float]:
    """Return the factor of the bus voltage, through the origin, and its relative uncertainty."""
    known = [(p.mean.bus_v, p.voltage_v, p) for p in points if p.voltage_v is not None]
    if not known:
        return None, 0.0
    factor = sum(v * true for v, true, _ in known) / sum(v * v for v, _, _ in known)
    u_rel = max(hypot(p.u_voltage_rel, p.mean.u_bus_v / v) for v, _, p in known)
    # A voltmeter that knows less than the data sheet (the load's, say) replaces nothing.
    return (factor, u_rel) if u_rel <= bus_error / sqrt(3) else (None, 0.0)


def _span_source(points: tuple[SpanPoint, ...]) -> str:
    if not points:
        return ""
    count = "1 point" if len(points) == 1 else f"{len(points)} points"
    return f"span of {points[-1].mean.taken}, {count}, {points[-1].reference}"


def reference_current_a(
    mean: MeanShunt, current_a: float | None, load_ohm: float | None, voltage_v: float | None
) -> float:
    """Return the true current, A: as a meter shows it, or through a known load.

    Raises:
        SensorConfigurationError: Both or neither is given, or the load cannot be.
    """
    if (current_a is None) == (load_ohm is None):
        raise SensorConfigurationError(
            "a span needs the current of a meter (--current-a) or a known load (--load-ohm), one "
            "of the two"
        )
    if current_a is not None:
        return current_a
    if load_ohm is None or not load_ohm > 0:
        raise SensorConfigurationError(f"a load of {load_ohm} ohm cannot be; give its resistance")
    return (mean.bus_v if voltage_v is None else voltage_v) / load_ohm
