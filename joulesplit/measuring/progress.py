"""Progress of a measurement on stderr, drawn only between windows so as not to disturb them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from joulesplit.output import console, note

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress

    from calibrate.campaign.procedure import Progress
    from calibrate.campaign.stopping import StopOpinion


class Show(Protocol):
    """Shows how far it is."""

    def __call__(self, done: int, total: int, detail: str) -> None:
        """Show that ``done`` of ``total`` are done, and a short phrase."""

    def say(self, line: str) -> None:
        """Print a line that stays."""


@contextmanager
def progress_bar(title: str, terminal: Console | None = None) -> Iterator[Show]:
    """Show a bar; call what is given with (done, total, detail).

    On a pipe only the title and every tenth of the way are printed, as plain lines.

    Args:
        title: What is going on.
        terminal: Where; None for stderr.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    terminal = terminal or console(stderr=True)
    if not terminal.is_terminal:
        yield _PlainLines(title)
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

    def say(self, line: str) -> None:
        # What does not go through the bar's own console is printed into the bar.
        self._bar.console.print(line, markup=False)


class _PlainLines:
    """Lines in a pipe."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._shown = (0, -1)

    def __call__(self, done: int, total: int, detail: str) -> None:
        tenth = 10 * done // max(total, 1)
        # A campaign's next round makes the whole longer, and a tenth of it another one.
        if total != self._shown[0] or tenth > self._shown[1]:
            self._shown = (total, tenth)
            note(f"{self._title}: {done}/{total} {detail}".rstrip())

    def say(self, line: str) -> None:
        note(line)


def campaign_detail(progress: Progress) -> str:
    """Return what is worth knowing about a campaign in one short phrase."""
    phrases = [f"{progress.remaining_s:.0f} s left"]
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
