"""Named checks over the machine's state at two moments: did anything move? Pure.

What is not known at both moments is not checked.
"""

from __future__ import annotations

from collections.abc import Iterator

from calibrate.environment.conditions import Conditions
from calibrate.profile import Check, Outcome

FREQUENCY_LIMIT = 0.01
"""Largest relative change of a clock; with the governor ``performance`` it does not change."""

TEMPERATURE_MOVE_LIMIT_K = 10.0
"""Largest change of a temperature, K: a choice. Leakage grows with temperature; what it adds to
idle the idle on both sides of a window removes, what it adds to the work nothing does."""

HOT_C = 80.0
"""A Raspberry Pi slows down from here on (Raspberry Pi documentation, frequency management)."""

FOREIGN_CPU_LIMIT = 0.05
"""Largest share of all processors that others may use; kernel threads that drive the radio count
as others, so that uploads alone show as a percent or two."""

FOREIGN_TRAFFIC_LIMIT_BYTES_PER_S = 10_000.0
"""At 40 nJ per bit this much is 3 mW, about a thousandth of a Raspberry Pi's idle power."""

OWN_OVERHEAD = 1.15
"""Bytes on the interface per byte of payload that our own uploads may cause: headers,
acknowledgements of the other direction and a few retransmissions."""

THROTTLED_NOW = 0xF
"""Bits of ``get_throttled`` that hold at the moment; the others stay until the next boot."""


def condition_checks(
    before: Conditions, after: Conditions, *, own_bytes: int = 0
) -> tuple[Check, ...]:
    """Return every check that both moments allow.

    Args:
        before: At the start of a campaign or window.
        after: At its end.
        own_bytes: Payload that was sent and received in between, byte.
    """
    return (
        *_frequency(before, after),
        *_temperature(before, after),
        *_supply(before, after),
        *_radio(before, after),
        *_foreign_load(before, after),
        *_foreign_traffic(before, after, own_bytes),
    )


def _check(
    name: str, value: float, limit: float, unit: str, *, advice: str, severity: Outcome = "warn"
) -> Check:
    good = value <= limit
    return Check(
        name=name,
        value=value,
        limit=limit,
        unit=unit,
        outcome="pass" if good else severity,
        advice="" if good else advice,
    )


def _frequency(before: Conditions, after: Conditions) -> Iterator[Check]:
    both = before.frequencies_hz.keys() & after.frequencies_hz.keys()
    moves = [
        abs(after.frequencies_hz[name] / before.frequencies_hz[name] - 1)
        for name in both
        if before.frequencies_hz[name]
    ]
    if moves:
        yield _check(
            "frequency-moved",
            max(moves),
            FREQUENCY_LIMIT,
            "1",
            advice="a processor's clock changed: run `sudo joulesplit tune --governor performance`",
        )


def _temperature(before: Conditions, after: Conditions) -> Iterator[Check]:
    both = before.temperatures_c.keys() & after.temperatures_c.keys()
    if not both:
        return
    yield _check(
        "temperature-moved",
        max(abs(after.temperatures_c[zone] - before.temperatures_c[zone]) for zone in both),
        TEMPERATURE_MOVE_LIMIT_K,
        "K",
        advice="the board warmed up or cooled down while it was measured: warm it up longer, and "
        "keep air and sun off it",
    )
    yield _check(
        "temperature",
        max(max(state.temperatures_c[zone] for zone in both) for state in (before, after)),
        HOT_C,
        "°C",
        advice="the board is as hot as where it slows down: fit a heat sink or a fan",
    )


def _supply(before: Conditions, after: Conditions) -> Iterator[Check]:
    advice = "the board was throttled or under voltage: cool it, check supply and leads"
    if before.throttled_bits is not None and after.throttled_bits is not None:
        # A sticky bit that was set before says nothing about what happened in between.
        appeared = after.throttled_bits & ~before.throttled_bits
        held = (before.throttled_bits | after.throttled_bits) & THROTTLED_NOW
        yield _check(
            "throttled-during", float(appeared | held), 0, "bits", advice=advice, severity="fail"
        )
    alarms = [state.under_voltage for state in (before, after) if state.under_voltage is not None]
    if alarms:
        yield _check("supply-alarm", float(any(alarms)), 0, "1", advice=advice, severity="fail")


def _radio(before: Conditions, after: Conditions) -> Iterator[Check]:
    if before.power_save is not None and after.power_save is not None:
        yield _check(
            "power-save-changed",
            float(before.power_save != after.power_save),
            0,
            "1",
            severity="fail",
            advice=f"the radio's power save went from {before.power_save} to {after.power_save}: "
            "set it with `sudo joulesplit tune --wifi-power-save off` and measure again",
        )
    if before.interface is not None or after.interface is not None:
        yield _check(
            "route-changed",
            float(before.interface != after.interface),
            0,
            "1",
            severity="fail",
            advice=f"the route to the server moved from {before.interface} to {after.interface}: "
            "disable the interface that is not to be measured",
        )


def _foreign_load(before: Conditions, after: Conditions) -> Iterator[Check]:
    capacity = _grown(before.capacity_ticks, after.capacity_ticks)
    busy = _grown(before.busy_ticks, after.busy_ticks)
    own = _grown(before.own_ticks, after.own_ticks)
    if not capacity or busy is None or own is None:
        return
    yield _check(
        "foreign-cpu",
        max(0.0, (busy - own) / capacity),
        FOREIGN_CPU_LIMIT,
        "1",
        advice="other programs used the processors: `top` shows them; stop desktop, updates, cron",
    )


def _foreign_traffic(before: Conditions, after: Conditions, own_bytes: int) -> Iterator[Check]:
    if before.interface != after.interface or before.uptime_s is None or after.uptime_s is None:
        return
    received = _grown(before.received_bytes, after.received_bytes)
    sent = _grown(before.sent_bytes, after.sent_bytes)
    elapsed_s = after.uptime_s - before.uptime_s
    if received is None or sent is None or elapsed_s <= 0:
        return
    foreign = max(0.0, received + sent - OWN_OVERHEAD * own_bytes)
    yield _check(
        "foreign-traffic",
        foreign / elapsed_s,
        FOREIGN_TRAFFIC_LIMIT_BYTES_PER_S,
        "byte/s",
        advice=f"other traffic went over {after.interface}: stop synchronisation and remote "
        "desktops, or log in by another interface",
    )


def _grown(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before
