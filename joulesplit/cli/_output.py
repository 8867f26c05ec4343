"""Where results go: one JSON object or a report on stdout, everything else on stderr."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from joulesplit.cli._errors import CommandError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from joulesplit.cli.report import Page

PIPE_WIDTH = 100
"""Columns of a report that goes into a pipe or file, unless COLUMNS says otherwise."""

NARROWEST = 20
"""No report can be read in fewer columns; a smaller COLUMNS is a mistake."""

_NO_COMMANDS = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\t"), ord("\n")}, "?")
"""Control characters of C0 and C1 but tab and the end of a line."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout."
)

html_option = click.option(
    "--html",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write one self-contained page with plots.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How a result is to be shown.

    Attributes:
        as_json: As one JSON object; else as a report.
        full: The whole report; else what to see at once, and its ending.
    """

    as_json: bool
    full: bool


def shown_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--full`` and ``--json``; the command gets them as ``shown: Shown``."""

    @functools.wraps(command)
    def with_shown(*, as_json: bool, full: bool, **options: Any) -> Any:
        return command(shown=Shown(as_json=as_json, full=full), **options)

    full = click.option(
        "--full", is_flag=True, help="Print the whole report, not only what to see at once."
    )
    return full(json_option(with_shown))


def console(*, stderr: bool = False) -> Console:
    """Return the terminal to print to; NO_COLOR and pipes give plain text.

    No text that is printed moves its cursor or colours it: only what the terminal itself is told.
    """
    from rich.console import Console
    from rich.segment import Segment

    class PlainTextConsole(Console):
        def render(self, *args: Any, **options: Any) -> Iterator[Segment]:
            for text, style, control in super().render(*args, **options):
                yield Segment(text if control else plain(text), style, control)

    stream = sys.stderr if stderr else sys.stdout
    width = stated_columns() or (None if stream.isatty() else PIPE_WIDTH)
    return PlainTextConsole(file=stream, width=width, highlight=False, soft_wrap=False)


def plain(text: str) -> str:
    """Return text without what a terminal takes as a command, a question mark for each.

    Names come from files that others wrote.
    """
    return text.translate(_NO_COMMANDS)


def stated_columns(environment: Mapping[str, str] = os.environ) -> int | None:
    """Return the width that COLUMNS states; None if it states none that can be used."""
    stated = environment.get("COLUMNS", "")
    return int(stated) if stated.isdecimal() and int(stated) >= NARROWEST else None


def emit(as_json: bool, document: Any, report: Callable[[], RenderableType]) -> None:
    """Print a result.

    Args:
        as_json: Print the document; else the report.
        document: JSON-compatible, or anything msgspec encodes.
        report: Makes what a person reads.
    """
    if as_json:
        import msgspec

        sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")
        sys.stdout.buffer.flush()
        return
    console().print(report())


def emit_page(shown: Shown, document: Any, page: Callable[[], Page]) -> None:
    """Print a result whose report is longer than a screen.

    Args:
        shown: In which form.
        document: JSON-compatible, or anything msgspec encodes.
        page: Makes the report.
    """
    emit(shown.as_json, document, lambda: page() if shown.full else page().at_a_glance())


def write_error(code: int, kind: str, message: str) -> None:
    """Print what went wrong as the one JSON object that ``--json`` promises.

    Args:
        code: The exit code.
        kind: Name of the error.
        message: As people get it.
    """
    import json

    document = {"error": {"code": int(code), "kind": kind, "message": message}}
    sys.stdout.write(json.dumps(document) + "\n")


def require_free(output: Path, *, force: bool, option: str = "--output") -> None:
    """Refuse to write over a file unasked.

    Args:
        output: What would be written.
        force: It may be replaced.
        option: That names it.

    Raises:
        CommandError: It exists.
    """
    if output.exists() and not force:
        raise CommandError(f"{output} exists: choose another {option}, or give --force")


def write_page(path: Path, content: bytes) -> None:
    """Write the file of ``--html``, and say so.

    Raises:
        OutputError: It cannot be written.
    """
    from joulesplit.calibrate import write_whole

    write_whole(path, plain(content.decode()).encode())
    note(f"wrote {path}")


def note(text: str) -> None:
    """Print a line for people on stderr."""
    click.echo(plain(text), err=True)
