"""What a report's sections hold, as HTML elements: the same content as in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from xml.etree.ElementTree import Element, SubElement

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from joulesplit.cli.report._sheet import Section
from joulesplit.cli.report.tables import MARKER, SHADED, Bar, Column, Facts, FittingTable


def section_element(section: Section, mark: str) -> Element:
    """Return a section with its heading.

    Args:
        section: Of the report.
        mark: Of where the figures come from, before the title; may be empty.
    """
    element = Element("section")
    heading = SubElement(element, "h2")
    if mark:
        SubElement(heading, "span", {"class": "mark"}).text = mark
    _append_text(heading, section.title)
    element.extend(elements(section.body))
    return element


@singledispatch
def elements(body: RenderableType) -> Iterator[Element]:
    """Yield what a piece of a report looks like as HTML.

    Raises:
        TypeError: No rule for this kind of content; add one here.
    """
    raise TypeError(f"no HTML for {type(body).__name__}")


@elements.register
def _(body: str) -> Iterator[Element]:
    yield from elements(Text(body))


@elements.register
def _(body: Text) -> Iterator[Element]:
    if not body.plain.strip():
        return
    element = Element("p")
    _fill(element, body)
    yield element


@elements.register
def _(body: Group) -> Iterator[Element]:
    for part in body.renderables:
        yield from elements(part)


@elements.register
def _(body: Padding) -> Iterator[Element]:
    yield from elements(body.renderable)


@elements.register
def _(body: Panel) -> Iterator[Element]:
    element = Element("div", {"class": "panel"})
    element.extend(elements(body.renderable))
    yield element


@elements.register
def _(body: Facts) -> Iterator[Element]:
    table = Element("table", {"class": "facts"})
    for name, value in body.rows:
        row = SubElement(table, "tr")
        SubElement(row, "th", {"scope": "row"}).text = name
        _fill_cell(SubElement(row, "td"), value)
    yield table


@elements.register
def _(body: FittingTable) -> Iterator[Element]:
    table = Element("table")
    head = SubElement(SubElement(table, "thead"), "tr")
    for column in body.columns:
        SubElement(head, "th", {"scope": "col", **_alignment(column)}).text = column.header
    rows = SubElement(table, "tbody")
    for number, cells in enumerate(zip(*(c.cells for c in body.columns), strict=True)):
        stress = {"class": "emphasised"} if number == body.emphasised else {}
        row = SubElement(rows, "tr", stress)
        for column, cell in zip(body.columns, cells, strict=True):
            _fill_cell(SubElement(row, "td", _alignment(column)), cell)
    scroller = Element("div", {"class": "wide"})
    scroller.append(table)
    yield scroller


@elements.register
def _(body: Bar) -> Iterator[Element]:
    bar = Element("span", {"class": "bar"})
    for part in body.parts:
        kind = "shaded " if part.fill == SHADED else ""
        width = f"width:{100 * min(part.value / body.maximum, 1):.2f}%"
        SubElement(bar, "span", {"class": f"part {kind}{part.style}", "style": width})
    if body.marker is not None:
        place = f"left:{100 * min(body.marker / body.maximum, 1):.2f}%"
        SubElement(bar, "span", {"class": "marker", "style": place, "title": MARKER})
    yield bar


def _alignment(column: Column) -> dict[str, str]:
    return {"class": "number"} if column.right else {}


def _fill_cell(cell: Element, value: RenderableType) -> None:
    """Put a value into a cell; plain text needs no paragraph around it."""
    if isinstance(value, str | Text):
        _fill(cell, Text(value) if isinstance(value, str) else value)
    else:
        cell.extend(elements(value))


def _fill(element: Element, text: Text) -> None:
    """Put styled text into an element: each of its stretches as a span of these classes."""
    if text.style:
        element = SubElement(element, "span", {"class": str(text.style)})
    end = 0
    for span in sorted(text.spans, key=lambda span: span.start):
        _append_text(element, text.plain[end : span.start])
        stretch = SubElement(element, "span", {"class": str(span.style)})
        stretch.text = text.plain[span.start : span.end]
        end = span.end
    _append_text(element, text.plain[end:])


def _append_text(element: Element, text: str) -> None:
    """Append text behind what an element holds."""
    if not text:
        return
    last = element[-1] if len(element) else None
    if last is None:
        element.text = (element.text or "") + text
    else:
        last.tail = (last.tail or "") + text
