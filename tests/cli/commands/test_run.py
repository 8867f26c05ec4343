"""`joulesplit run`: a real server, real inputs, and no server at all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import requests

from joulesplit.partition import Runner


@pytest.fixture(scope="module")
def array_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("inputs") / "noise.npy"
    array = np.random.default_rng(2).uniform(-1, 1, (1, 224, 224, 3)).astype(np.float32)
    np.save(path, array)
    return path, array


@pytest.fixture(scope="module")
def server(model):
    command = [sys.executable, "-m", "joulesplit", "serve", str(model), "--port", "0"]
    with subprocess.Popen(
        [*command, "--exit-with-stdin", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


@pytest.fixture
def profile(saved, simulated):
    return saved(simulated)


@pytest.fixture
def decided(joulesplit, model, profile, tmp_path):
    """Decide on the same, and return the choice and the manifest that it writes."""

    def decide(*options):
        where = tmp_path / "split"
        asked = ("optimize", model, "--profile", profile, *options, "-o", where, "--json")
        best = joulesplit(*asked).json["best"]
        return best, json.loads((where / "manifest.json").read_text())

    return decide


@pytest.fixture
def run(joulesplit, model, profile):
    """Run the bundled network by a simulated profile."""
    return partial(joulesplit, "run", model, "--profile", profile)


def received_bytes(server):
    """Return the bodies that a server has received for tails, byte."""
    lines = requests.get(f"{server}/metrics", timeout=10).text.splitlines()
    told = [line for line in lines if line.startswith("joulesplit_received_bytes_total")]
    return sum(float(line.rpartition(" ")[2]) for line in told if "tail" in line)


@pytest.mark.parametrize(
    "case", [(("--encoding", "int8"), "int8"), ((), "uint8")], ids=["int8", "default"]
)
def test_bits_are_the_same_in_the_decision_in_the_manifest_and_on_the_wire(
    decided, run, server, tmp_path, case
):
    options, name = case
    pixels = np.random.default_rng(3).integers(0, 256, (1, 224, 224, 3))
    np.save(tmp_path / "picture.npy", ((pixels - 127.5) / 127.5).astype(np.float32))
    (best, manifest), before = decided(*options), received_bytes(server)
    outcome = run("--edge", server, "--input", tmp_path / "picture.npy", *options, "--json")
    assert outcome.code == 0, outcome.err
    record = outcome.json["inferences"][0]["record"]
    assert (record["split"], record["fallback"]) == (best["block"], None)
    assert manifest["encoding"] == best["sent_as"] == name
    [crossing] = manifest["crossing"]
    assert crossing["encoding"] == best["sent_as"]
    assert crossing["sent_bits"] == manifest["sent_bits"] == best["upload_bits"]
    assert record["upload_bits"] == best["upload_bits"] < manifest["crossing_bits"]
    assert 8 * (received_bytes(server) - before) == best["upload_bits"]


def test_an_input_that_is_no_scaled_bytes_is_told_and_decided_on_by_what_it_takes(
    run, server, array_file
):
    outcome = run("--edge", server, "--input", array_file[0], "--input-encoding", "uint8")
    assert outcome.code == 0, outcome.err
    assert "not as uint8, which cannot hold it: decided again" in outcome.err
    assert "these are no bytes scaled" in " ".join(outcome.out.split())


def test_a_split_gives_what_the_whole_network_gives_and_says_how(
    run, model, server, array_file, tmp_path
):
    path, array = array_file
    records, npz = tmp_path / "records.jsonl", tmp_path / "out.npz"

    outcome = run(
        "--edge", server, "--input", path,
        "--records", records, "--npz", npz, "--shadow", "1", "--json",
    )  # fmt: skip

    assert outcome.code == 0, outcome.err
    record = outcome.json["inferences"][0]["record"]
    assert record["fallback"] is None
    assert 0 <= record["split"] < 20
    assert record["shadow_error"] < 1e-3
    with Runner(model) as whole, np.load(npz) as written:
        (expected,), (name,) = whole.run([array]), written.files
        np.testing.assert_allclose(written[name], expected, atol=1e-5)
    assert name.startswith("noise.npy/")
    assert json.loads(records.read_text())["record"] == record

    for option, there in (("--records", records), ("--npz", npz)):
        before = there.read_bytes()
        again = run("--edge", server, "--input", path, option, there)
        assert again.code == 2
        assert f"{there} exists: choose another {option}, or give --force" in again.err
        assert there.read_bytes() == before
    assert run("--edge", server, "--input", path, "--records", records, "--force").code == 0
    assert len(records.read_text().splitlines()) == 1


def test_without_a_server_it_runs_here_and_a_folder_is_run_in_order(run, array_file):
    path, array = array_file
    np.save(path.with_name("a.npy"), array)
    outcome = run("--input", path.parent)

    assert outcome.code == 0, outcome.err
    assert outcome.err.splitlines()[0].startswith("a.npy: split 20, ")
    assert "SIMULATED" in outcome.out
    assert "l = 20: 2" in outcome.out


def test_a_picture_is_scaled_to_what_the_network_takes(run, model, tmp_path):
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "grey.png"
    image.new("RGB", (40, 30), (127, 127, 127)).save(path)

    outcome = run("--input", path, "--json")

    assert outcome.code == 0, outcome.err
    grey = np.full((1, 224, 224, 3), (127 - 127.5) / 127.5, np.float32)
    with Runner(model) as whole:
        best = int(whole.run([grey])[0].argmax())
    (largest,) = outcome.json["inferences"][0]["outputs"].values()
    assert largest[0]["index"] == best


BAD = {
    "notes.txt": (b"", 2, "nothing to run there"),
    "broken.png": (b"no picture", 2, "no picture that can be read"),
    "broken.npy": (b"no array", 3, "no .npy file"),
    "broken.npz": (b"no archive", 3, "no .npz file"),
}


@pytest.mark.parametrize("name", BAD)
def test_inputs_that_cannot_be_run_are_one_clear_line(run, tmp_path, name):
    content, code, says = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)
    outcome = run("--input", path)

    assert (outcome.code, outcome.out) == (code, "")
    assert says in outcome.err


@pytest.mark.live
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_what_was_done_before_a_stop_is_kept(model, profile, array_file, tmp_path, stop):
    path, _ = array_file
    records, npz = tmp_path / "records.jsonl", tmp_path / "out.npz"
    command = [sys.executable, "-m", "joulesplit", "run", model, "--profile", profile]
    command += ["--records", records, "--npz", npz, *(["--input", path] * 3000)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(3):
            assert ": split 20, " in process.stderr.readline()
        process.send_signal(stop)
        said = process.communicate(timeout=60)[1]

    assert process.returncode == 130
    assert f"what was done is in {records}" in said
    assert f"what was done is in {npz}" in said
    assert "Traceback" not in said
    lines = [json.loads(line) for line in records.read_text().splitlines()]
    assert [line["record"]["number"] for line in lines] == list(range(1, len(lines) + 1))
    with np.load(npz) as written:
        assert 3 <= len(written.files) == len(lines) < 3000


def test_an_input_that_fails_takes_nothing_from_those_before_it(run, array_file, tmp_path):
    path, array = array_file
    folder = tmp_path / "inputs"
    folder.mkdir()
    np.save(folder / path.name, array)
    (folder / "zz.npy").write_bytes(b"no array")
    records, npz = tmp_path / "records.jsonl", tmp_path / "out.npz"

    outcome = run("--input", path, "--input", folder, "--records", records, "--npz", npz)

    assert outcome.code == 3
    assert len(records.read_text().splitlines()) == 2
    with np.load(npz) as written:
        # Two files have one name: neither takes the other's place.
        first, second = written.files
    assert first.startswith("noise.npy/")
    assert second.startswith(f"{folder / path.name}/")


def test_records_and_arrays_cannot_be_one_file_by_whatever_path(run, array_file, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    for npz in (tmp_path / "kept", tmp_path / "link" / "kept"):
        outcome = run(
            "--input", array_file[0], "--records", tmp_path / "kept", "--npz", npz, "--force"
        )
        assert outcome.code == 2
        assert "--records and --npz name one file" in outcome.err
        assert not (tmp_path / "kept").exists()


def test_what_is_run_is_never_replaced_by_what_is_kept(run, array_file):
    before = array_file[0].read_bytes()
    for option in ("--records", "--npz"):
        outcome = run("--input", array_file[0], option, array_file[0], "--force")
        assert outcome.code == 2
        assert "is read by this run" in outcome.err
    assert array_file[0].read_bytes() == before


def test_a_file_that_cannot_be_written_is_found_out_before_anything_is_run(run, array_file):
    for option in ("--records", "--npz"):
        outcome = run("--input", array_file[0], option, "/nowhere/at/all")
        assert outcome.code == 3
        assert "cannot write /nowhere/at/all" in outcome.err
        assert ": split " not in outcome.err
