"""Whole reports. Stored texts: JOULESPLIT_UPDATE_GOLDEN=1 pytest tests/cli -k stored."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from rich.text import Text

from joulesplit.calibrate.campaign import (
    ComparedTime,
)
from joulesplit.calibrate.profile import load_profile
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.cli._finding import Diagnosis, Finding
from joulesplit.cli._partitioning import both_regrets
from joulesplit.cli._resources import bundled
from joulesplit.cli._watch import Glance, Summary
from joulesplit.cli.report import Page, Section, origin_of
from joulesplit.cli.report._sheet import ORIGIN_TEXT
from joulesplit.cli.report.terminal import (
    LiveView,
    decision_page,
    doctor_page,
    glance_line,
    hull_section,
    network_page,
    profile_ending,
    profile_page,
    study_page,
    summary_page,
    validation_ending,
    validation_page,
)
from joulesplit.optimizer import (
    Constraints,
    Usage,
    battery_life,
    decide,
    float32_blocks,
    paper_split,
)
from joulesplit.partition.cutting import undominated_cuts

WIDTHS = (60, 80, 120)
PER_JOULE = re.compile(r"FLOP/J|J/FLOP|bit/J|J/bit")
LABEL = re.compile(r"\b(net|gross)\b")


@pytest.fixture(scope="module")
def decision(network, blocks, simulated):
    return decide(network, blocks, simulated)


@pytest.fixture(scope="module")
def literature(make_profile):
    return make_profile(source="literature", reference="A. Author, A Paper, 2014")


@pytest.fixture(scope="module")
def study(network, blocks):
    shown = float32_blocks(network, blocks)
    constants = load_profile(bundled("profiles/paper.json")).profile
    paper = paper_split(shown, 1.22e8, 2e6, input_elements=224 * 224 * 3)
    return study_page(network, shown, paper, constants, battery_j=36_000.0)


@pytest.fixture(scope="module")
def told(network, blocks, simulated):
    """The optimizer's own sentences are its own business: others stand in their place."""
    decision = decide(network, blocks, simulated, usage=Usage(period_s=10.0))
    return decision_page(
        replace(decision, explanation="It costs least. " * 12, notes=("One note.", "Another.")),
        network_name=network.name,
        profile_name="profile.json",
        battery=battery_life(decision, 2e4),
    )


@pytest.fixture(scope="module")
def validations(decision, validated):
    return [
        validated(decision.candidates[5], 0.1925),
        validated(decision.candidates[20], 0.396, agrees=False, in_time=False),
    ]


@pytest.fixture(scope="module")
def validation(network, validations):
    return validation_page(validations, "SIMULATED", network.name)


@pytest.fixture(scope="module")
def pages(request, measured, simulated, literature):
    network, blocks = (request.getfixturevalue(name) for name in ("with_unknown", "blocks"))
    return {
        "measured": profile_page(measured, "profile.json"),
        "simulated": profile_page(simulated, "profile.json"),
        "literature": profile_page(literature, "paper.json"),
        "decision": request.getfixturevalue("told"),
        "paper": request.getfixturevalue("study"),
        "network": network_page(network, blocks),
        "doctor": doctor_page(DIAGNOSIS),
        "validation": request.getfixturevalue("validation"),
    }


@pytest.fixture(scope="module")
def glances(measured, simulated, decision, validations, network):
    """What commands print unless asked for more: nothing, one thing or everything to add."""
    again = "joulesplit calibrate model.tflite --sensor simulated -o again.json"
    wrote = "profile.json and its windows, profile.windows.jsonl"
    home = Path("profile.json")
    told = {
        "measured": profile_ending(measured, path=home),
        "simulated": profile_ending(simulated, path=home, wrote=wrote, model=Path("model.tflite")),
        "agrees": validation_ending(validations[:1], again=again),
        "differs": validation_ending(validations, again=again),
    }
    next_step = "joulesplit validate model.tflite --profile profile.json --split 3"
    pages = {
        "measured": profile_page(measured, home.name, ending=told["measured"]),
        "simulated": profile_page(simulated, home.name, ending=told["simulated"]),
        "decision": decision_page(
            decision, network_name=network.name, profile_name=home.name, next_step=next_step
        ),
        "agrees": validation_page(
            validations[:1], "SIMULATED", network.name, ending=told["agrees"]
        ),
        "differs": validation_page(validations, "SIMULATED", network.name, ending=told["differs"]),
    }
    return {name: page.at_a_glance() for name, page in pages.items()}


GLANCES = ("measured", "simulated", "decision", "agrees", "differs")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", GLANCES)
def test_what_to_see_at_once_reads_as_stored(glances, text_of, golden, name, width):
    golden(f"glance-{name}-{width}.txt", text_of(glances[name], width))


@pytest.mark.parametrize("name", GLANCES)
def test_what_to_see_at_once_is_a_screen_and_ends_in_five_lines_at_most(glances, text_of, name):
    assert len(text_of(glances[name], 80).splitlines()) <= 24
    assert 2 <= len(glances[name].ending.rows()) <= 5


