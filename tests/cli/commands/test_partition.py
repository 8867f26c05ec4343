from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

MODELS = Path(__file__).parents[2] / "partition" / "models"


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
    outcome = joulesplit(
        "partition", model, "--after-operator", 12, "-o", directory, "--verify", "--json"
    )
    document = outcome.json
    for side in ("head", "tail"):
        written = (directory / f"{side}.tflite").read_bytes()
        assert document["split"][side]["sha256"] == hashlib.sha256(written).hexdigest()
    assert (directory / "manifest.json").is_file()
    assert document["split"]["crossing_bits"] == 802_816
    assert document["verification"]["max_abs_error"] < 1e-5


def test_a_folder_with_files_of_something_else_is_refused_in_one_line(joulesplit, model, tmp_path):
    (tmp_path / "tail.tflite").write_bytes(b"a week of training")
    split = ("partition", model, "--split", 5, "-o", tmp_path)

    refused = joulesplit(*split)

    assert refused.code == 3
    assert "tail.tflite is of no earlier split and would be lost" in " ".join(refused.err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["tail.tflite"]
    assert joulesplit(*split, "--force").code == 0
    assert joulesplit(*split).code == 0, "what is there now is an earlier split"


def test_the_report_says_what_was_written(joulesplit, model, tmp_path):
    text = joulesplit("partition", model, "--after-operator", -1, "-o", tmp_path).out
    assert "20 blocks" in text
    assert "Split after operator -1" in text
    assert "nothing to run on this side: no file" in text
    assert "tail.tflite" in text


def test_blocks_by_number_and_by_tensor(joulesplit, model):
    document = joulesplit("partition", model, "--blocks", 6, "--json").json
    assert len(document["blocks"]) == 6
    name = document["cuts"][13]["tensors"][0]
    chosen = joulesplit("partition", model, "--at", name, "--json").json
    assert [block["last_operator"] for block in chosen["blocks"]] == [12, 64]
    layers = ("--at", "block_3_project", "--at", "block_6_project")
    chosen = joulesplit("partition", model, *layers, "--json").json
    assert [block["last_operator"] for block in chosen["blocks"]] == [12, 23, 64]
    wrong = joulesplit("partition", model, "--at", "block_3_projct")
    assert wrong.code == 2
    assert "block_3_project" in wrong.err


@pytest.mark.parametrize("text", ["0", "-1", "some", "66"])
def test_impossible_numbers_of_blocks_are_refused(joulesplit, model, text):
    assert joulesplit("partition", model, "--blocks", text).code in (2, 3)


def test_the_cuts_that_can_win_are_the_papers_candidates(joulesplit, model):
    cuts = joulesplit("partition", model, "--json").json["cuts"]
    winners = [cut for cut in cuts if not cut["dominated"]]
    assert [cut["after_operator"] for cut in winners] == [-1, 5, 12, 23, 64]
    assert winners[0]["wins_from_flop_per_bit"] == 0
    assert winners[-1]["wins_to_flop_per_bit"] is None
    (at_61,) = [
        cut for cut in winners
        if cut["wins_from_flop_per_bit"] <= 61 < (cut["wins_to_flop_per_bit"] or 1e9)
    ]  # fmt: skip
    assert at_61["after_operator"] == 12


def test_the_best_cut_at_a_ratio_is_written_and_verified(joulesplit, model, tmp_path):
    outcome = joulesplit(
        "partition", model, "--ratio", 61, "-o", tmp_path / "best", "--verify", "--json"
    )
    document = outcome.json
    assert document["best"]["prefix"]["after_operator"] == 12
    assert document["best"]["closed"]["cut"]["operators"] == list(range(13))
    assert document["split"]["after_operator"] == 12
    assert document["verification"]["bit_equal"]
    assert (tmp_path / "best" / "tail.tflite").is_file()


def test_an_input_that_must_stay_is_never_what_crosses(joulesplit, model):
    free = joulesplit("partition", model, "--ratio", 1, "--json").json["best"]
    assert free["closed"]["cut"]["operators"] == []
    kept = joulesplit("partition", model, "--ratio", 1, "--keep-input", "--json").json["best"]
    assert kept["prefix"]["after_operator"] == 0
    assert kept["closed"]["cut"]["operators"] == [0]
    assert joulesplit("partition", model, "--keep-input").code == 2


def test_a_bundle_holds_all_blocks_and_the_worthwhile_splits(joulesplit, model, tmp_path):
    document = joulesplit(
        "partition", model, "--blocks", 4, "--bundle", tmp_path / "b", "--json"
    ).json
    written = {path.name for path in (tmp_path / "b").rglob("*.tflite")}
    assert {f"block_{index}.tflite" for index in range(1, 5)} <= written
    for split in document["bundle"]["splits"]:
        assert f"head_{split['after_operator']}.tflite" in written
    text = joulesplit("partition", model, "--blocks", 4, "--bundle", tmp_path / "c").out
    assert "4 files" in text


def test_encodings_are_measured_on_users_inputs(joulesplit, model, tmp_path):
    images = np.random.default_rng(1).uniform(-1, 1, (2, 1, 224, 224, 3)).astype(np.float32)
    np.save(tmp_path / "images.npy", images)
    given = ["--after-operator", 12, "--encodings", "--input", tmp_path / "images.npy"]
    effects = joulesplit("partition", model, *given, "--json").json["encodings"]
    found = {effect["encoding"]: effect for effect in effects}
    assert found["float16"]["bits"] == found["as-is"]["bits"] / 2 == 401_408
    assert {effect["inputs"] for effect in effects} == {2}
    text = joulesplit("partition", model, *given).out
    assert "int8-channel+zlib" in text


def test_users_inputs_are_verified_and_checked(joulesplit, model, tmp_path):
    np.save(tmp_path / "image.npy", np.zeros((1, 224, 224, 3), np.float32))
    np.save(tmp_path / "small.npy", np.zeros((1, 3), np.float32))
    (tmp_path / "text.npy").write_text("no array")
    given = ["partition", model, "--after-operator", 12, "--verify", "--input"]
    text = joulesplit(*given, tmp_path / "image.npy").out
    assert "bit-equal" in text
    assert "as given" in text
    for wrong in ("small.npy", "text.npy", "none.npy"):
        outcome = joulesplit(*given, tmp_path / wrong)
        assert outcome.code == 3, wrong
        assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    "options", [("--after-operator", "3"), ("-o", "somewhere"), ("--verify",)], ids=lambda o: o[0]
)
def test_options_that_need_each_other_are_asked_for(joulesplit, model, options):
    outcome = joulesplit("partition", model, *options)
    assert outcome.code == 2
    assert "--split" in outcome.err


