from __future__ import annotations

import json
import shlex
from pathlib import Path

import msgspec
import numpy as np
import pytest

import joulesplit as js
from joulesplit._deciding import blocks_for
from joulesplit.calibrate.instrument import CONVERT
from joulesplit.calibrate.profile import ModelIdentity
from joulesplit.cli._resources import bundled
from joulesplit.optimizer.errors import ProfileUnusableError
from joulesplit.partition.cutting import blocks_at, residual_blocks
from joulesplit.partition.reading import read_network

SMALL = Path(__file__).parents[2] / "partition" / "models"


@pytest.fixture
def paper_profile():
    return bundled("profiles/paper.json")


def test_json_holds_choice_candidates_paper_and_ratio(joulesplit, model, saved, simulated):
    as_is = ("--input-encoding", "float32", "--json")
    document = joulesplit("optimize", model, "--profile", saved(simulated), *as_is).json
    best = document["best"]
    allowed = [c for c in document["candidates"] if not c["violates"]]
    assert best == min(allowed, key=lambda candidate: candidate["energy_j"])
    assert best["where"] == "split"
    assert [c["block"] for c in document["candidates"]] == list(range(21))
    assert document["paper"]["best_block"] in range(1, 21)
    assert document["ratio_flop_per_bit"] == pytest.approx(
        document["e_d_flop_per_j"] / document["e_c_bit_per_j"]
    )
    assert (document["account"], document["source"]) == ("net", "simulated")
    assert document["simulated"] is True
    assert document["probability_best"] == best["probability_best"]


def test_the_papers_constants_lead_to_the_papers_block(joulesplit, model, paper_profile):
    as_is = ("--input-encoding", "float32", "--json")
    document = joulesplit("optimize", model, "--profile", paper_profile, *as_is).json
    assert document["best"]["block"] == document["paper"]["best_block"] == 5
    assert document["candidates"][0]["upload_bits"] == 32 * 224 * 224 * 3
    assert document["account"] == "gross"
    assert document["simulated"] is False
    assert "10.1109/LCN.2014.6925777" in document["profile"]["reference"]


@pytest.mark.parametrize(
    ("option", "bits"),
    [((), 96), (("--input-encoding", "uint8"), 96), (("--input-bits", 1_204_224), 0)],
)
def test_pixels_of_8_bit_make_the_server_win(joulesplit, model, paper_profile, option, bits):
    document = joulesplit("optimize", model, "--profile", paper_profile, *option, "--json").json
    assert document["best"]["where"] == "server"
    assert document["best"]["upload_bits"] == 1_204_224 + bits


def test_the_headline_names_the_form_and_says_what_it_rests_on(joulesplit, model, paper_profile):
    text = " ".join(joulesplit("optimize", model, "--profile", paper_profile, "--full").out.split())
    assert "Upload the input as uint8, run everything on the server" in text
    assert "would cost only" not in text
    rests = "only if every input is bytes, scaled as usual: else l = 5 at 1.93 J (l = 0 as it is at"
    assert rests in text.replace("│ ", "")
    assert "as it is 2.408 J, as uint8 602.2 mJ; it counts as uint8" in text
    assert "needs inputs whose numbers are the bytes of a picture" in text


def test_an_input_of_a_size_alone_is_not_written_as_if_it_could_be_sent(
    joulesplit, model, paper_profile, tmp_path
):
    options = ("--profile", paper_profile, "--input-bits", 1_204_224, "-o", tmp_path / "split")
    outcome = joulesplit("optimize", model, *options)
    assert (outcome.code, "--input-encoding" in outcome.err) == (2, True)
    assert not (tmp_path / "split").exists()


def test_a_size_alone_is_followed_by_the_same_question_in_a_form_that_can_be_sent(
    joulesplit, model, saved, measured, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "1000")
    asked = ("optimize", model, "--profile", saved(measured), "--input-bits", 1000)
    (line,) = [row for row in joulesplit(*asked).out.splitlines() if row.split()[:1] == ["next"]]
    last = line.strip().removeprefix("next").strip()
    assert last.startswith("joulesplit optimize ")
    assert "--input-bits" not in last
    assert joulesplit(*shlex.split(last)[1:]).code == 0


