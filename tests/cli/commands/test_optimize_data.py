"""``optimize --data``: how often an answer stays on inputs of the user's own."""

from __future__ import annotations

import numpy as np
import pytest

from joulesplit._deciding import blocks_for
from joulesplit.metrology import proportion_interval
from joulesplit.partition import SENDABLE, random_inputs, tensor_specs
from joulesplit.partition.checking import answer_counts
from joulesplit.partition.reading import load_model

LABELS = (7, 7, 0)


@pytest.fixture
def inputs(network):
    specs = tensor_specs(network, network.inputs)
    return np.stack([random_inputs(specs, seed)[0] for seed in range(len(LABELS))])


@pytest.fixture
def data(tmp_path, inputs):
    """A .npz file with labels; the input stands under a name of the user's own."""
    path = tmp_path / "data.npz"
    np.savez(path, pictures=inputs, labels=np.array(LABELS))
    return path


@pytest.fixture
def asked(joulesplit, model, saved, measured):
    path = saved(measured)

    def ask(*options):
        return joulesplit("optimize", model, "--profile", path, *options)

    return ask


def test_every_split_that_changes_numbers_says_how_often_the_answer_stays(
    asked, data, inputs, model, measured
):
    document = asked("--encoding", "int8", "--data", data, "--json").json
    found = [candidate["agreement"] for candidate in document["candidates"]]
    assert found[-1] is None
    loaded = load_model(model)
    blocks = blocks_for(loaded.network, measured)
    place = (3, SENDABLE["int8"])
    counts = answer_counts(loaded, blocks, {place}, [[one] for one in inputs], labels=LABELS)[place]
    assert found[3]["inputs"] == len(LABELS)
    assert found[3]["same"] == counts.same / len(LABELS)
    assert found[3]["same_ci95"] == list(proportion_interval(counts.same, len(LABELS)))
    assert found[3]["right_without"] == counts.right / len(LABELS)
    assert None not in found[:-1]


def test_where_a_limit_on_the_answer_is_not_known_to_be_kept_it_goes_up_as_it_is(
    asked, tmp_path, network
):
    specs = tensor_specs(network, network.inputs)
    path = tmp_path / "twelve.npy"
    np.save(path, np.stack([random_inputs(specs, seed)[0] for seed in range(12)]))
    options = ("--encoding", "int8", "--data", path, "--json")
    free = asked(*options).json["candidates"][:-1]
    least = {c["block"]: c["agreement"]["same_ci95"][0] for c in free}
    limit = max(least.values())
    limited = asked(*options, "--min-agreement", limit).json["candidates"][:-1]
    short = [block for block, low in least.items() if low < limit]
    assert [c["block"] for c in limited if c["sent_as"] is None] == short
    assert short
    assert all(limited[block]["upload_bits"] > free[block]["upload_bits"] for block in short)


def test_inputs_too_few_to_show_a_limit_are_refused_before_any_is_run(asked, data):
    """Three of three show 29 %; nine tenths take 36."""
    outcome = asked("--encoding", "int8", "--data", data, "--min-agreement", 0.9)
    assert outcome.code == 2
    assert "shows 0.292 at best: give 36 or more" in outcome.err
    assert "running" not in outcome.err
    never = asked("--encoding", "int8", "--data", data, "--min-agreement", 1)
    assert "no number of inputs shows it" in never.err


def test_the_report_tells_it_and_what_nothing_was_run_of(asked, data):
    told = " ".join(asked("--encoding", "float16", "--data", data, "--full").out.split())
    assert "the answer stays in 3 of 3 inputs (95 %: 29.2 % to 100 %)" in told
    assert "answer stays" in told.split("Candidates")[1]
    untold = " ".join(asked("--encoding", "float16").out.split())
    assert "how often the answer stays with float16 is not counted: --data" in untold
    assert "answer stays" not in asked().out


def test_files_in_folders_named_by_their_labels_are_read_as_these(asked, tmp_path, inputs, data):
    folder = tmp_path / "own"
    for at, label in enumerate(LABELS):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        np.save(folder / str(label) / f"{at}.npy", inputs[at])
    options = ("--input-encoding", "int8", "--json")
    by_folder = asked("--data", folder, *options).json["candidates"][0]["agreement"]
    by_file = asked("--data", data, *options).json["candidates"][0]["agreement"]
    assert by_folder == by_file
    assert by_file["right"] is not None
    unlabelled = tmp_path / "plain"
    unlabelled.mkdir()
    np.save(unlabelled / "one.npy", inputs[0])
    alone = asked("--data", unlabelled, *options).json["candidates"][0]["agreement"]
    assert (alone["inputs"], alone["right"]) == (1, None)


def wrong_labels(tmp_path, inputs):
    np.savez(tmp_path / "wrong.npz", x=inputs, labels=np.array([0.5, 1, 2]))
    return tmp_path / "wrong.npz"


def named_folders(tmp_path, inputs):
    (tmp_path / "own" / "cat").mkdir(parents=True)
    np.save(tmp_path / "own" / "cat" / "one.npy", inputs[0])
    return tmp_path / "own"


def several_in_a_file(tmp_path, inputs):
    (tmp_path / "own").mkdir()
    np.save(tmp_path / "own" / "two.npy", inputs[:2])
    return tmp_path / "own"


def nothing(tmp_path, inputs):
    del inputs
    np.savez(tmp_path / "none.npz", x=np.zeros((0, 1, 224, 224, 3), np.float32))
    return tmp_path / "none.npz"


def another_kind(tmp_path, inputs):
    del inputs
    (tmp_path / "own.txt").write_text("7", encoding="utf-8")
    return tmp_path / "own.txt"


def broken(tmp_path, inputs):
    del inputs
    (tmp_path / "own.npz").write_bytes(b"PK\x03\x04 and no more")
    return tmp_path / "own.npz"


def missing(tmp_path, inputs):
    del inputs
    return tmp_path / "gone.npz"


def labels_alone(tmp_path, inputs):
    del inputs
    np.savez(tmp_path / "own.npz", labels=np.zeros(3, int))
    return tmp_path / "own.npz"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (broken, "own.npz: is no .npz file of numbers"),
        (missing, "gone.npz: cannot be read (No such file"),
        (labels_alone, "own.npz: inputs [] given"),
        (wrong_labels, "one integer for each of 3 inputs"),
        (named_folders, "its folder cat is no label"),
        (several_in_a_file, "holds 2 inputs"),
        (nothing, "none.npz: there are no inputs in it"),
        (another_kind, "give a .npz or .npy file, or a folder"),
    ],
)
def test_data_that_cannot_be_run_is_refused_with_one_line(asked, tmp_path, inputs, make, why):
    outcome = asked("--encoding", "int8", "--data", make(tmp_path, inputs))
    assert outcome.code in (2, 3)
    assert why in outcome.err.splitlines()[-1]


def test_an_input_file_without_a_sample_is_refused_like_data(asked, tmp_path):
    np.save(tmp_path / "none.npy", np.zeros((0, 1, 224, 224, 3), np.float32))
    outcome = asked("--encoding", "int8", "--input", tmp_path / "none.npy")
    assert "there are no inputs in it" in outcome.err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--min-agreement", 0.9), "give --data PATH"),
        (("--data", "x.npz"), "add --encoding NAME"),
        (("--data", "x.npz", "--input", "y.npy", "--encoding", "int8"), "give one"),
    ],
)
def test_an_option_without_the_one_that_it_needs_is_a_usage_error(asked, options, why):
    outcome = asked(*options)
    assert (outcome.code, why in outcome.err) == (2, True)