def test_a_cut_is_l_or_its_block_as_in_every_other_command(joulesplit, model, tmp_path):
    ends = [
        block["last_operator"] for block in joulesplit("partition", model, "--json").json["blocks"]
    ]
    for split, after in (("5", ends[4]), ("block_3", ends[4]), ("0", -1), ("20", ends[-1])):
        written = joulesplit("partition", model, "--split", split, "-o", tmp_path, "--json")
        assert written.json["split"]["after_operator"] == after


def test_the_number_of_before_is_refused_with_what_to_type_and_writes_nothing(
    joulesplit, model, tmp_path
):
    outcome = joulesplit("partition", model, "--after", 5, "-o", tmp_path)
    assert outcome.code == 2
    assert "--split 5" in outcome.err
    assert "--after-operator 5" in outcome.err
    assert not list(tmp_path.iterdir())


def test_a_split_that_is_not_there_is_told_with_the_nearest_name(joulesplit, model, tmp_path):
    for command in (("partition", model, "-o", tmp_path), ("partition", model, "--verify")):
        outcome = joulesplit(*command, "--split", "blok_3")
        assert outcome.code == 2
        assert "did you mean block_3?" in outcome.err
    assert joulesplit("partition", model, "--verify", "--split", "21").code == 2


def test_the_table_of_cuts_is_numbered_as_the_table_of_blocks(joulesplit, model):
    text = joulesplit("partition", model).out
    assert "l = 5, block_3" in text.partition("Cuts that can win")[2]


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


def test_a_cut_that_is_not_there_is_a_usage_error(joulesplit, model, tmp_path):
    assert joulesplit("partition", model, "--after-operator", 65, "-o", tmp_path).code == 2


@pytest.mark.parametrize(("name", "magic"), [("fig1.svg", b"<?xml"), ("fig1.png", b"\x89PNG")])
def test_figure_one_is_written_as_a_plot(joulesplit, model, tmp_path, name, magic):
    pytest.importorskip("matplotlib", reason="the extra [plot] is not installed")

    assert joulesplit("partition", model, "--plot", tmp_path / name).code == 0

    assert (tmp_path / name).read_bytes().startswith(magic)


def test_a_plot_of_no_known_format_is_refused(joulesplit, model, tmp_path):
    outcome = joulesplit("partition", model, "--plot", tmp_path / "fig1.txt")

    assert outcome.code == 2
    assert ".svg" in outcome.err


NETWORKS = Path(__file__).parents[2] / "partition" / "models"


def test_work_that_is_not_known_is_marked_and_told_in_every_form(joulesplit):
    """An IF operator's branches do 8 and 264 FLOP."""
    network = NETWORKS / "branches.tflite"
    text = " ".join(joulesplit("partition", network).out.split())
    assert "1 × IF" in text
    assert "≥ 49.0 FLOP" in text
    assert "8 to 264 FLOP" in text
    document = joulesplit("partition", network, "--json").json
    assert document["unknown_operators"] == [{"kind": "IF", "count": 1}]
    (remark,) = document["remarks"]
    assert (remark["operator"], remark["flop"]) == (3, None)
    assert remark["remark"].endswith("8 to 264 FLOP")


