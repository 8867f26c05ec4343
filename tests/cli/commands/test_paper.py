from __future__ import annotations

from itertools import accumulate

import pytest

KEYS = [
    "network", "e_d_flop_per_j", "e_c_bit_per_j", "blocks", "best_block", "best_energy_j",
    "all_device_j", "all_server_j", "gain_over_device", "gain_over_server",
    "offload_input_float32_j", "offload_input_uint8_j",
    "battery_j", "inferences_on_device", "inferences_best", "inferences_e1", "counts",
]  # fmt: skip


@pytest.fixture
def document(joulesplit):
    return joulesplit("paper", "--json").json


def test_json_has_exactly_the_documented_keys(document):
    assert list(document) == KEYS
    assert {tuple(block) for block in document["blocks"]} == {
        ("index", "name", "flop", "output_bits", "energy_j")
    }
    assert len(document["blocks"]) == 20


def test_every_energy_follows_equation_1_from_the_network_as_it_is(document, blocks):
    assert (document["e_d_flop_per_j"], document["e_c_bit_per_j"]) == (1.22e8, 2e6)
    work = accumulate(block.flop for block in blocks)
    for given, block, done in zip(document["blocks"], blocks, work, strict=True):
        assert given["energy_j"] == pytest.approx(done / 1.22e8 + block.output_bits / 2e6)


def test_work_can_be_counted_as_the_papers_profiler_does(joulesplit, document, blocks):
    counts = ("--counts", "tensorflow-profiler")
    found = joulesplit("paper", *counts, "--json").json
    assert [block["flop"] for block in found["blocks"]] == [block.mac_flop for block in blocks]
    assert found["counts"] == "tensorflow-profiler"
    assert sum(block["flop"] for block in found["blocks"]) == 601_548_544
    assert found["best_block"] == document["best_block"] == 5
    assert found["all_device_j"] == pytest.approx(601_548_544 / 1.22e8)
    assert found["all_device_j"] < document["all_device_j"]
    assert "602 MFLOP by tensorflow-profiler" in joulesplit("paper", *counts).out


def test_the_claims_hold_and_the_input_costs_what_its_bits_cost(document):
    energies = [block["energy_j"] for block in document["blocks"]]
    assert document["best_block"] == 5 == energies.index(min(energies)) + 1
    assert document["best_energy_j"] == min(energies)
    assert 2.5 < document["gain_over_device"] < 2.7
    assert document["all_server_j"] == energies[0]
    assert 3 < document["gain_over_server"] < 3.6
    assert document["offload_input_float32_j"] == pytest.approx(4_816_896 / 2e6)
    assert document["offload_input_uint8_j"] == pytest.approx(1_204_224 / 2e6)


def test_a_battery_gives_the_inferences_of_the_papers_closing_sentence(joulesplit, blocks):
    found = joulesplit("paper", "--battery-j", "1000", "--json").json
    work = sum(block.flop for block in blocks)
    assert found["inferences_on_device"] == pytest.approx(1000 * 1.22e8 / work)
    assert found["inferences_best"] == pytest.approx(1000 / found["best_energy_j"])
    assert found["inferences_best"] / found["inferences_on_device"] == pytest.approx(
        found["gain_over_device"]
    )
    assert found["inferences_best"] / found["inferences_e1"] > 3
    assert joulesplit("paper", "--battery-j", "0").code == 2


def test_the_report_shows_figures_claims_and_what_is_left_out(joulesplit):
    text = joulesplit("paper").out
    for part in ("Fig. 1", "Fig. 2", "Claims", "optimum l* = 5", "l = 0", "8-bit pixels"):
        assert part in text
    assert "LITERATURE" in text