def test_an_input_of_texts_is_refused_by_naming_how_its_size_is_stated(joulesplit, paper_profile):
    texts = ("optimize", SMALL / "words_to_label.tflite", "--profile", paper_profile)
    outcome = joulesplit(*texts)
    assert outcome.code == 2
    assert "--input-bits" in outcome.err
    assert "calibrate" not in outcome.err
    decided = joulesplit(*texts, "--input-bits", 800, "--json")
    assert decided.json["candidates"][0]["upload_bits"] == 800


def test_integers_go_up_as_they_are_whatever_encoding_and_nothing_else_is_offered(
    joulesplit, paper_profile
):
    words = ("optimize", SMALL / "text_embedding.tflite", "--profile", paper_profile, "--full")
    for options, name in (
        ((), None), (("--encoding", "int8"), None), (("--encoding", "int8+zlib"), "as-is+zlib"),
    ):  # fmt: skip
        text = " ".join(joulesplit(*words, *options).out.split())
        assert ("8-bit values" in text, "as int8" in text.split("Notes")[0]) == (False, False)
        assert ("Only integers go up at l = 0" in text) == bool(options)
        assert joulesplit(*words[:-1], *options, "--json").json["candidates"][0]["sent_as"] == name


def test_limits_are_kept(joulesplit, model, paper_profile):
    limits = ("--min-block", 7, "--max-block", 9)
    document = joulesplit("optimize", model, "--profile", paper_profile, *limits, "--json").json
    assert document["best"]["block"] == 8


def test_account_and_compute_model_are_as_asked(joulesplit, model, saved, measured):
    document = joulesplit(
        "optimize", model, "--profile", saved(measured), "--account", "gross",
        "--compute-model", "constant", "--json",
    ).json  # fmt: skip
    assert (document["account"], document["compute_model"]) == ("gross", "constant")


def test_a_battery_pays_for_the_idle_power_between_inferences_too(
    joulesplit, model, saved, measured
):
    options = ("optimize", model, "--profile", saved(measured), "--battery-j", 36_000)
    document = joulesplit(*options, "--period-s", 10, "--json").json
    battery, best = document["battery"], document["best"]
    parts = ("compute", "upload", "upload_fixed", "answer", "start")
    period_j = sum(best[f"{part}_j"] for part in parts) + 10 * measured.idle.power_w.value
    assert battery["period_energy_j"] == pytest.approx(period_j)
    assert battery["inferences"]["count"] == pytest.approx(36_000 / period_j)
    assert (battery["period_s"], battery["back_to_back"], battery["left_out"]) == (10, False, [])
    text = joulesplit(*options, "--period-s", 10).out
    assert "one every 10 s" in text
    assert "it hardly matters" in text
    assert len(battery["by_split"]) == len(document["candidates"])
    assert "idle power included" in text


def test_back_to_back_without_the_servers_wait_is_at_most_so_many(
    joulesplit, model, saved, measured
):
    options = ("optimize", model, "--profile", saved(measured), "--battery-j", 36_000)
    outcome = joulesplit(*options, "--json")
    battery = outcome.json["battery"]
    assert battery["back_to_back"] is True
    assert battery["period_s"] == outcome.json["best"]["latency_s"]
    assert battery["left_out"] == ["the wait for the server (not known: state --server-wait-s)"]
    assert "at most" in joulesplit(*options).out
    known = joulesplit(*options, "--server-wait-s", 0.5, "--json").json["battery"]
    assert known["left_out"] == []
    assert known["period_s"] == pytest.approx(battery["period_s"] + 0.5)


@pytest.mark.parametrize(
    "case", [("--period-s", 10, "--back-to-back", 2), ("--battery-j", 1, "--period-s", 1e-4, 7)]
)
def test_a_period_is_one_rhythm_and_has_room_for_an_inference(
    joulesplit, model, saved, measured, case
):
    *options, code = case
    outcome = joulesplit("optimize", model, "--profile", saved(measured), *options, "--json")
    assert outcome.code == outcome.json["error"]["code"] == code


def test_the_report_is_marked_with_where_the_profile_comes_from(
    joulesplit, model, saved, simulated, paper_profile
):
    assert "SIMULATED" in joulesplit("optimize", model, "--profile", saved(simulated)).out
    assert "LITERATURE" in joulesplit("optimize", model, "--profile", paper_profile).out


