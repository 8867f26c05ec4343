"""Tails on a real server equal the whole network run here."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests

from joulesplit.edge import EdgeClient, NamedTensor, Pacer, TailOptions, encode_bundle
from joulesplit.edge._encoded import encoded_tensors
from joulesplit.edge._protocol import TENSORS_HEADER, tail_path
from joulesplit.edge._tails import ACTIVATION_BYTES, TailShelf
from joulesplit.edge.errors import RequestRefusedError, ServerLacksModelError, ServerRefusedError
from joulesplit.partition import ENCODINGS, Runner, decode, encode
from joulesplit.partition.cutting import prefix_cuts
from joulesplit.partition.errors import UnsupportedModelError
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import read_network

NETWORKS = Path(__file__).parents[1] / "partition" / "models"


class LocalModel:
    """A model file run here: whole, and up to any cut."""

    def __init__(self, path):
        self.path = path
        self.network = read_network(path)
        self.cuts = {cut.after_operator: cut for cut in prefix_cuts(self.network)}
        tensor = self.network.tensors[self.network.inputs[0]]
        noise = np.random.default_rng(20261122).integers(-100, 100, tensor.shape)
        self.input = (
            noise.astype(np.int8) if tensor.dtype == "int8" else (noise / 100).astype(np.float32)
        )
        self.output = Runner(path).run([self.input])[0]

    @property
    def sha256(self):
        return self.network.sha256

    def crossing(self, after_operator):
        names = [self.network.tensors[i].name for i in self.cuts[after_operator].tensors]
        if after_operator < 0:
            return [NamedTensor(name=names[0], data=self.input)]
        head = Runner(extract(self.path, 0, after_operator))
        arrays = head.run([self.input])
        return [NamedTensor(name=n, data=a) for n, a in zip(names, arrays, strict=True)]

    def middle(self):
        """Return a cut where more than one tensor crosses: inside a residual block."""
        return next(cut.after_operator for cut in self.cuts.values() if len(cut.tensors) > 1)


@pytest.fixture(scope="module", params=["int8", "float32"])
def local(request, int8_model, float32_model):
    return LocalModel({"int8": int8_model, "float32": float32_model}[request.param])


@pytest.fixture(scope="module")
def int8_local(int8_model):
    return LocalModel(int8_model)


@pytest.fixture(scope="module")
def float32_local(float32_model):
    return LocalModel(float32_model)


def test_the_server_lists_its_models_with_their_hashes(client, int8_local):
    models = {model.sha256: model for model in client.models()}
    assert len(models) == 2
    served = models[int8_local.sha256]
    assert served.name == int8_local.path.name
    assert served.operators == len(int8_local.network.operators)
    assert client.health().models == client.models()


@pytest.mark.parametrize("position", ["all", "middle", "last"])
def test_head_here_and_tail_there_equal_the_whole_network(client, local, position):
    last = len(local.network.operators) - 2
    after = {"all": -1, "middle": local.middle(), "last": last}[position]
    tensors = local.crossing(after)
    assert len(tensors) == (2 if position == "middle" else 1)
    result = client.run_tail(local.sha256, after, tensors)
    assert len(result.outputs) == 1
    np.testing.assert_array_equal(result.outputs[0].data, local.output)
    assert result.outputs[0].name == local.network.tensors[local.network.outputs[0]].name
    assert result.receipt.payload_bytes * 8 == local.cuts[after].bits
    exchange_s = (result.receipt.answered_ns - result.receipt.started_ns) / 1e9
    assert 0 < result.server_compute_s < exchange_s


@pytest.mark.parametrize("name", ["float16", "int8", "int8-channel+zlib", "as-is+zlib"])
def test_a_tail_computes_with_what_an_encoding_leaves_of_the_tensors(client, float32_local, name):
    after = float32_local.middle()
    tensors = float32_local.crossing(after)
    encoding = ENCODINGS[name]
    payloads = [encode(tensor.data, encoding) for tensor in tensors]
    arrived = [
        decode(payload, encoding, tensor.data.shape, "float32")
        for payload, tensor in zip(payloads, tensors, strict=True)
    ]
    last = len(float32_local.network.operators) - 1
    (expected,) = Runner(extract(float32_local.path, after + 1, last)).run(arrived)
    result = client.run_tail(float32_local.sha256, after, tensors, encoding=encoding)
    assert result.outputs[0].data.tobytes() == expected.tobytes()
    assert (result.outputs[0].data == float32_local.output).all() == encoding.is_lossless
    assert result.receipt.payload_bytes == sum(map(len, payloads))


def test_what_is_quantised_already_arrives_bit_for_bit_in_any_encoding(client, int8_local):
    tensors = int8_local.crossing(12)
    for name in ("float16", "int8+zlib"):
        result = client.run_tail(int8_local.sha256, 12, tensors, encoding=ENCODINGS[name])
        assert result.outputs[0].data.tobytes() == int8_local.output.tobytes()


@pytest.mark.parametrize("fault", ["other size", "not zlib", "floats", "other name", "too few"])
def test_what_is_no_encoded_tensor_of_the_cut_is_refused(server, token, float32_local, fault):
    after = float32_local.middle()
    encoding = ENCODINGS["int8+zlib" if fault == "not zlib" else "int8"]
    tensors = list(encoded_tensors(float32_local.crossing(after), encoding))
    first = tensors[0]
    tensors[0] = {
        "other size": NamedTensor(name=first.name, data=first.data[:-1]),
        "not zlib": NamedTensor(name=first.name, data=first.data[::-1].copy()),
        "floats": NamedTensor(name=first.name, data=np.zeros(4, np.float32)),
        "other name": NamedTensor(name="other", data=first.data),
        "too few": first,
    }[fault]
    header, body = encode_bundle(tensors[:1] if fault == "too few" else tensors)
    answer = requests.post(
        server.url + tail_path(float32_local.sha256, after, encoding.name),
        data=body,
        headers={TENSORS_HEADER: header, "Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert (answer.status_code, answer.json()["error"]) == (422, "wrong-tensors")


def test_an_encoding_that_is_none_is_refused(server, token, int8_local):
    header, body = encode_bundle(int8_local.crossing(12))
    answer = requests.post(
        server.url + tail_path(int8_local.sha256, 12, "jpeg"),
        data=body,
        headers={TENSORS_HEADER: header, "Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "malformed")
    assert "int8-channel+zlib" in answer.json()["hint"]


def test_a_tail_is_uploaded_through_the_pacer(client, int8_local, tick_clock):
    tensors = int8_local.crossing(-1)
    result = client.run_tail(int8_local.sha256, -1, tensors, pacer=Pacer(1e6, clock=tick_clock()))
    assert result.receipt.duration_s == pytest.approx(tensors[0].data.nbytes * 8 / 1e6, abs=1e-9)
    np.testing.assert_array_equal(result.outputs[0].data, int8_local.output)


def test_clients_at_the_same_time_do_not_disturb_each_other(server, token, int8_local):
    cuts = [-1, 0, int8_local.middle(), -1, 0, int8_local.middle()] * 2
    crossing = {after: int8_local.crossing(after) for after in set(cuts)}

    def run(after):
        with EdgeClient(server.url, token=token) as own:
            return own.run_tail(int8_local.sha256, after, crossing[after]).outputs[0].data

    with ThreadPoolExecutor(4) as pool:
        for output in pool.map(run, cuts):
            np.testing.assert_array_equal(output, int8_local.output)


def test_a_model_the_server_does_not_have_is_named(client, server, int8_local):
    with pytest.raises(ServerLacksModelError, match=r"joulesplit serve MODEL") as caught:
        client.run_tail("0" * 64, -1, int8_local.crossing(-1))
    assert isinstance(caught.value, LookupError)
    assert server.url in str(caught.value)
    assert caught.value.status == 404


@pytest.mark.parametrize("position", ["before the first", "last", "far out"])
def test_a_cut_without_a_tail_is_refused(client, int8_local, position):
    last = len(int8_local.network.operators) - 1
    after = {"before the first": -2, "last": last, "far out": 10_000}[position]
    with pytest.raises(ServerRefusedError, match="no tail behind operator") as caught:
        client.run_tail(int8_local.sha256, after, int8_local.crossing(-1))
    assert (caught.value.code, caught.value.status) == ("wrong-tensors", 422)


MUTATIONS = {
    "name": lambda entry: entry | {"name": "other"},
    "dtype": lambda entry: entry | {"dtype": "uint8"},
    "shape": lambda entry: entry | {"shape": [1, 224 * 224, 3, 1]},
}


@pytest.mark.parametrize("field", MUTATIONS)
def test_any_single_field_that_differs_from_the_cut_is_refused(client, int8_local, field):
    tensor = int8_local.crossing(-1)[0]
    entry = {"name": tensor.name, "dtype": "int8", "shape": list(tensor.data.shape)}
    changed = MUTATIONS[field](entry)
    data = tensor.data.view(changed["dtype"]).reshape(changed["shape"])
    with pytest.raises(ServerRefusedError, match="this cut needs") as caught:
        client.run_tail(int8_local.sha256, -1, [NamedTensor(name=changed["name"], data=data)])
    assert caught.value.status == 422


def test_a_tensor_too_few_or_too_many_is_refused(client, int8_local):
    tensors = int8_local.crossing(int8_local.middle())
    for wrong in (tensors[:1], [*tensors, tensors[0]], tensors[::-1]):
        with pytest.raises(ServerRefusedError) as caught:
            client.run_tail(int8_local.sha256, int8_local.middle(), wrong)
        assert caught.value.status == 422


@pytest.mark.parametrize("fault", ["no header", "no json", "short body", "long body"])
def test_a_bundle_that_is_not_one_is_malformed(server, token, int8_local, fault):
    header, body = encode_bundle(int8_local.crossing(-1))
    header = {"no header": None, "no json": "x"}.get(fault, header)
    body = {"short body": body[:-1], "long body": body + b"x"}.get(fault, body)
    answer = requests.post(
        server.url + tail_path(int8_local.sha256, -1),
        data=body,
        headers={TENSORS_HEADER: header, "Authorization": f"Bearer {token}"},
        timeout=30,
    )
    refusal = (413, "too-large") if fault == "long body" else (400, "malformed")
    assert (answer.status_code, json.loads(answer.content)["error"]) == refusal


def test_runners_are_kept_by_bytes_and_the_one_unused_for_longest_goes_first(int8_local):
    whole = 2 * int8_local.path.stat().st_size + ACTIVATION_BYTES
    shelf = TailShelf([int8_local.path], runner_bytes=2 * whole)
    sha256 = int8_local.sha256
    for after, kept in ((-1, [-1]), (0, [-1, 0]), (-1, [0, -1]), (1, [-1, 1]), (0, [1, 0])):
        outputs, compute_s = shelf.run(sha256, after, int8_local.crossing(after))
        np.testing.assert_array_equal(outputs[0].data, int8_local.output)
        assert compute_s > 0
        assert [cut for _, cut in shelf.kept] == kept


def test_one_runner_is_kept_however_little_memory_there_is(int8_local):
    shelf = TailShelf([int8_local.path], runner_bytes=1)
    for after in (-1, 0):
        shelf.run(int8_local.sha256, after, int8_local.crossing(after))
        assert [cut for _, cut in shelf.kept] == [after]


def test_every_cut_of_a_network_is_kept_where_there_is_memory_for_it(int8_local):
    shelf = TailShelf([int8_local.path])
    cuts = list(range(-1, 24))
    for after in cuts:
        shelf.run(int8_local.sha256, after, int8_local.crossing(after))
    assert [cut for _, cut in shelf.kept] == cuts


def test_a_refused_request_leaves_no_runner_behind(int8_local):
    shelf = TailShelf([int8_local.path])
    for sha256, after in (("0" * 64, -1), (int8_local.sha256, 999)):
        with pytest.raises(RequestRefusedError):
            shelf.run(sha256, after, ())
    assert shelf.kept == ()


def test_a_tail_that_cannot_run_is_refused_with_the_reason_and_the_server_lives_on(
    start_server, token, int8_local
):
    with (
        start_server(int8_local.path, variant="without runtime") as running,
        EdgeClient(running.url, token=token) as own,
    ):
        with pytest.raises(ServerRefusedError, match="no TFLite runtime is installed") as caught:
            own.run_tail(int8_local.sha256, -1, int8_local.crossing(-1))
        assert (caught.value.code, caught.value.status) == ("internal", 500)
        assert own.upload(b"still a sink").payload_bytes == 12


def test_a_network_whose_results_are_texts_is_not_served():
    with pytest.raises(UnsupportedModelError, match=r"cannot be sent back.*holds texts"):
        TailShelf([NETWORKS / "words_to_label.tflite"])


def test_where_state_would_be_torn_apart_there_is_no_tail():
    path = NETWORKS / "running_mean.tflite"
    shelf, network = TailShelf([path]), read_network(path)
    for cut in prefix_cuts(network)[:-1]:
        if cut.obstacle:
            with pytest.raises(RequestRefusedError, match="has no tail"):
                shelf.crossing(network.sha256, cut.after_operator)
        else:
            assert len(shelf.crossing(network.sha256, cut.after_operator)) == len(cut.tensors)


def test_tails_run_with_the_delegate_they_are_told_to(int8_local):
    last = len(int8_local.network.operators) - 1
    after, results = int8_local.middle(), {}
    crossing = int8_local.crossing(after)
    for xnnpack in (True, False):
        shelf = TailShelf([int8_local.path], options=TailOptions(threads=1, xnnpack=xnnpack))
        assert shelf.runtime.xnnpack is xnnpack
        part = extract(int8_local.path, after + 1, last)
        with Runner(part, use_xnnpack=xnnpack) as own:
            expected = own.run([tensor.data for tensor in crossing])
        outputs, _ = shelf.run(int8_local.sha256, after, crossing)
        results[xnnpack] = outputs[0].data
        np.testing.assert_array_equal(results[xnnpack], expected[0])
    assert (results[True] != results[False]).any()
