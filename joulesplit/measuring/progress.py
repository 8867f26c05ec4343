"""Progress of a measurement on stderr, drawn only between windows so as not to disturb them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from joulesplit.output import console

if TYPE_CHECKING:
    from calibrate.campaign.procedure import Progress


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

    shown = -1

    def show(done: int, total: int, detail: str) -> None:
        nonlocal shown
        tenth = 10 * done // max(total, 1)
        if tenth > shown:
            shown = tenth
            note(f"{title}: {done}/{total} {detail}".rstrip())

    return show


def campaign_detail(progress: Progress) -> str:
    """Return what is worth knowing about a campaign in one short phrase."""
    phrases = [f"{progress.remaining_s:.0f} s left"]
    if progress.last is not None:
        phrases.append(f"idle {progress.last.idle_power_w:.3f} W")
    if progress.opinion is not None:
        phrases.append(progress.opinion.reason)
    return ", ".join(phrases)