def test_a_profile_with_other_cuts_of_this_network_is_followed(network, measured, make_profile):
    kept = measured.compute.blocks[4::5]
    compute = type(measured.compute)(
        **{
            name: kept if name == "blocks" else getattr(measured.compute, name)
            for name in measured.compute.__struct_fields__
        }
    )
    ends = [block.last_operator for block in kept]
    assert blocks_for(network, make_profile(compute=compute)) == blocks_at(network, ends)


def test_a_rejected_profile_is_refused_unless_allowed(
    joulesplit, model, saved, make_profile, measured
):
    quality = type(measured.quality)(verdict="rejected", checks=measured.quality.checks)
    path = saved(make_profile(quality=quality))
    assert joulesplit("optimize", model, "--profile", path).code == 7
    assert joulesplit("optimize", model, "--profile", path, "--allow-rejected").code == 0


def test_limits_that_nothing_keeps_are_a_decision_error(joulesplit, model, saved, measured):
    outcome = joulesplit(
        "optimize", model, "--profile", saved(measured), "--max-latency-s", 1e-9, "--json"
    )
    assert outcome.code == 7
    assert outcome.json["error"]["kind"] == "NoFeasibleSplitError"


def test_the_input_can_be_stated_in_one_way_only(joulesplit, model, paper_profile):
    options = ("--input-bits", 8, "--input-encoding", "uint8")
    assert joulesplit("optimize", model, "--profile", paper_profile, *options).code == 2


def test_a_missing_model_or_profile_is_a_file_error(joulesplit, model, paper_profile, tmp_path):
    assert joulesplit("optimize", tmp_path / "no", "--profile", paper_profile).code == 3
    assert joulesplit("optimize", model, "--profile", tmp_path / "no").code == 3


def test_what_crosses_can_be_sent_in_an_encoding(joulesplit, model, saved, measured):
    arguments = ("optimize", model, "--profile", saved(measured))
    as_is = joulesplit(*arguments, "--input-encoding", "float32", "--json").json
    half = joulesplit(*arguments, "--encoding", "float16", "--json").json
    sizes = [candidate["upload_bits"] for candidate in as_is["candidates"]]
    assert [2 * candidate["upload_bits"] for candidate in half["candidates"]] == sizes
    # This machine's time tells nothing of that device, whose profile has no such step.
    made_by = [(c["made_by"], c["encode_j"]) for c in half["candidates"]]
    assert made_by == [("not measured", 0.0)] * 20 + [(None, 0.0)]
    assert half["probability_best"] is None
    assert half["usage"]["encoding"]["name"] == "float16"
    assert half["best"]["energy_j"] < as_is["best"]["energy_j"]
    told = " ".join(joulesplit(*arguments, "--encoding", "float16", "--full").out.split())
    assert "sent as float16" in told
    assert "making these bytes is not measured: not in the price" in told
    assert "calibrate with --encodings float16" in told


def test_making_bytes_elsewhere_counts_what_it_takes_there_beside_the_step_the_other_way(
    network, measured, make_profile
):
    """Checked number by number it takes several times as long as making numbers of bytes."""
    connecting = measured.compute.phases[0].latency_s
    share = 4e-4 / connecting.value
    took_s = msgspec.structs.replace(
        connecting,
        value=4e-4,
        u_stat=share * connecting.u_stat,
        u_sys=share * connecting.u_sys,
        ci95=tuple(share * end for end in connecting.ci95),
    )
    step = msgspec.structs.replace(measured.compute.phases[0], name=CONVERT, latency_s=took_s)
    compute = msgspec.structs.replace(measured.compute, phases=(step,))
    decision = js.decide(network, make_profile(compute=compute))
    form = decision.usage.input_form
    assert (form.name, decision.candidates[0].made_by) == ("uint8", "assumed")
    assert 1.5 * took_s.value < form.encode_s < 100.0 * took_s.value
    assert any("bytes to numbers" in note for note in decision.notes)


def test_an_encoding_that_is_none_is_refused(joulesplit, model, paper_profile):
    outcome = joulesplit("optimize", model, "--profile", paper_profile, "--encoding", "jpeg")
    assert outcome.code == 2
    assert "int8-channel+zlib" in outcome.err


def test_the_users_own_input_is_what_an_encoding_is_measured_on(
    joulesplit, model, paper_profile, tmp_path
):
    """Zeros compress to nearly nothing, random numbers do not."""
    np.save(tmp_path / "zeros.npy", np.zeros((1, 224, 224, 3), np.float32))
    options = ("--profile", paper_profile, "--input", tmp_path / "zeros.npy")
    assert joulesplit("optimize", model, *options).code == 2
    found = joulesplit("optimize", model, *options, "--encoding", "as-is+zlib", "--json").json
    assert found["candidates"][0]["upload_bits"] < 0.02 * 32 * 224 * 224 * 3


