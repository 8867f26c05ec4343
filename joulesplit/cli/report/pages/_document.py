"""A report as one HTML file that needs nothing else: no script, no font, no picture beside it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from importlib.resources import files
from xml.etree.ElementTree import Element, SubElement, tostring

from joulesplit.calibrate.profile import DeviceProfile
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.cli.report._sheet import ORIGIN_TEXT, Origin, Page
from joulesplit.cli.report.pages._markup import section_element
from joulesplit.cli.report.plots import Picture, decision_pictures, profile_pictures
from joulesplit.cli.report.terminal import profile_page
from joulesplit.optimizer import Decision

PICTURES_AFTER = 2
"""Sections before the pictures: verdict and efficiency are what a reader comes for."""


def profile_document(profile: DeviceProfile, name: str, windows: Sequence[WindowRecord]) -> bytes:
    """Return the report on a profile as an HTML file.

    Args:
        profile: The profile.
        name: Of its file.
        windows: That it rests on, for the pictures; may be empty.

    Raises:
        CommandError: matplotlib is not installed.
    """
    return document(profile_page(profile, name), list(profile_pictures(profile, windows)))


def decision_document(decision: Decision, page: Page) -> bytes:
    """Return the report on a decision as an HTML file.

    Args:
        decision: The decision.
        page: Its report.

    Raises:
        CommandError: matplotlib is not installed.
    """
    return document(page, list(decision_pictures(decision)))


def document(page: Page, pictures: Sequence[Picture] = ()) -> bytes:
    """Return a page and its pictures as an HTML file."""
    mark = f"{page.origin} · " if page.origin not in (None, "MEASURED") else ""
    root = Element("html", {"lang": "en"})
    root.append(_head(f"{mark}{page.title}"))
    body = SubElement(SubElement(root, "body"), "main")
    SubElement(body, "h1").text = page.title
    body.extend(_banner(page.origin))
    sections = [section_element(section, mark) for section in page.sections]
    body.extend(sections[:PICTURES_AFTER])
    body.extend(_figure(picture, mark) for picture in pictures)
    body.extend(sections[PICTURES_AFTER:])
    body.extend(_banner(page.origin))
    content: bytes = tostring(root, encoding="utf-8", method="html")
    return b"<!DOCTYPE html>\n" + content + b"\n"


def _head(title: str) -> Element:
    head = Element("head")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "meta", {"name": "viewport", "content": "width=device-width"})
    SubElement(head, "title").text = title
    SubElement(head, "style").text = (
        files("joulesplit.cli.report.pages").joinpath("page.css").read_text()
    )
    return head


def _banner(origin: Origin | None) -> Iterable[Element]:
    if origin is None:
        return
    banner = Element("p", {"class": f"banner {origin.lower()}"})
    strong = SubElement(banner, "strong")
    strong.text = origin
    strong.tail = f" {ORIGIN_TEXT[origin]}"
    yield banner


def _figure(picture: Picture, mark: str) -> Element:
    figure = Element("figure")
    heading = SubElement(figure, "h2")
    if mark:
        SubElement(heading, "span", {"class": "mark"}).text = mark
        heading[-1].tail = picture.title
    else:
        heading.text = picture.title
    source = f"data:image/svg+xml;base64,{b64encode(picture.svg).decode()}"
    SubElement(figure, "img", {"src": source, "alt": f"{mark}{picture.title}"})
    SubElement(figure, "figcaption").text = picture.caption
    return figure
