"""Named checks over the machine's state at two moments: did anything move? Pure.

What is not known at both moments is not checked. A campaign compares the start and the end of each
run, and its first moment with every other one.
"""

from __future__ import annotations

from collections.abc import Iterator

from joulesplit.calibrate.checks._spec import FLAG, CheckSpec
from joulesplit.calibrate.environment import Conditions
from joulesplit.calibrate.profile import Check
from joulesplit.drivers.raspberry_pi import HOT_C

FREQUENCY_LIMIT = 0.01
"""Largest relative change of a clock; with the governor ``performance`` it does not change."""

TEMPERATURE_MOVE_LIMIT_K = 10.0
"""Largest change of a temperature, K: a choice. Leakage grows with temperature; what it adds to
idle the idle on both sides of a window removes, what it adds to the work nothing does."""

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

FREQUENCY_MOVED = CheckSpec(
    name="frequency-moved",
    finds="largest change of a processor's clock since the start, relative",
    unit="1",
    limit=FREQUENCY_LIMIT,
    advice="a processor's clock changed: run `sudo "
    '"$(command -v joulesplit)" tune --governor performance`, or calibrate with --tune',
)
TEMPERATURE_MOVED = CheckSpec(
    name="temperature-moved",
    finds="largest change of a temperature since the start",
    unit="K",
    limit=TEMPERATURE_MOVE_LIMIT_K,
    advice="the board warmed up or cooled down while it was measured: warm it up longer, and keep "
    "air and sun off it",
)
TEMPERATURE = CheckSpec(
    name="temperature",
    finds="highest temperature between windows, or at start or end",
    unit="°C",
    limit=HOT_C,
    advice="the board is as hot as where it slows down: fit a heat sink or a fan",
)
_WEAK = "the board was throttled or under voltage: cool it, check supply and leads"
THROTTLED_DURING = CheckSpec(
    name="throttled-during",
    finds="bits of get_throttled that appeared in between, or hold at start or end",
    unit="bits",
    limit=0,
    advice=_WEAK,
    severity="fail",
)
SUPPLY_ALARM = CheckSpec(
    name="supply-alarm",
    finds="the kernel's under-voltage alarm (rpi_volt) between windows, or at start or end",
    unit=FLAG,
    limit=0,
    advice=_WEAK,
    severity="fail",
)
POWER_SAVE_CHANGED = CheckSpec(
    name="power-save-changed",
    finds="the radio's power save became another",
    unit=FLAG,
    limit=0,
    advice="the radio's power save went from {before} to {after}: set it with `sudo "
    '"$(command -v joulesplit)" tune --wifi-power-save off`, or calibrate with --tune, and '
    "measure again",
    severity="fail",
)
ROUTE_CHANGED = CheckSpec(
    name="route-changed",
    finds="the route to the server left by another interface",
    unit=FLAG,
    limit=0,
    advice="the route to the server moved from {before} to {after}: disable the interface that is "
    "not to be measured",
    severity="fail",
)
FOREIGN_CPU = CheckSpec(
    name="foreign-cpu",
    finds="share of all processors' time that other programs were charged for",
    unit="1",
    limit=FOREIGN_CPU_LIMIT,
    advice="other programs used the processors: `top` shows them; stop desktop, updates, cron",
)
FOREIGN_TRAFFIC = CheckSpec(
    name="foreign-traffic",
    finds="traffic on the interface beyond what our own payload explains",
    unit="byte/s",
    limit=FOREIGN_TRAFFIC_LIMIT_BYTES_PER_S,
    advice="other traffic went over {interface}: stop synchronisation and remote desktops, or log "
    "in by another interface",
)


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
        *state_checks(before, after),
        *throttling_checks(before, after),
        *_foreign_load(before, after),
        *_foreign_traffic(before, after, own_bytes),
    )


def state_checks(before: Conditions, after: Conditions) -> tuple[Check, ...]:
    """Return the checks that need no counters, so that the moments may be of different boots.

    Args:
        before: At one moment.
        after: At a later one.
    """
    return (
        *_frequency(before, after),
        *_temperature(before, after),
        *_alarm(before, after),
        *_radio(before, after),
    )


def throttling_checks(before: Conditions, after: Conditions) -> tuple[Check, ...]:
    """Return the check of the bits that stay set; both moments must be of one boot.

    Args:
        before: At one moment.
        after: At a later one.
    """
    if before.throttled_bits is None or after.throttled_bits is None:
        return ()
    # A sticky bit that was set before says nothing about what happened in between.
    appeared = after.throttled_bits & ~before.throttled_bits
    held = (before.throttled_bits | after.throttled_bits) & THROTTLED_NOW
    return (THROTTLED_DURING.judge(float(appeared | held)),)


def _frequency(before: Conditions, after: Conditions) -> Iterator[Check]:
    both = before.frequencies_hz.keys() & after.frequencies_hz.keys()
    moves = [
        abs(after.frequencies_hz[name] / before.frequencies_hz[name] - 1)
        for name in both
        if before.frequencies_hz[name]
    ]
    if moves:
        yield FREQUENCY_MOVED.judge(max(moves))


def _temperature(before: Conditions, after: Conditions) -> Iterator[Check]:
    both = before.temperatures_c.keys() & after.temperatures_c.keys()
    if not both:
        return
    yield TEMPERATURE_MOVED.judge(
        max(abs(after.temperatures_c[zone] - before.temperatures_c[zone]) for zone in both)
    )
    yield TEMPERATURE.judge(
        max(max(state.temperatures_c[zone] for zone in both) for state in (before, after))
    )


def _alarm(before: Conditions, after: Conditions) -> Iterator[Check]:
    alarms = [state.under_voltage for state in (before, after) if state.under_voltage is not None]
    if alarms:
        yield SUPPLY_ALARM.judge(float(any(alarms)))


def _radio(before: Conditions, after: Conditions) -> Iterator[Check]:
    if before.power_save is not None and after.power_save is not None:
        yield POWER_SAVE_CHANGED.judge(
            float(before.power_save != after.power_save),
            before=before.power_save,
            after=after.power_save,
        )
    if before.interface is not None or after.interface is not None:
        yield ROUTE_CHANGED.judge(
            float(before.interface != after.interface),
            before=before.interface or "nowhere",
            after=after.interface or "nowhere",
        )


def _foreign_load(before: Conditions, after: Conditions) -> Iterator[Check]:
    capacity = _grown(before.capacity_ticks, after.capacity_ticks)
    busy = _grown(before.busy_ticks, after.busy_ticks)
    own = _grown(before.own_ticks, after.own_ticks)
    if not capacity or busy is None or own is None:
        return
    yield FOREIGN_CPU.judge(max(0.0, (busy - own) / capacity))


def _foreign_traffic(before: Conditions, after: Conditions, own_bytes: int) -> Iterator[Check]:
    if before.interface != after.interface or before.uptime_s is None or after.uptime_s is None:
        return
    received = _grown(before.received_bytes, after.received_bytes)
    sent = _grown(before.sent_bytes, after.sent_bytes)
    elapsed_s = after.uptime_s - before.uptime_s
    if received is None or sent is None or elapsed_s <= 0:
        return
    foreign = max(0.0, received + sent - OWN_OVERHEAD * own_bytes)
    yield FOREIGN_TRAFFIC.judge(foreign / elapsed_s, interface=after.interface)


def _grown(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before
