"""The report as one HTML file: the terminal's content, marked, and in need of nothing else."""

from __future__ import annotations

import re
from base64 import b64decode
from html.parser import HTMLParser
from xml.etree import ElementTree

import msgspec
import pytest
from rich.console import Group
from rich.text import Text

from joulesplit.cli.report import Page, Section
from joulesplit.cli.report.pages import decision_document, profile_document
from joulesplit.cli.report.pages._document import document
from joulesplit.cli.report.pages._markup import elements
from joulesplit.cli.report.tables import Bar, Column, Facts, FittingTable
from joulesplit.cli.report.terminal import decision_page, profile_page
from joulesplit.optimizer import Constraints, decide
from joulesplit.partition.cutting import residual_blocks
from window_records import window_record

VOID = {"meta", "img"}


class Reader(HTMLParser):
    """What a browser sees: open and closed elements, their text, and what they refer to."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.headings, self.references = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.references += [value for name, value in attributes if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)
            if "h2" in self.open:
                self.headings.append(data)


def read(content):
    reader = Reader()
    reader.feed(content.decode())
    assert reader.open == []
    return reader


def window(kind, number, net_j=1.0):
    return window_record(
        kind, block=1, repetitions=10, net_j=net_j, work_s=0.5, idle_w=2.6, number=number
    )


WINDOWS = [window("control" if n % 3 == 0 else "compute", n, 1 + n / 1000) for n in range(12)]


def pictures_of(content):
    return [b64decode(reference.partition(",")[2]) for reference in read(content).references]


def words(text):
    return set(re.findall(r"[\w/.±%−]+", text))


def test_every_word_of_the_terminal_report_stands_in_the_page(simulated, text_of):
    page = profile_page(simulated, "profile.json")
    bars = re.compile(r"[▏▎▍▌▋▊▉█▒│]+")

    shown = words(bars.sub(" ", text_of(page, 400)))
    assert shown - words(bars.sub(" ", " ".join(read(document(page)).text))) <= {"━"}


def test_the_page_refers_to_nothing_outside_itself(simulated):
    references = read(profile_document(simulated, "p.json", WINDOWS)).references
    assert references
    assert all(reference.startswith("data:image/svg+xml;base64,") for reference in references)
    assert b"http" not in profile_document(simulated, "p.json", ()).replace(
        b"http://www.w3.org/", b""
    )


def test_a_simulated_page_is_marked_in_its_title_in_every_heading_and_in_every_picture(simulated):
    content = profile_document(simulated, "p.json", WINDOWS)

    assert b"<title>SIMULATED" in content
    headings = read(content).headings
    assert len(headings) > 10
    assert all(mark.startswith("SIMULATED") for mark in headings[::2])
    marked = pictures_of(content)
    # The letters are paths; matplotlib names what they spell in a comment.
    assert len(marked) == 4
    assert all(b"<!-- SIMULATED -->" in svg for svg in marked)


def test_a_measured_page_carries_no_mark_of_another_origin(measured):
    content = profile_document(measured, "p.json", WINDOWS)

    assert b"SIMULATED" not in content
    assert all(b"SIMULATED" not in svg for svg in pictures_of(content))


def test_the_same_profile_gives_the_same_bytes(measured):
    first = profile_document(measured, "p.json", WINDOWS)
    assert profile_document(measured, "p.json", WINDOWS) == first


def test_pictures_are_well_formed(measured):
    for svg in pictures_of(profile_document(measured, "p.json", WINDOWS)):
        assert ElementTree.fromstring(svg).tag.endswith("svg")


def test_without_windows_there_is_no_picture_of_them(measured):
    with_them = pictures_of(profile_document(measured, "p.json", WINDOWS))
    assert len(pictures_of(profile_document(measured, "p.json", ()))) == len(with_them) - 1


def test_a_profile_from_literature_has_a_page_though_it_has_hardly_any_figures(make_profile):
    poor = make_profile(source="literature", link=None, idle=None, sensor=None)
    poor = msgspec.structs.replace(
        poor, compute=msgspec.structs.replace(poor.compute, blocks=(), covariance_j2=())
    )
    assert b"LITERATURE" in profile_document(poor, "paper.json", ())


def test_names_from_a_profile_cannot_become_markup(measured):
    evil = '<script>alert("x")</script>'
    content = profile_document(measured, evil, ())
    assert b"<script" not in content
    assert evil in " ".join(read(content).text)


@pytest.fixture
def document_of(network):
    """The page of a decision on a profile."""

    def make(profile, **limits):
        blocks = residual_blocks(network)
        decision = decide(network, blocks, profile, constraints=Constraints(**limits))
        page = decision_page(decision, network_name="net", profile_name="profile.json")
        return decision_document(decision, page)

    return make


def test_a_decision_shows_its_splits_and_their_winners_marked_like_its_profile(
    document_of, simulated, measured
):
    made_up, real = pictures_of(document_of(simulated)), pictures_of(document_of(measured))

    assert len(made_up) == len(real) == 2
    assert all(b"<!-- SIMULATED -->" in svg for svg in made_up)
    assert all(b"SIMULATED" not in svg for svg in real)
    splits, winners = real
    assert all(f"<!-- {block} ".encode() in splits for block in range(21))
    assert b"<!-- l* = " in splits
    assert b"<!-- this link -->" in winners


def test_a_decision_says_of_grey_splits_that_they_break_a_limit_only_if_any_does(
    document_of, measured
):
    assert b"Grey names" in document_of(measured, min_block=4)
    assert b"Grey names" not in document_of(measured)


def test_with_one_split_left_no_price_of_a_bit_is_drawn(document_of, measured):
    assert len(pictures_of(document_of(measured, min_block=20))) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("plain", "<p>plain</p>"),
        (Text.assemble("a ", ("b", "red"), " c"), '<p>a <span class="red">b</span> c</p>'),
        (Text("all", style="dim"), '<p><span class="dim">all</span></p>'),
        (Text(""), ""),
        (Group("x", Text(""), "y"), "<p>x</p><p>y</p>"),
        (
            Facts([("name", "value")]),
            '<table class="facts"><tr><th scope="row">name</th><td>value</td></tr></table>',
        ),
        (
            Bar.of(1.0, 4.0, "cyan", marker=2.0),
            """<span class="bar"><span class="part cyan" style="width:25.00%"></span>
            <span class="marker" style="left:50.00%" title="│"></span></span>""",
        ),
        (
            FittingTable([Column(header="h", cells=["1", "2"], right=True)], emphasised=1),
            """<div class="wide"><table>
            <thead><tr><th scope="col" class="number">h</th></tr></thead>
            <tbody><tr><td class="number">1</td></tr>
            <tr class="emphasised"><td class="number">2</td></tr></tbody></table></div>""",
        ),
    ],
)  # fmt: skip
def test_each_kind_of_content_has_its_elements(body, expected):
    found = [
        ElementTree.tostring(element, encoding="unicode", method="html")
        for element in elements(body)
    ]
    assert "".join(found) == re.sub(r"\n\s*", "", expected)


def test_content_without_a_rule_is_an_error_and_not_left_out():
    with pytest.raises(TypeError, match="no HTML for object"):
        document(Page(None, "t", [Section(title="s", body=object())]))


def test_a_block_of_no_work_is_reported_after_a_whole_measurement(simulated, text_of):
    """A new shape alone can be a block: E_d expects nothing of it, so nothing is off."""
    first, *others = simulated.compute.blocks
    blocks = (msgspec.structs.replace(first, flop=0), *others)
    compute = msgspec.structs.replace(simulated.compute, blocks=blocks)
    profile = msgspec.structs.replace(simulated, compute=compute)
    (row,) = [
        line
        for line in text_of(profile_page(profile, "profile.json"), 120).splitlines()
        if re.match(rf"\s*1\s+{first.name}\s+0 FLOP", line)
    ]
    assert "–" in row
    assert profile_document(profile, "p.json", WINDOWS)
