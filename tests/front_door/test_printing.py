"""What ``print`` shows of results, what the programmer sees, and what a notebook shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

import joulesplit as js

DATA = Path(__file__).parents[2] / "data"
MODEL = DATA / "models" / "mobilenet_v2_1.0_224_float32.tflite"
PAPER = DATA / "profiles" / "paper.json"


@pytest.fixture(scope="module")
def network():
    return js.read_network(MODEL)


@pytest.fixture(scope="module")
def decision(network):
    return js.decide(network, PAPER, battery_j=36e3)


def quantity(**changes):
    facts = {
        "value": 1.2341, "unit": "J", "ci95": (1.218, 1.25), "u_stat": 0.007, "u_sys": 0.0,
        "n": 10, "degrees_of_freedom": 9.0,
    }  # fmt: skip
    return js.Quantity(**(facts | changes))


def test_a_quantity_reads_as_a_metrologist_writes_it():
    assert str(quantity()) == "1.234 ± 0.016 J (95 %, ν = 9)"
    assert str(quantity(degrees_of_freedom=None)) == "1.234 ± 0.016 J (95 %)"
    assert str(quantity(ci95=None)) == "1.23 J (no interval)"


def test_a_quantitys_effective_freedom_follows_welch_and_satterthwaite():
    """GUM G.4.1 for two components of equal size, one known without limit: ν_eff = ν · 2²."""
    assert quantity(u_sys=0.007).effective_degrees_of_freedom == pytest.approx(36.0)
    assert quantity(u_stat=0.0).effective_degrees_of_freedom is None
    assert "ν = 36" in str(quantity(u_sys=0.007000001))


def window(**changes):
    facts = {
        "name": "<work>", "started_ns": 0, "ended_ns": 420_000_000, "energy_j": quantity(),
        "u_edges_j": 0.001, "mean_power_w": 2.938, "peak_power_w": 3.1, "minimum_voltage_v": 4.9,
        "mean_voltage_v": 5.0, "samples": 47, "gaps": 0, "lost_s": 0.0, "flags": frozenset(),
    }  # fmt: skip
    return js.MeteredEnergy(**(facts | changes))


def test_a_window_tells_energy_time_power_and_what_to_know():
    assert str(window()) == "1.234 ± 0.016 J (95 %, ν = 9), 420 ms, 2.94 W, 47 readings"
    flagged = window(flags=frozenset({js.WindowFlag.SIMULATED, js.WindowFlag.GAPS}))
    assert str(flagged) == f"SIMULATED · {window()}, gaps"
    assert "&lt;work&gt;" in flagged._repr_html_()
    assert "gaps, simulated" in flagged._repr_html_()


def test_a_decision_tells_its_choice_first_and_what_must_be_known_last(decision):
    first, runner_up, battery, *notes = str(decision).splitlines()
    assert first == "l = 0 of 20, the input sent as uint8: 602.2 mJ per inference (gross)"
    assert runner_up == "runner-up l = 5: 1.33 J more"
    assert battery == "36.0 kJ pay for at most 59,785 inferences"
    assert len(notes) == len(decision.notes)
    assert repr(decision).startswith("<Decision: l = 0 of 20 ('input'), 0.602")
    assert str(replace(decision, simulated=True)).startswith("SIMULATED · l = 0")


def test_a_decision_states_its_uncertainty_where_it_has_one(decision):
    best = replace(decision.best, ci95_j=(1.9, 2.0), energy_j=1.95, probability_best=0.87)
    runner_up = replace(decision.runner_up, excess_u_j=0.0123)
    sure = str(replace(decision, best=best, runner_up=runner_up)).splitlines()
    assert sure[0].endswith("1.95 ± 0.05 J per inference (gross, 95 %), P(best) 0.870")
    assert sure[1].endswith("1.33 J more, standard uncertainty 12 mJ")


def test_a_notebook_shows_every_candidate_with_the_choice_marked(decision):
    page = decision._repr_html_()
    assert page.count("<tr>") == len(decision.candidates) + 1
    assert page.count("▶") == 1
    assert "<th>▶ 0</th><td>input</td>" in page


def test_a_network_tells_its_size(network):
    assert str(network) == (
        "mobilenet_v2_1.0_224_float32.tflite: 65 operators, 608,511,760 FLOP, "
        "input 4,816,896 bit, 3,487,816 parameters"
    )
    assert len(repr(network)) < 100
    first, *rest = network.operators
    unknown = replace(network, operators=(replace(first, kind="WHO", flop=None), *rest))
    assert str(unknown).endswith("without a FLOP rule: 1 × WHO")


def test_a_profile_tells_its_verdict_and_its_figures():
    profile = js.load_profile(PAPER)
    title, verdict, *figures = str(profile).splitlines()
    assert title == f"Device profile of Raspberry Pi (first generation), {profile.created}"
    assert verdict.split() == ["verdict", "suspect:", "provenance-confirmed"]
    assert [" ".join(line.split()) for line in figures] == [
        "E_d gross 122 MFLOP/J (no interval)",
        "E_c at 2.00 Mbit/s gross 2.00 Mbit/J (no interval)",
    ]
    simulated = msgspec.structs.replace(profile, simulated=True)
    assert str(simulated).startswith("SIMULATED · ")
    assert "SIMULATED" in simulated._repr_html_()
    assert "literature, suspect" in repr(profile)
