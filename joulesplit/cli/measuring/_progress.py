"""Progress of a measurement on stderr, drawn only between windows so as not to disturb them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from joulesplit.cli._output import console, note

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress

    from joulesplit.calibrate.campaign import CoolDown, Plan, Progress, StopOpinion, StopPlan

LINE_S = 10.0
"""So long after a line the next window's end is worth one, s: a log shows that it goes on."""

WAIT_LINE_S = 60.0
"""How often a wait is told on a line of its own, s."""


class Show(Protocol):
    """A display of how far it is."""

    def __call__(self, done: int, total: int, detail: str) -> None:
        """Show that ``done`` of ``total`` are done, and a short phrase."""

    def stage(self, done: int, total: int, stage: str) -> None:
        """Show what comes now that is no window."""

    def say(self, line: str) -> None:
        """Print a line that stays."""


@contextmanager
def progress_bar(title: str, terminal: Console | None = None) -> Iterator[Show]:
    """Show a bar; call what is given with (done, total, detail).

    In a pipe there are plain lines, see ``PlainLines``.

    Args:
        title: What is going on.
        terminal: Where; None for stderr.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    terminal = terminal or console(stderr=True)
    if not terminal.is_terminal:
        yield PlainLines(title)
        return
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    with Bar(*columns, console=terminal, auto_refresh=False, transient=True) as bar:
        yield _DrawnBar(title, bar)


class _DrawnBar:
    """A bar on a terminal."""

    def __init__(self, title: str, bar: RichProgress) -> None:
        self._bar = bar
        self._task = bar.add_task(title, total=None, detail="")

    def __call__(self, done: int, total: int, detail: str) -> None:
        self._bar.update(self._task, completed=done, total=total, detail=detail)
        self._bar.refresh()

    def stage(self, done: int, total: int, stage: str) -> None:
        self(done, total, stage)

    def say(self, line: str) -> None:
        # What does not go through the bar's own console is printed into the bar.
        self._bar.console.print(line, markup=False)


class PlainLines:
    """Lines in a pipe: one each tenth of the way, and one where none came for ``LINE_S``.

    Args:
        title: What is going on.
        clock_s: Tells the time, s.
    """

    def __init__(self, title: str, clock_s: Callable[[], float] = monotonic) -> None:
        self._title, self._clock_s = title, clock_s
        self._shown = (0, -1)
        self._stage = ""
        self._told_s = clock_s()

    def __call__(self, done: int, total: int, detail: str) -> None:
        """Tell it, if it is time."""
        tenth = 10 * done // max(total, 1)
        # A campaign's next round makes the whole longer, and a tenth of it another one.
        further = total != self._shown[0] or tenth > self._shown[1]
        self._stage = ""
        if further or self._clock_s() - self._told_s >= LINE_S:
            self._shown = (total, tenth)
            self.say(f"{self._title}: {done}/{total} {detail}".rstrip())

    def stage(self, done: int, total: int, stage: str) -> None:
        """Tell what comes now, when it begins and where no line came for ``LINE_S``."""
        name = stage.split(" ", 1)[0]
        if name != self._stage or self._clock_s() - self._told_s >= LINE_S:
            self.say(f"{self._title}: {done}/{total} {stage}")
        self._stage = name

    def say(self, line: str) -> None:
        """Print a line."""
        self._told_s = self._clock_s()
        note(line)


class CampaignLines:
    """Lines on how far a campaign is, what it found at each look, and what is left.

    Args:
        plan: Of the campaign.
        show: Where.
        goes_on: An earlier run began it.
    """

    def __init__(self, plan: Plan, show: Show, *, goes_on: bool) -> None:
        self._plan, self._show, self._goes_on = plan, show, goes_on
        self._told: StopOpinion | None = None
        self._next_wait_s = 0.0

    def __call__(self, progress: Progress) -> None:
        """Tell it."""
        if progress.cooling is not None:
            self._wait(progress, progress.cooling)
            return
        if progress.stage:
            self._show.stage(progress.done, progress.total, progress.stage)
            return
        ended = progress.opinion is not None and progress.opinion.stop
        if self._goes_on and progress.done == progress.earlier < progress.total and not ended:
            self._show.say(rest_line(self._plan, progress))
        self._show(done=progress.done, total=progress.total, detail=campaign_detail(progress))
        opinion = progress.opinion
        if opinion is not None and opinion is not self._told:
            self._told = opinion
            # A fixed plan that was carried out has nothing to say.
            if self._plan.stop.rule != "fixed" or not opinion.reached:
                self._show.say(look_line(progress.done, opinion))

    def _wait(self, progress: Progress, cooling: CoolDown) -> None:
        """Tell of a wait: in the bar each step, on a line the first one and each whole minute."""
        if cooling.waited_s >= self._next_wait_s:
            self._next_wait_s = cooling.waited_s + WAIT_LINE_S
            self._show.say(wait_line(self._plan, cooling))
        elif cooling.waited_s == 0:
            self._next_wait_s = WAIT_LINE_S
        detail = f"cooling down: {cooling.temperature_c:.1f} °C, {cooling.waited_s:.0f} s"
        self._show(done=progress.done, total=progress.total, detail=detail)


def campaign_detail(progress: Progress) -> str:
    """Return what is worth knowing about a campaign in one short phrase."""
    phrases = [f"{duration_text(progress.remaining_s)} left"]
    if progress.last is not None:
        phrases.append(f"idle {progress.last.idle_power_w:.3f} W")
    return ", ".join(phrases)


def look_line(done: int, opinion: StopOpinion) -> str:
    """Return what the stop rule found after so many windows, and whether it goes on."""
    if opinion.stop:
        return f"stopped after {done} windows: {opinion.reason}"
    needed = opinion.windows_needed
    more = f"; about {needed} more windows needed" if needed else ""
    return f"after {done} windows: {opinion.reason}{more}"


def wait_line(plan: Plan, cooling: CoolDown) -> str:
    """Return that a device is too hot, and how long it is waited for."""
    band = f"windows begin at {plan.limits.temperature_c[1]:g} °C at most"
    longest = duration_text(plan.limits.cool_down_s)
    return (
        f"the processor is at {cooling.temperature_c:.1f} °C, {band}: waiting for it to cool, "
        f"{longest} at most ({cooling.waited_s:.0f} s so far)"
    )


def rest_line(plan: Plan, progress: Progress) -> str:
    """Return what is left of a campaign that goes on, in windows and in time."""
    left = f"{progress.total - progress.done} of {progress.total} windows are left"
    about = f"about {duration_text(progress.remaining_s)}"
    if plan.stop.rule == "fixed":
        return f"{left}, {about}"
    longest = duration_text(plan.limits.duration_s - progress.spent_s)
    return f"{left} in this round, {about}; then on {goal_text(plan.stop)}, {longest} at most"


def goal_text(stop: StopPlan) -> str:
    """Return how long a plan of several rounds goes on: until when."""
    if stop.rule == "precision":
        return f"until E_d and E_c are known to {100 * stop.relative_half_width:g} %"
    return f"until no other split can save {100 * stop.relative_regret:g} %"


def duration_text(seconds: float) -> str:
    """Return a length of time to be waited for."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
