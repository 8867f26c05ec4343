"""Clients of the Open Inference Protocol run tails: NVIDIA's own client, unchanged, and by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import requests

from joulesplit.partition import Runner
from joulesplit.partition.cutting import prefix_cuts
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import read_network

http = pytest.importorskip("tritonclient.http", reason="NVIDIA's client is not installed")


@pytest.fixture
def bearer(token):
    # NVIDIA's client writes into the headers that it is given.
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def triton(server):
    client = http.InferenceServerClient(server.url.removeprefix("http://"))
    yield client
    client.close()


class Cut:
    """A model file cut here, with an input, what crosses and what the whole network gives."""

    def __init__(self, path: Path, tensors_crossing: int) -> None:
        self.network = read_network(path)
        cuts = [cut for cut in prefix_cuts(self.network) if len(cut.tensors) == tensors_crossing]
        self.cut = cuts[len(cuts) // 2]
        entry = self.network.tensors[self.network.inputs[0]]
        noise = np.random.default_rng(8).integers(-100, 100, entry.shape)
        self.input = (noise if entry.dtype == "int8" else noise / 100).astype(entry.dtype)
        (self.expected,) = Runner(path).run([self.input])
        self.crossing = Runner(extract(path, 0, self.cut.after_operator)).run([self.input])
        self.version = str(self.cut.after_operator + 2)
        self.model = path.stem


@pytest.fixture(scope="module", params=[("int8", 1), ("int8", 2), ("float32", 2)])
def cut(request, int8_model, float32_model):
    kind, crossing = request.param
    return Cut({"int8": int8_model, "float32": float32_model}[kind], crossing)


def asked(metadata, arrays, *, binary):
    inputs = []
    for described, array in zip(metadata["inputs"], arrays, strict=True):
        one = http.InferInput(described["name"], described["shape"], described["datatype"])
        one.set_data_from_numpy(array, binary_data=binary)
        inputs.append(one)
    outputs = [
        http.InferRequestedOutput(described["name"], binary_data=binary)
        for described in metadata["outputs"]
    ]
    return inputs, outputs


@pytest.mark.parametrize("binary", [True, False])
def test_nvidias_client_runs_a_tail_bit_for_bit(triton, cut, bearer, binary):
    metadata = triton.get_model_metadata(cut.model, cut.version, headers=bearer)
    inputs, outputs = asked(metadata, cut.crossing, binary=binary)
    result = triton.infer(
        cut.model, inputs, cut.version, outputs=outputs, headers=bearer, request_id="seven"
    )
    got = result.as_numpy(metadata["outputs"][0]["name"])
    assert got.dtype == cut.expected.dtype
    assert got.tobytes() == cut.expected.tobytes()
    answer = result.get_response()
    assert (answer["id"], answer["model_version"]) == ("seven", cut.version)


def test_without_a_version_it_is_the_whole_network(triton, cut, bearer):
    metadata = triton.get_model_metadata(cut.model, headers=bearer)
    assert {"1", cut.version} <= set(metadata["versions"])
    inputs, _ = asked(metadata, [cut.input], binary=True)
    result = triton.infer(cut.model, inputs, headers=bearer)
    assert result.as_numpy(metadata["outputs"][0]["name"]).tobytes() == cut.expected.tobytes()


def test_anyone_may_ask_whether_it_lives_and_nobody_else_for_its_models(triton, cut, bearer):
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready(cut.model, cut.version, headers=bearer)
    assert not triton.is_model_ready(cut.model, "999999", headers=bearer)
    assert "binary_tensor_data" in triton.get_server_metadata(headers=bearer)["extensions"]
    with pytest.raises(http.InferenceServerException, match="token is missing"):
        triton.get_model_metadata(cut.model)


BAD = {
    "no JSON": (b"{", {}, 400, "no inference request"),
    "a header longer than the body": (b"{}", {"length": "9"}, 400, "is 9 and the body 2 bytes"),
    "a length that is none": (b"{}", {"length": "-1"}, 400, "is '-1'"),
    "compressed": (b"{}", {"coding": "gzip"}, 400, "compressed"),
    "too long": (b" " * 300_000, {"version": "65"}, 413, "in any form"),
    "no inputs": (b'{"inputs":[]}', {}, 422, "the inputs are none"),
    "nested without end": (b'{"inputs":' + b"[" * 20_000, {}, 400, "no inference request"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_request_is_refused_in_one_line(server, int8_model, bearer, what):
    body, how, status, words = BAD[what]
    headers = dict(bearer)
    if "length" in how:
        headers["Inference-Header-Content-Length"] = how["length"]
    if "coding" in how:
        headers["Content-Encoding"] = how["coding"]
    version = how.get("version", "1")
    url = f"{server.url}/v2/models/{int8_model.stem}/versions/{version}/infer"
    answer = requests.post(url, body, headers=headers, timeout=30)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def wrong_input(**changes):
    return {"name": "?", "datatype": "INT8", "shape": [1, 224, 224, 3]} | changes


WRONG = {
    "another name": (wrong_input(name="other", data=[0]), "no INT8 of shape"),
    "an unknown type": (wrong_input(datatype="BYTES", data=["a"]), "datatype 'BYTES'"),
    "fewer elements": (wrong_input(data=[0, 0]), "no INT8 of shape"),
    "numbers that do not fit": (wrong_input(shape=[1], data=[300]), "no INT8 of shape"),
    "fractions": (wrong_input(shape=[1], data=[0.5]), "no INT8 of shape"),
    "truths": (wrong_input(shape=[1], data=[True]), "no INT8 of shape"),
    "ragged": (wrong_input(shape=[3], data=[[1], [2, 3]]), "no INT8 of shape"),
    "a negative shape": (wrong_input(shape=[-1, -1], data=[1]), "no INT8 of shape"),
    "another shape": (wrong_input(shape=[2], data=[1, 2]), "send INT8 of shape [1, 224, 224, 3]"),
    "neither bytes nor data": (wrong_input(), "neither data nor binary_data_size"),
    "fewer bytes than told": (
        wrong_input(parameters={"binary_data_size": 150528}),
        "has 0 bytes",
    ),
    "shared memory": (
        wrong_input(parameters={"shared_memory_region": "r"}),
        "shared memory is not taken",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_inputs_that_are_not_those_of_the_version_are_refused(server, int8_model, bearer, what):
    given, words = WRONG[what]
    url = f"{server.url}/v2/models/{int8_model.stem}"
    name = requests.get(url, headers=bearer, timeout=30).json()["inputs"][0]["name"]
    body = json.dumps({"inputs": [given | {"name": given["name"].replace("?", name)}]})
    answer = requests.post(f"{url}/infer", body, headers=bearer, timeout=30)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_a_result_that_is_no_number_is_named_where_it_would_be_json(triton, float32_model, bearer):
    metadata = triton.get_model_metadata(float32_model.stem, headers=bearer)
    broken = np.full(metadata["inputs"][0]["shape"], np.nan, np.float32)
    inputs, outputs = asked(metadata, [broken], binary=True)
    outputs[0] = http.InferRequestedOutput(metadata["outputs"][0]["name"], binary_data=False)
    with pytest.raises(http.InferenceServerException, match="NaN or infinity"):
        triton.infer(float32_model.stem, inputs, outputs=outputs, headers=bearer)


@pytest.mark.parametrize(("path", "status"), [("models/nobody", 404), ("models", 404), ("x", 404)])
def test_what_is_not_there_is_told(server, bearer, path, status):
    answer = requests.get(f"{server.url}/v2/{path}", headers=bearer, timeout=30)
    assert answer.status_code == status
    assert answer.json()["error"]