def test_html_writes_the_report_with_pictures_of_the_splits_and_still_prints_it(
    joulesplit, model, saved, simulated, tmp_path
):
    page = tmp_path / "decision.html"
    asked = ("optimize", model, "--profile", saved(simulated))
    outcome = joulesplit(*asked, "--html", page)

    assert outcome.err == f"wrote {page}\n"
    # A long path is wrapped, wherever the line ends.
    assert f"wrote{page}" in "".join(outcome.out.split())
    assert joulesplit(*asked).out.splitlines()[:8] == outcome.out.splitlines()[:8]
    content = page.read_text()
    assert "Energy of each split" in content
    assert content.count("<img ") == 2


@pytest.mark.parametrize("block", [5, 0, 20])
def test_o_writes_head_and_tail_of_the_best_split(
    joulesplit, model, paper_profile, tmp_path, block
):
    parts = tmp_path / "split"
    limits = ("--min-block", block, "--max-block", block)
    asked = ("optimize", model, "--profile", paper_profile, *limits, "-o", parts)
    outcome = joulesplit(*asked, "--json")

    after = -1 if block == 0 else residual_blocks(read_network(model))[block - 1].last_operator
    manifest = json.loads((parts / "manifest.json").read_text())
    assert outcome.json["best"]["block"] == block
    assert outcome.json["after_operator"] == manifest["after_operator"] == after
    assert (parts / "head.tflite").exists() == (block > 0)
    assert (parts / "tail.tflite").exists() == (block < 20)
    assert f"Split after operator {after}" in joulesplit(*asked, "--full").out


def test_what_the_blocks_hide_of_all_cuts_is_stated(joulesplit, model, paper_profile):
    asked = ("optimize", model, "--profile", paper_profile)
    regret = joulesplit(*asked, "--json").json["regret"]
    assert [regret[kind]["share"] for kind in ("input_free", "input_kept")] == [0, 0]
    assert "Regret of the blocks 0" in joulesplit(*asked, "--full").out
    chosen = joulesplit(*asked, "--at", "block_12_project", "--json").json
    assert [candidate["block"] for candidate in chosen["candidates"]] == [0, 1, 2]
    assert chosen["regret"]["input_free"]["share"] > 0.1


def test_blocks_are_by_number_or_every_cut_if_asked(joulesplit, model, paper_profile):
    asked = ("optimize", model, "--profile", paper_profile, "--json", "--blocks")
    by_all = joulesplit(*asked, "every-cut").json
    assert len(joulesplit(*asked, 6).json["candidates"]) == 7
    assert len(by_all["candidates"]) == 66
    default = joulesplit("optimize", model, "--profile", paper_profile, "--json").json
    assert by_all["best"]["energy_j"] == pytest.approx(default["best"]["energy_j"])
    assert by_all["after_operator"] == default["after_operator"]


def test_unknown_work_is_not_priced_by_the_constant_e_d(joulesplit, paper_profile):
    """A backbone inside one custom operator is not free because nobody counts its FLOP."""
    network = SMALL / "custom_operator.tflite"
    outcome = joulesplit("optimize", network, "--profile", paper_profile, "--json")
    assert outcome.code == 7
    assert "operator 1, CUSTOM:MaxPoolWithArgmax" in outcome.json["error"]["message"]


def test_an_option_given_twice_is_refused_for_the_last_would_win_unseen(
    joulesplit, model, saved, measured, paper_profile
):
    twice = ("--profile", saved(measured), f"--profile={paper_profile}")
    outcome = joulesplit("optimize", model, *twice, "--json")
    assert outcome.code == 2
    assert "--profile is given twice" in outcome.json["error"]["message"]


def test_what_must_not_leave_stays(joulesplit, model, paper_profile):
    options = ("--input-encoding", "uint8", "--keep-local", "input", "--json")
    document = joulesplit("optimize", model, "--profile", paper_profile, *options).json
    assert document["candidates"][0]["violates"] == ["keep_local"]
    assert document["best"]["block"] == 5


