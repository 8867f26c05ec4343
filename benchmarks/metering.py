"""What a window of the energy meter costs inside another one, as their number grows.

    python -m benchmarks.metering

The anchor is a ``with`` block that reads the clock twice and does nothing else, in the same run:
times are told as multiples of it, and growth as a ratio to the fewest windows. Leaving the outer
window works all of them out; of a thousand, most of that is what it costs once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import joulesplit as js
from joulesplit.cli._choices import SensorChoice
from joulesplit.cli._wiring import sensor_factory

NUMBERS = (1_000, 4_000, 16_000, 64_000)


@contextmanager
def bare() -> Iterator[None]:
    """Read the clock before and after, as any meter must."""
    time.monotonic_ns()
    yield
    time.monotonic_ns()


def bare_us(windows: int) -> float:
    """Return the processor time of a bare block, µs."""
    begun = time.thread_time()
    for _ in range(windows):
        with bare():
            pass
    return (time.thread_time() - begun) / windows * 1e6


def metered(windows: int) -> tuple[float, float]:
    """Return the processor time per inner window, and per window as the outer one is left, µs."""
    simulated = sensor_factory(SensorChoice(kind="simulated"))
    with js.EnergyMeter(simulated) as meter, meter.window("outer"):
        begun = time.thread_time()
        for _ in range(windows):
            with meter.window("inner"):
                pass
        left = time.thread_time()
    ended = time.thread_time()
    return (left - begun) / windows * 1e6, (ended - left) / windows * 1e6


def main() -> None:
    """Print the table."""
    print("| inner windows | µs each | times a bare block | growth | µs each at the end |")
    print("|---|---|---|---|---|")
    first = None
    for windows in NUMBERS:
        anchor = bare_us(windows)
        inner_us, end_us = metered(windows)
        first = first or inner_us
        growth = inner_us / first
        print(
            f"| {windows:,} | {inner_us:.1f} | {inner_us / anchor:.1f} | {growth:.2f} "
            f"| {end_us:.1f} |"
        )


if __name__ == "__main__":
    main()
