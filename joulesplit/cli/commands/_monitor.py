"""``joulesplit monitor``: watch a power sensor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from joulesplit.cli._errors import CommandError
from joulesplit.cli._number_range import ABOVE_ZERO
from joulesplit.cli._options import sensor_options
from joulesplit.cli._output import console, emit, json_option, plain

if TYPE_CHECKING:
    from joulesplit.calibrate.sampling import SamplerProcess, Trace
    from joulesplit.cli._choices import SensorChoice
    from joulesplit.cli._recording import Recording
    from joulesplit.cli._watch import Glance, Summary, Watch
    from joulesplit.drivers.protocols import Clock

LIVE_PERIOD_NS = 250_000_000
LINE_PERIOD_NS = 1_000_000_000

ShowGlance = Callable[["Glance"], None]


@click.command("monitor")
@sensor_options
@click.option("--seconds", type=ABOVE_ZERO, help="Stop after this long; else Ctrl-C stops.")
@click.option("--record", type=click.Path(path_type=Path), help="Write every reading to a file.")
@json_option
def command(
    *, choice: SensorChoice, seconds: float | None, record: Path | None, as_json: bool
) -> None:
    """Watch a power sensor: power, voltage, current, achieved rate, lost readings.

    Ends after --seconds or with Ctrl-C, with a summary; with --json the summary alone. What
    --record writes can be played back with --sensor replay.
    """
    from joulesplit.calibrate.sampling import SamplerProcess
    from joulesplit.cli._watch import Watch
    from joulesplit.cli._wiring import give_advice, sensor_factory
    from joulesplit.cli.report.terminal import summary_page
    from joulesplit.drivers import MonotonicClock

    if seconds is not None and not seconds > 0:
        raise CommandError(f"--seconds {seconds:g}: give a positive time, or leave it out")
    give_advice(choice)
    page = partial(summary_page, wrote=record, next_step=_measuring_with_it())
    clock = MonotonicClock()
    with SamplerProcess(sensor_factory(choice), clock) as sampler, ExitStack() as stack:
        watch = Watch(sampler.description)
        recording = _recording(record, watch, stack)
        end_ns = None if seconds is None else clock.now_ns() + round(seconds * 1e9)
        show, period_ns = _display(watch, stack, as_json=as_json)
        begun = clock.now_ns(), time.process_time()
        with suppress(KeyboardInterrupt):
            for glance in _glances(sampler, watch, recording, _times(clock, period_ns, end_ns)):
                show(glance)
        summary = watch.summary(sampler.statistics(), _cpu_fraction(clock, *begun))
    emit(as_json, _document(watch, summary, record), lambda: page(watch.description, summary))


def _measuring_with_it() -> str:
    """Return the command that prices another one with the same sensor."""
    from joulesplit.cli._typed import typed_again, typed_words

    words = ["measure", *typed_words()[1:]]
    of_watching = {"--seconds": 1, "--record": 1, "--json": 0}
    return typed_again(words, of_watching, "--", "sleep", "5")


def _cpu_fraction(clock: Clock, begun_ns: int, used_s: float) -> float:
    """Return the processor time of this process since then over elapsed time."""
    elapsed_s = (clock.now_ns() - begun_ns) * 1e-9
    return (time.process_time() - used_s) / elapsed_s if elapsed_s > 0 else 0.0


def _recording(path: Path | None, watch: Watch, stack: ExitStack) -> Recording | None:
    from joulesplit.cli._recording import Recording

    return None if path is None else stack.enter_context(Recording(path, watch.description))


def _times(clock: Clock, period_ns: int, end_ns: int | None) -> Iterator[int]:
    """Yield when to look next, ns; the last time is the end."""
    t_ns = clock.now_ns()
    while end_ns is None or t_ns < end_ns:
        t_ns += period_ns
        yield t_ns if end_ns is None else min(t_ns, end_ns)


def _glances(
    sampler: SamplerProcess, watch: Watch, recording: Recording | None, times_ns: Iterator[int]
) -> Iterator[Glance]:
    """Yield the latest stretch of readings at each time; a replay may end before them."""
    from joulesplit.calibrate.errors import SamplerError
    from joulesplit.drivers.errors import TraceEndedError

    def look(trace: Trace) -> Iterator[Glance]:
        if recording is not None:
            recording.add(trace)
        glance = watch.add(trace, sampler.statistics())
        if glance is not None:
            yield glance

    try:
        for t_ns in times_ns:
            yield from look(sampler.trace_until(t_ns))
    except TraceEndedError:
        with suppress(SamplerError):  # there may be nothing left before the end
            yield from look(sampler.trace_so_far())


def _display(watch: Watch, stack: ExitStack, *, as_json: bool) -> tuple[ShowGlance, int]:
    """Return how to show a glance, and how often, ns."""
    if as_json:
        return lambda _: None, LIVE_PERIOD_NS
    from joulesplit.cli.report.terminal import LiveView, glance_line

    terminal = console()
    if not terminal.is_terminal:
        return lambda glance: click.echo(
            plain(glance_line(watch.description, glance))
        ), LINE_PERIOD_NS
    from rich.live import Live

    live = stack.enter_context(Live(console=terminal, auto_refresh=False, transient=True))

    def show(glance: Glance) -> None:
        live.update(LiveView(watch.description, glance, tuple(watch.history_w)), refresh=True)

    return show, LIVE_PERIOD_NS


def _document(watch: Watch, summary: Summary, record: Path | None) -> dict[str, Any]:
    from joulesplit.cli.report.terminal import sensor_origin, wiring_hint

    return {
        "origin": sensor_origin(watch.description).lower(),
        "simulated": watch.description.simulated,
        "sensor": watch.description,
        "summary": summary,
        "wiring_hint": wiring_hint(watch.description, summary.mean_w),
        "recording": None if record is None else str(record),
    }