def test_a_split_that_an_encoding_cannot_hold_is_marked_and_the_decision_goes_on(
    joulesplit, model, paper_profile, tmp_path
):
    np.save(tmp_path / "large.npy", np.full((1, 224, 224, 3), 7e4, np.float32))
    options = ("--profile", paper_profile, "--input", tmp_path / "large.npy")
    found = joulesplit("optimize", model, *options, "--encoding", "float16", "--json").json
    (note,) = (text for text in found["notes"] if "cannot hold" in text)
    assert note.startswith("Split l = 0 is priced as sent without float16")
    assert "65,504" in note
    assert found["candidates"][0]["upload_bits"] == 32 * 224 * 224 * 3
    assert found["best"]["block"] > 0


def test_a_file_that_says_it_is_valid_is_examined_before_it_decides_anything(
    joulesplit, model, saved, make_profile, measured
):
    block = measured.compute.blocks[4]
    wrong = msgspec.structs.replace(block.energy_j.net, value=0.1 * block.energy_j.net.value)
    energy = msgspec.structs.replace(block.energy_j, net=wrong)
    blocks = list(measured.compute.blocks)
    blocks[4] = msgspec.structs.replace(block, energy_j=energy)
    compute = msgspec.structs.replace(measured.compute, blocks=tuple(blocks))
    path = saved(make_profile(compute=compute))
    picture = path.with_name("input.npy")
    np.save(picture, np.zeros((1, 224, 224, 3), np.float32))

    assert joulesplit("profile", "check", path).code == 6
    for command in (
        ("optimize", model, "--profile", path),
        ("run", model, "--profile", path, "--input", picture),
        ("validate", model, "--profile", path, "--sensor", "simulated"),
    ):
        outcome = joulesplit(*command, "--json")
        assert (outcome.code, outcome.json["error"]["kind"]) == (7, "ProfileUnusableError")
        assert "compute.blocks[4].energy_j.net" in outcome.json["error"]["message"]
    for decide in (js.decide, js.split_policy):
        with pytest.raises(ProfileUnusableError, match="sound-intervals"):
            decide(model, path)
    assert "REJECTED" in joulesplit("report", path).out
    assert joulesplit("profile", "merge", path, saved(measured, "b.json"), "-o", "c.json").code == 3


OPEN_IMAGE, IMAGE = SMALL / "cnn_open_image.tflite", "serving_default_image:0"


@pytest.fixture
def at_shape(make_profile, measured, block_energies):
    """Return a maker of profiles of the small network at an input of n by n."""

    def make(size):
        network = read_network(OPEN_IMAGE, {IMAGE: (1, size, size, 3)})
        model = ModelIdentity(
            name=network.name, sha256=network.sha256, input_bits=network.input_bits,
            input_shapes=network.input_shapes,
        )  # fmt: skip
        energies = block_energies(residual_blocks(network))
        compute = measured.compute
        return make_profile(compute=msgspec.structs.replace(
            compute, model=model, blocks=energies, heads=()
        ))  # fmt: skip

    return make


def test_a_network_with_open_dimensions_is_decided_about_at_the_shape_it_was_measured_at(
    joulesplit, saved, at_shape
):
    profile = saved(at_shape(32))
    # Its energies were put together by hand, and so do not make its E_d.
    asked = ("optimize", OPEN_IMAGE, "--profile", profile, "--allow-rejected")
    unstated = joulesplit(*asked, "--json").json["error"]
    assert f"--input-shape {IMAGE}=1,N,N,3" in unstated["message"]
    same = joulesplit(*asked, "--input-shape", f"{IMAGE}=1,32,32,3", "--json").json
    assert same["compute_model"] == "blocks"
    other = joulesplit(*asked, "--input-shape", f"{IMAGE}=1,40,40,3", "--json").json
    assert other["compute_model"] == "constant"
    assert any(f"{IMAGE} = 1,32,32,3, not at" in note for note in other["notes"])
    text = joulesplit(*asked, "--input-shape", f"{IMAGE}=1,32,32,3").out
    assert f"--input-shape {IMAGE}=1,32,32,3" in " ".join(text.split())


def test_one_input_has_one_shape(joulesplit, saved, measured):
    twice = ("--input-shape", "x=1,2", "--input-shape", "x=2,2")
    outcome = joulesplit("optimize", OPEN_IMAGE, "--profile", saved(measured), *twice, "--json")
    assert outcome.code == 2
    assert "states x twice" in outcome.json["error"]["message"]
