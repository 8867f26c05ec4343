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
    """A heading and what stands below it.

    Attributes:
        title: The heading.
        body: What stands below it.
        glance: It belongs to the short form of the report.
    """

    title: str
    body: RenderableType
    glance: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The last lines of a report, five at most: what its reader came for.

    Attributes:
        verdict: May it be used, in words.
        headline: The figure, with its interval.
        assumed: The cheapest thing that an assumption decides; None if there is none.
        wrote: Which files were written; None if none were.
        next_step: What to type now, to the letter; None if there is nothing.
    """

    verdict: str
    headline: str
    assumed: str | None = None
    wrote: str | None = None
    next_step: str | None = None

    def rows(self) -> list[tuple[str, str]]:
        """Return the lines that there are, each with its name."""
        named = {
            "verdict": self.verdict,
            "result": self.headline,
            "but": self.assumed,
            "wrote": self.wrote,
            "next": self.next_step,
        }
        return [(name, text) for name, text in named.items() if text is not None]


class Page:
    """A report.

    Args:
        origin: Where the figures come from; None where there are no joules in it.
        title: What it is.
        sections: In reading order.
        ending: The last lines; None where the report is no longer than a screen.
        brief: It is the short form: marked in its title and at its end, without frames.
    """

    def __init__(
        self,
        origin: Origin | None,
        title: str,
        sections: Sequence[Section],
        *,
        ending: Ending | None = None,
        brief: bool = False,
    ) -> None:
        self.brief = brief
        self.origin = origin
        self.title = title
        self.sections = sections
        self.ending = ending

    def at_a_glance(self) -> Page:
        """Return the short form: the sections to see at once, and the ending."""
        glance = [section for section in self.sections if section.glance]
        return Page(self.origin, self.title, glance, ending=self.ending, brief=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rendered = console.render(Group(*self._parts()), options)
        yield from plain(rendered) if options.ascii_only else rendered

    def _parts(self) -> Iterable[RenderableType]:
        # The mark stands first, so that a heading cut to fit loses its end and not the mark.
        mark = f"{self.origin} · " if self.origin not in (None, "MEASURED") else ""
        yield Text.assemble((mark, "dim"), (self.title, "bold"))
        if self.origin and not self.brief:
            yield banner(self.origin)
        for section in self.sections:
            yield Text("")
            heading = Text.assemble((mark, "dim"), (section.title, "bold"))
            yield Rule(heading, align="left", style="dim")
            yield section.body
        if self.ending is not None:
            yield Text("")
            yield ending_lines(self.ending)
        if self.origin:
            yield Text("")
            yield banner(self.origin, framed=not self.brief)


def banner(origin: Origin, *, framed: bool = True) -> RenderableType:
    """Return the mark that says where the figures come from."""
    style = ORIGIN_STYLE[origin]
    text = Text.assemble((f"{origin}: ", style), ORIGIN_TEXT[origin])
    if origin == "MEASURED" or not framed:
        return text
    return Panel(text, box=box.HEAVY, border_style=style, padding=(0, 1))


def ending_lines(ending: Ending) -> RenderableType:
    """Return an ending as lines, each with its name; what to type stands out."""
    from joulesplit.cli.report.tables import Facts

    styles = {"verdict": "bold", "result": "bold", "but": "yellow", "next": "bold cyan"}
    return Facts([(name, Text(text, style=styles.get(name, ""))) for name, text in ending.rows()])


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
