from __future__ import annotations

import hashlib

import pytest


def test_json_holds_the_whole_network(joulesplit, model):
    document = joulesplit("partition", model, "--json").json
    assert document["model"]["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    (image,) = document["model"]["inputs"]
    assert (image["shape"], image["dtype"]) == ([1, 224, 224, 3], "float32")
    assert image["bits"] == 4_816_896
    assert document["totals"]["mac_flop"] == 601_548_544
    assert document["unknown_operators"] == []
    blocks = document["blocks"]
    assert [block["index"] for block in blocks] == list(range(1, 21))
    assert sum(block["flop"] for block in blocks) == document["totals"]["flop"]
    assert set(blocks[0]) >= {
        "name", "first_operator", "last_operator", "mac_flop", "output_bits", "tensors",
    }  # fmt: skip
    cuts = {cut["after_operator"]: cut for cut in document["cuts"]}
    assert sorted(cuts) == list(range(-1, 65))
    assert all(cuts[b["last_operator"]]["bits"] == b["output_bits"] for b in blocks)


def test_every_cut_makes_a_block_of_every_operator(joulesplit, model):
    document = joulesplit("partition", model, "--blocks", "every-cut", "--json").json
    assert [block["last_operator"] for block in document["blocks"]] == list(range(65))


def test_a_split_is_written_verified_and_told(joulesplit, model, tmp_path):
    directory = tmp_path / "split"
    outcome = joulesplit("partition", model, "--after", 12, "-o", directory, "--verify", "--json")
    document = outcome.json
    for side in ("head", "tail"):
        written = (directory / f"{side}.tflite").read_bytes()
        assert document["split"][side]["sha256"] == hashlib.sha256(written).hexdigest()
    assert (directory / "manifest.json").is_file()
    assert document["split"]["crossing_bits"] == 802_816
    assert document["verification"]["max_abs_error"] < 1e-5


def test_the_report_says_what_was_written(joulesplit, model, tmp_path):
    text = joulesplit("partition", model, "--after", -1, "-o", tmp_path).out
    assert "20 blocks" in text
    assert "Split after operator -1" in text
    assert "nothing to run on this side: no file" in text
    assert "tail.tflite" in text


@pytest.mark.parametrize(
    "options", [("--after", "3"), ("-o", "somewhere"), ("--verify",)], ids=lambda o: o[0]
)
def test_options_that_need_each_other_are_asked_for(joulesplit, model, options):
    outcome = joulesplit("partition", model, *options)
    assert outcome.code == 2
    assert "--after" in outcome.err


def test_a_missing_model_is_a_file_error_in_one_line(joulesplit, tmp_path):
    outcome = joulesplit("partition", tmp_path / "none.tflite")
    assert outcome.code == 3
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1


def test_a_file_that_is_no_model_is_a_file_error_also_as_json(joulesplit, tmp_path):
    text = tmp_path / "text.tflite"
    text.write_text("this is no model, whatever its name says")
    outcome = joulesplit("partition", text, "--json")
    assert outcome.code == 3
    assert outcome.json["error"]["code"] == 3


def test_a_cut_that_is_not_there_is_a_file_error(joulesplit, model, tmp_path):
    assert joulesplit("partition", model, "--after", 65, "-o", tmp_path).code == 3