def test_a_difference_says_by_how_much_why_and_what_to_type(glances):
    ending = glances["differs"].ending

    assert ending.verdict.startswith("DIFFERS: l = 20 by ")
    assert "measured head" in ending.assumed
    assert ending.next_step.startswith("joulesplit calibrate ")
    assert glances["agrees"].ending.next_step is None


DIAGNOSIS = Diagnosis(
    findings=(
        Finding(name="python", state="ok", found="Python 3.11.2"),
        Finding(
            name="wifi",
            state="warn",
            found="wlan0, power save on: uploads also pay for waking the radio",
            fix="sudo iw dev wlan0 set power_save off",
        ),
        Finding(name="i2c", state="error", found="/dev/i2c-1 is of group i2c", fix="log in"),
    ),
    ready_for={"ina219": True, "rapl": False, "simulated": True},
)

NAMES = (
    *("measured", "simulated", "literature", "decision", "paper", "network", "doctor"),
    "validation",
)


@pytest.fixture(scope="module")
def long_names(network, blocks, make_profile, measured):
    """What partition, optimize and a profile show of layers as LiteRT-Torch names them."""
    layer = "torch.nn.modules.container.Sequential_features/InvertedResidual_{}/conv"
    named = [replace(block, name=layer.format(block.index)) for block in blocks]
    energies = [
        msgspec.structs.replace(energy, name=block.name)
        for energy, block in zip(measured.compute.blocks, named, strict=True)
    ]
    compute = msgspec.structs.replace(measured.compute, blocks=tuple(energies))
    profile = make_profile(compute=compute)
    hull = undominated_cuts(network)
    decision = decide(network, named, profile)
    return (
        network_page(
            network, named, hull_section(network, named, hull, both_regrets(network, named))
        ),
        decision_page(decision, network_name="net", profile_name="profile.json"),
        profile_page(profile, "profile.json"),
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_long_names_of_layers_take_no_width_from_the_figures(long_names, text_of, golden, width):
    """They are shortened to what tells them apart; nothing is broken letter by letter."""
    text = "".join(text_of(page, width) for page in long_names)
    golden(f"long-names-{width}.txt", text)
    rows = [line for line in text.splitlines() if "…" in line]
    assert len(rows) > 50
    assert all(re.search(r"_\d+/conv", row) for row in rows if "torch" in row)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_report_reads_as_stored(pages, text_of, golden, name, width):
    golden(f"{name}-{width}.txt", text_of(pages[name], width))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_report_needs_no_unicode_and_no_more_columns_than_there_are(pages, text_of, name, width):
    lines = text_of(pages[name], width, ascii_only=True).splitlines()
    assert lines
    assert all(line.isascii() and len(line) <= width for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_no_heading_and_no_outcome_is_cut_to_fit(pages, text_of, name, width):
    text = text_of(pages[name], width)
    cut = [line for line in text.splitlines() if re.search(r"… ─|^ ?[pwfD]\w*…", line)]
    assert cut == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["simulated", "decision"])
def test_the_simulated_mark_stands_above_below_and_in_every_heading(pages, text_of, name, width):
    lines = text_of(pages[name], width).splitlines()
    headings = [line for line in lines if line.endswith("─") and line[:1].isalpha()]
    assert len(headings) > 5
    assert all(heading.startswith("SIMULATED · ") for heading in headings)
    assert lines[0].startswith("SIMULATED")
    assert any("SIMULATED: no physical power" in line for line in lines[1:4])
    assert any("SIMULATED: no physical power" in line for line in lines[-4:])


def test_any_hint_of_simulation_marks_a_profile_as_simulated(make_profile, simulated):
    assert origin_of(make_profile(source="measured", simulated=True)) == "SIMULATED"
    assert origin_of(make_profile(source="simulated", simulated=False)) == "SIMULATED"
    assert origin_of(make_profile(sensor=simulated.sensor)) == "SIMULATED"
    assert origin_of(make_profile(source="modelled")) == "MODELLED"
    assert origin_of(make_profile()) == "MEASURED"


def test_only_a_measured_report_says_measured(pages, text_of):
    says = ORIGIN_TEXT["MEASURED"]
    assert says in text_of(pages["measured"], 80)
    for name in ("simulated", "literature", "decision"):
        assert says not in text_of(pages[name], 80)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["measured", "simulated", "literature", "paper"])
