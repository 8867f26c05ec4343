"""Progress of a measurement on stderr, drawn only between windows so as not to disturb them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from joulesplit.output import console

if TYPE_CHECKING:
    from calibrate.campaign.procedure import Progress
    from calibrate.campaign.stopping import StopOpinion


class Show(Protocol):
    """Shows how far it is."""

    def __call__(self, done: int, total: int, detail: str) -> None:
        """Show that ``done`` of ``total`` are done, and a short phrase."""


@contextmanager
def progress_bar(title: str) -> Iterator[Show]:
    """Show a bar; call what is given with (done, total, detail).

    On a pipe only the title and every tenth of the way are printed, as plain lines.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    terminal = console(stderr=True)
    if not terminal.is_terminal:
        yield _plain_lines(title)
        return
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    with Bar(*columns, console=terminal, auto_refresh=False, transient=True) as bar:
        task = bar.add_task(title, total=None, detail="")

        def show(done: int, total: int, detail: str) -> None:
            bar.update(task, completed=done, total=total, detail=detail)
            bar.refresh()

        yield show


def _plain_lines(title: str) -> Show:
    from joulesplit.output import note

    shown = (0, -1)

    def show(done: int, total: int, detail: str) -> None:
        nonlocal shown
        tenth = 10 * done // max(total, 1)
        # A campaign's next round makes the whole longer, and a tenth of it another one.
        if total != shown[0] or tenth > shown[1]:
            shown = (total, tenth)
            note(f"{title}: {done}/{total} {detail}".rstrip())

    return show


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