def test_a_plot_hatches_what_is_only_a_lower_bound(joulesplit, tmp_path):
    pytest.importorskip("matplotlib", reason="the extra [plot] is not installed")
    pictures = []
    for name in ("branches", "running_mean"):
        path = tmp_path / f"{name}.svg"
        assert joulesplit("partition", NETWORKS / f"{name}.tflite", "--plot", path).code == 0
        pictures.append(path.read_text())
    assert ["<pattern" in picture for picture in pictures] == [True, False]


def test_cuts_that_are_not_possible_say_why_and_are_refused(joulesplit, tmp_path):
    network = NETWORKS / "words_to_label.tflite"
    text = " ".join(joulesplit("partition", network).out.split())
    assert "6 string, no fixed size" in text
    assert "4 cuts are not possible; the first, after operator -1: tensor" in text
    cuts = joulesplit("partition", network, "--json").json["cuts"]
    assert [cut["obstacle"] is None for cut in cuts] == [False] * 4 + [True] * 8
    assert not any(cut["dominated"] for cut in cuts[:4])
    outcome = joulesplit("partition", network, "--after-operator", 1, "-o", tmp_path)
    assert outcome.code == 2
    assert "holds texts" in outcome.err
    written = joulesplit(
        "partition", network, "--after-operator", 3, "-o", tmp_path, "--verify", "--json"
    )
    assert written.json["verification"]["bit_equal"]


def test_texts_of_the_users_own_are_run(joulesplit, tmp_path):
    words = np.array([b"red", b"green", b"blue", b"black", b"white", b"other"])
    np.save(tmp_path / "words.npy", words)
    given = [
        "partition",
        NETWORKS / "words_to_label.tflite",
        "--after-operator",
        5,
        "--verify",
        "--input",
    ]
    assert "bit-equal" in joulesplit(*given, tmp_path / "words.npy").out
    np.save(tmp_path / "numbers.npy", np.zeros(6, np.float32))
    outcome = joulesplit(*given, tmp_path / "numbers.npy")
    assert outcome.code == 3
    assert "takes bytes" in outcome.err


def test_a_signature_is_chosen_by_name(joulesplit, tmp_path):
    network = NETWORKS / "two_signatures.tflite"
    first = joulesplit("partition", network, "--json").json
    assert first["model"]["signature"] == "decode"
    other = joulesplit(
        "partition",
        network,
        "--signature",
        "encode",
        "--after-operator",
        0,
        "-o",
        tmp_path,
        "--verify",
        "--json",
    ).json
    assert other["model"]["signature"] == "encode"
    assert len(other["cuts"]) == 2
    assert other["verification"]["bit_equal"]
    # Written so, the signature's network is a file of its own for all other commands.
    alone = joulesplit("partition", tmp_path / "head.tflite", "--json").json
    assert alone["totals"] == other["totals"]
    assert alone["notes"] == []
    outcome = joulesplit("partition", network, "--signature", "recode")
    assert outcome.code == 2
    assert "'decode', 'encode'" in outcome.err


def test_the_default_blocks_regret_is_stated_and_none(joulesplit, model):
    regret = joulesplit("partition", model, "--json").json["regret"]
    assert [regret[kind]["share"] for kind in ("input_free", "input_kept")] == [0, 0]
    assert "Regret of the blocks 0: at every E_d/E_c" in joulesplit("partition", model).out


def test_chosen_blocks_say_what_they_hide(joulesplit, model):
    arguments = ("partition", model, "--at", "block_3_project")
    regret = joulesplit(*arguments, "--json").json["regret"]["input_free"]
    cuts = joulesplit(*arguments, "--json").json["cuts"]
    assert 0.01 < regret["share"] < 1
    assert regret["best"]["after_operator"] in {
        cut["after_operator"] for cut in cuts if not cut["dominated"]
    }
    text = " ".join(joulesplit(*arguments).out.split())
    assert f"after operator {regret['best']['after_operator']}" in text
    assert "These blocks hide better cuts" in text


def test_unknown_work_is_no_free_work(joulesplit):
    """A head with it is never told to be the best at one E_d/E_c, and the ranges say so."""
    network = MODELS / "custom_operator.tflite"
    outcome = joulesplit("partition", network, "--ratio", 1)
    assert outcome.code == 3
    assert "operator 1, CUSTOM:MaxPoolWithArgmax, is unknown" in outcome.err
    best = joulesplit("partition", network, "--ratio", 0.01, "--json").json["best"]
    assert best["prefix"]["after_operator"] == -1
    text = " ".join(joulesplit("partition", network).out.split())
    assert "≥ 160 FLOP" in text
    assert "each range is the widest there can be" in text
