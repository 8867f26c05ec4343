"""A power sensor being watched: the moving view, the plain lines, the summary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.cli._watch import Glance, Summary
from joulesplit.cli.report._sheet import Origin, Page, Section, paragraph
from joulesplit.cli.report.tables import Facts, Sparkline, interval_text, quantity_text
from joulesplit.cli.report.terminal._tool_endings import summary_ending
from joulesplit.drivers.readings import SensorDescription
from joulesplit.metrology import percent, si


def sensor_origin(description: SensorDescription) -> Origin:
    """Return where a sensor's figures come from; of several marks the one that says least."""
    if description.simulated:
        return "SIMULATED"
    if description.modelled:
        return "MODELLED"
    return "REPLAYED" if description.replayed else "MEASURED"


class LiveView:
    """The moving view of a sensor.

    Args:
        description: The sensor's.
        glance: The latest readings.
        history_w: Mean powers of the glances so far, W, oldest first.
    """

    def __init__(
        self, description: SensorDescription, glance: Glance, history_w: Sequence[float]
    ) -> None:
        self._description = description
        self._glance = glance
        self._history_w = history_w

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        body = Group(
            _now(self._description, self._glance),
            Text(""),
            Padding(Sparkline(self._history_w, "cyan"), (0, 0, 0, 1)),
            paragraph(_range(self._history_w), style="dim"),
        )
        sections = [Section(title=f"{self._description.rail}, now", body=body)]
        yield Page(sensor_origin(self._description), self._description.name, sections)


def _now(description: SensorDescription, glance: Glance) -> RenderableType:
    return Facts(
        [
            *_wiring(description, glance.power_w),
            ("power", Text(si(glance.power_w, "W", 4), style="bold")),
            ("voltage", si(glance.voltage_v, "V", 4)),
            ("current", si(glance.current_a, "A", 4)),
            ("energy", f"{si(glance.energy_j, 'J', 4)} gross in {glance.elapsed_s:.1f} s"),
            ("rate", f"{glance.rate_hz:.1f} readings/s"),
            ("lost", f"{glance.statistics.lost:,} of {_all(glance):,}"),
            ("clipped", f"{glance.statistics.clipped:,}"),
            *_troubles(glance.statistics),
        ]
    )


def wiring_hint(description: SensorDescription, power_w: float) -> str | None:
    """Return what a mean power says of how the sensor is wired; None if nothing is wrong."""
    from joulesplit.calibrate.campaign import swapped_hint
    from joulesplit.calibrate.checks import board_power_checks
    from joulesplit.calibrate.environment import Machine

    swapped = swapped_hint(power_w, description)
    if swapped is not None or description.replayed:
        return swapped
    checks = board_power_checks(power_w, Machine().board, description)
    # A board at work draws more than idle boards do: the upper end is no hint here.
    return next((check.advice for check in checks if power_w < check.limit and check.advice), None)


def _wiring(description: SensorDescription, power_w: float) -> list[tuple[str, RenderableType]]:
    hint = wiring_hint(description, power_w)
    return [("wiring", Text(hint, style="bold red"))] if hint else []


def _troubles(statistics: SamplerStatistics) -> list[tuple[str, RenderableType]]:
    """Return what should not happen at all, if it did."""
    said = [
        ("chip resets", statistics.resets),
        ("written by another program", statistics.foreign_writes),
        ("clock steps", statistics.clock_steps),
        ("stuck", statistics.stuck),
        ("woken up too late", statistics.late),
    ]
    return [(name, Text(f"{count:,}", style="bold red")) for name, count in said if count]


def _all(glance: Glance) -> int:
    return glance.statistics.readings + glance.statistics.lost


def _range(history_w: Sequence[float]) -> str:
    if not history_w:
        return ""
    return f"{si(min(history_w), 'W', 4)} to {si(max(history_w), 'W', 4)}"


def glance_line(description: SensorDescription, glance: Glance) -> str:
    """Return the latest readings as one line that says itself where they come from."""
    troubles = "".join(f"  {name} {count}" for name, count in _troubles(glance.statistics))
    hint = wiring_hint(description, glance.power_w)
    wiring = f"  {hint}" if hint else ""
    return (
        f"{sensor_origin(description)} {glance.elapsed_s:8.1f} s  {si(glance.power_w, 'W', 4)}  "
        f"{si(glance.voltage_v, 'V', 4)}  {si(glance.current_a, 'A', 4)}  "
        f"{glance.rate_hz:.1f} readings/s  lost {glance.statistics.lost}{troubles}{wiring}"
    )


def summary_page(
    description: SensorDescription,
    summary: Summary,
    *,
    wrote: Path | None = None,
    next_step: str | None = None,
) -> Page:
    """Return the report on a stretch of watching.

    Args:
        description: The sensor's.
        summary: Of the stretch.
        wrote: Recording that was written.
        next_step: What to type.
    """
    statistics = summary.statistics
    total = max(statistics.readings + statistics.lost, 1)
    power = summary.power_w
    mean = (
        "too short for an uncertainty: watch for longer"
        if power is None
        else (f"{quantity_text(power)}, 95 %: {interval_text(power)}")
    )
    rows: list[tuple[str, RenderableType]] = [
        *_wiring(description, summary.mean_w),
        ("mean power", Text(mean, style="bold")),
        ("range", f"{si(summary.minimum_w, 'W', 4)} to {si(summary.maximum_w, 'W', 4)}"),
        ("energy", f"{si(summary.energy_j, 'J', 4)} gross in {summary.duration_s:.2f} s"),
        ("rate", f"{summary.rate_hz:.1f} readings/s"),
        ("lost", f"{statistics.lost:,} of {total:,} ({percent(statistics.lost / total)})"),
        ("clipped", f"{statistics.clipped:,}"),
        *_troubles(statistics),
        ("own CPU", _own_cpu(summary)),
    ]
    sections = [
        Section(title=f"Watched: {description.rail}", body=Facts(rows)),
        Section(title="Sensor", body=sensor_facts(description)),
    ]
    hint = wiring_hint(description, summary.mean_w)
    ending = summary_ending(summary, hint=hint, wrote=wrote, next_step=next_step)
    return Page(sensor_origin(description), description.name, sections, ending=ending)


def _own_cpu(summary: Summary) -> str:
    """Return what everything of ours took of a processor, and the sampler's part of it."""
    if summary.own_cpu_fraction is None:
        return percent(summary.statistics.cpu_fraction)
    sampler = percent(summary.statistics.cpu_fraction)
    return f"{percent(summary.own_cpu_fraction)} of one processor, of it the sampler {sampler}"


def sensor_facts(description: SensorDescription) -> RenderableType:
    """Return what a sensor sees, and how finely."""
    steps = (
        si(description.voltage_resolution_v, "V"),
        si(description.current_resolution_a, "A"),
    )
    return Facts(
        [
            ("includes", description.includes),
            ("cycle", si(description.cycle_s, "s")),
            ("resolution", ", ".join(steps)),
        ]
    )
