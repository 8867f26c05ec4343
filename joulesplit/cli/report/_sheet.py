"""The sheet every report is printed on: where its figures come from, then its sections.

A page cannot be made without saying where the figures come from, and puts that above, below
and into every heading: a simulated report cannot lose its mark by being cut or scrolled.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.segment import Segment
from rich.text import Text

from joulesplit.calibrate.profile import DeviceProfile, Source

Origin = Literal["MEASURED", "SIMULATED", "LITERATURE", "MODELLED", "REPLAYED"]

ORIGIN_TEXT: dict[Origin, str] = {
    "MEASURED": "physical power, measured on this device",
    "SIMULATED": "no physical power was measured, every joule here is made up",
    "LITERATURE": "figures taken from a publication, not measured on this device",
    "MODELLED": "figures estimated by a model of the device, not measured",
    "REPLAYED": "readings recorded at another time, nothing is measured now",
}

ORIGIN_STYLE: dict[Origin, str] = {
    "MEASURED": "bold green",
    "SIMULATED": "bold magenta",
    "LITERATURE": "bold yellow",
    "MODELLED": "bold yellow",
    "REPLAYED": "bold yellow",
}

PLAIN = str.maketrans(
    {
        "×": "x", "·": "*", "−": "-", "–": "-", "—": "-", "…": "~", "≤": "<", "≥": ">", "→": ">",
        "▶": ">", "◀": "<", "✓": "+", "✗": "x", "•": "*", "’": "'", "Σ": "S", "√": "v", "µ": "u",
        "±": "~", "°": " ", "█": "#", "▒": "=", "│": "|",
    }
)  # fmt: skip
"""Stand-ins of the same width for terminals without Unicode."""


def origin_of(profile: DeviceProfile) -> Origin:
    """Return where a profile's figures come from; simulated wins over whatever else it says."""
    sensor_simulated = profile.sensor is not None and profile.sensor.simulated
    return origin(profile.source, simulated=profile.simulated or sensor_simulated)


def origin(source: Source, *, simulated: bool) -> Origin:
    """Return where figures come from; simulated wins over whatever else is said."""
    if simulated or source == "simulated":
        return "SIMULATED"
    names: dict[Source, Origin] = {
        "measured": "MEASURED",
        "modelled": "MODELLED",
        "literature": "LITERATURE",
    }
    return names[source]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and what stands below it."""

    title: str
    body: RenderableType


class Page:
    """A report.

    Args:
        origin: Where the figures come from; None where there are no joules in it.
        title: What it is.
        sections: In reading order.
    """

    def __init__(self, origin: Origin | None, title: str, sections: Sequence[Section]) -> None:
        self.origin = origin
        self.title = title
        self.sections = sections

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rendered = console.render(Group(*self._parts()), options)
        yield from plain(rendered) if options.ascii_only else rendered

    def _parts(self) -> Iterable[RenderableType]:
        # The mark stands first, so that a heading cut to fit loses its end and not the mark.
        mark = f"{self.origin} · " if self.origin not in (None, "MEASURED") else ""
        yield Text.assemble((mark, "dim"), (self.title, "bold"))
        if self.origin:
            yield banner(self.origin)
        for section in self.sections:
            yield Text("")
            heading = Text.assemble((mark, "dim"), (section.title, "bold"))
            yield Rule(heading, align="left", style="dim")
            yield section.body
        if self.origin:
            yield Text("")
            yield banner(self.origin)


def banner(origin: Origin) -> RenderableType:
    """Return the mark that says where the figures come from."""
    style = ORIGIN_STYLE[origin]
    text = Text.assemble((f"{origin}: ", style), ORIGIN_TEXT[origin])
    if origin == "MEASURED":
        return text
    return Panel(text, box=box.HEAVY, border_style=style, padding=(0, 1))


def plain(segments: Iterable[Segment]) -> Iterable[Segment]:
    """Replace what ASCII cannot show, character by character, so that columns stay."""
    for segment in segments:
        yield Segment(_plain_text(segment.text), segment.style, segment.control)


def _plain_text(text: str) -> str:
    if text.isascii():
        return text
    text = text.replace(" ± ", "+/-").translate(PLAIN)
    return "".join(c if c.isascii() else _nearest(c) for c in text)


def _nearest(character: str) -> str:
    base = unicodedata.normalize("NFKD", character)[:1]
    return base if base.isascii() else "?"


def paragraph(text: str, style: str = "") -> RenderableType:
    """Return running text, indented like everything below a heading."""
    return Padding(Text(text, style=style), (0, 0, 0, 1), expand=False)


def bullets(lines: Sequence[str], sign: str = "•") -> RenderableType:
    """Return a list whose lines wrap under themselves."""
    from joulesplit.cli.report.tables import Facts

    return Facts([(sign, line) for line in lines])