def test_no_figure_per_joule_stands_without_its_account(pages, text_of, name, width):
    lines = [line for line in text_of(pages[name], width).splitlines() if PER_JOULE.search(line)]
    assert lines
    assert all(LABEL.search(line) for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_figure_per_joule_of_a_decision_stands_in_a_passage_without_account(
    decision, network, text_of, width
):
    page = decision_page(decision, network_name=network.name, profile_name="profile.json")
    sections = text_of(page, width).split("\n\n")
    reasons = next(section for section in sections if " · Why" in section)
    assert "per inference (net)" in " ".join(reasons.split())
    # A row begins with one space; what a row wraps to is indented further.
    rows = [row for s in sections if s is not reasons for row in re.split(r"\n ?(?=\S)", s)]
    found = [row for row in rows if PER_JOULE.search(row)]
    assert len(found) == 4
    assert all(LABEL.search(row) for row in found)


def test_the_truth_table_tells_estimates_inside_from_those_outside(pages, text_of):
    lines = text_of(pages["simulated"], 80).splitlines()
    outside = [line.split()[:2] for line in lines if line.endswith("OUTSIDE")]
    assert outside == [["E_c", "gross"], ["e_3", "net"]]
    assert any("29 of 31 intervals hold the truth" in line for line in lines)


def test_unknown_operators_are_said_loudly(pages, text_of):
    text = text_of(pages["network"], 80)
    assert "Unknown work" in text
    assert "1 × CUSTOM:Strange" in text


def test_a_decision_names_choice_energy_sureness_and_battery_at_once(pages, text_of, decision):
    headline = text_of(pages["decision"], 80).split("╰")[0]
    assert f"Split after block {decision.best.block}" in headline
    assert "per inference (with idle power)" in headline
    assert "best with probability" in headline
    assert "expected regret" in headline
    assert "20.0 kJ pay for " in headline
    assert "one every 10 s" in headline


def test_pixels_that_beat_the_choice_are_told_at_once_unless_they_are_not_allowed(
    decision, network, blocks, simulated, text_of
):
    def headline(told):
        page = decision_page(told, network_name=network.name, profile_name="profile.json")
        return text_of(page, 80).split("╰")[0]

    assert decision.input_as_uint8_j < decision.best.energy_j
    assert "as 8-bit values would cost only" in headline(decision)
    private = decide(network, blocks, simulated, constraints=Constraints(min_block=1))
    assert "8-bit" not in headline(private)


def test_colour_is_only_an_addition(pages, text_of):
    assert "\x1b" not in text_of(pages["simulated"], 80)


def test_a_page_without_joules_has_no_banner(text_of):
    page = Page(None, "title", [Section(title="part", body=Text("body"))])
    assert text_of(page, 20) == "title\n\npart ───────────────\nbody\n"


@pytest.fixture
def statistics():
    return SamplerStatistics(readings=999, lost=1, clipped=0, cpu_fraction=0.05)


def test_every_line_of_a_simulated_watch_says_simulated(description, statistics, text_of):
    glance = Glance(
        elapsed_s=1.0, power_w=2.6, voltage_v=5.0, current_a=0.52, rate_hz=106.0, energy_j=2.6,
        statistics=statistics,
    )  # fmt: skip
    assert glance_line(description, glance).startswith("SIMULATED ")
    view = text_of(LiveView(description, glance, [2.5, 2.6, 2.7]), 60)
    assert view.count("SIMULATED") >= 3
    assert "2.600 W" in view
    assert "1 of 1,000" in view
    assert re.search("[▁▂▃▄▅▆▇]█", view), "the sparkline of a rising power"


def test_what_should_not_happen_shows_in_a_watch_only_where_it_did(
    description, statistics, text_of
):
    def glance(statistics):
        return Glance(
            elapsed_s=1.0, power_w=2.6, voltage_v=5.0, current_a=0.52, rate_hz=106.0, energy_j=2.6,
            statistics=statistics,
        )  # fmt: skip

    spoilt = replace(statistics, resets=2, clock_steps=1)
    assert glance_line(description, glance(spoilt)).endswith("chip resets 2  clock steps 1")
    assert glance_line(description, glance(statistics)).endswith("lost 1")
    view = text_of(LiveView(description, glance(spoilt), [2.5]), 60)
    assert "chip resets  2" in view
    assert "stuck" not in view


def test_a_watch_too_short_for_an_uncertainty_says_so(description, statistics, text_of):
    summary = Summary(
        duration_s=0.1, energy_j=0.26, power_w=None, minimum_w=2.6, maximum_w=2.6, rate_hz=100.0,
        statistics=statistics,
    )  # fmt: skip
    text = text_of(summary_page(description, summary), 80)
    assert "too short for an uncertainty" in text
    assert "260.0 mJ gross" in text


def test_a_time_that_is_another_one_is_a_difference_even_where_the_energy_agrees(
    decision, validated, text_of
):
    slow = ComparedTime(
        predicted_s=0.098, measured_s=0.468, u_measured_s=0.004, bound_s=0.04, agrees=False
    )
    found = replace(validated(decision.candidates[5], 0.1925), transfer=slow)

    ending = validation_ending([found], again="again")
    assert not found.passed
    assert ending.verdict == "DIFFERS: the time of l = 5 is another one"
    assert ending.next_step == "again"
    page = text_of(validation_page([found], "SIMULATED", "network"), 80)
    assert "TIME DIFFERS" in page
    assert "upload 98.0 ms predicted, 468 ms measured, DIFFERS" in " ".join(page.split())
