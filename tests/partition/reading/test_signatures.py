"""A file with several networks: each can be the one that is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import Runner, joined, model_pieces
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition.checking import compare_split
from joulesplit.partition.errors import InputError
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import load_model, read_network
from joulesplit.partition.reading._signatures import with_signature_first

MODELS = Path(__file__).parents[1] / "models"
BOTH = MODELS / "two_signatures.tflite"


def test_without_a_name_the_files_first_network_is_read_and_the_others_are_named() -> None:
    network = read_network(BOTH)
    assert network.signature == "decode"
    assert [o.kind for o in network.operators] == ["FULLY_CONNECTED", "TANH"]
    assert network.notes == (
        "this is the file's signature 'decode'; there are others, too: 'encode'",
    )


@pytest.mark.parametrize(("name", "kinds"), [("encode", 1), ("decode", 2)])
def test_a_signature_is_read_cut_and_computes_what_the_runtime_computes(
    name: str, kinds: int
) -> None:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(str(BOTH))
    runner = interpreter.get_signature_runner(name)
    (argument,), (result,) = runner.get_input_details(), runner.get_output_details()
    x = np.array([[1, -2, 3, -4]], np.float32)
    expected = runner(**{argument: x})[result]
    model = load_model(BOTH, signature=name)
    assert (model.network.signature, len(model.network.operators)) == (name, kinds)
    for part in (extract(model, 0, kinds - 1), joined(model_pieces(model.file.root))):
        with Runner(part) as whole:
            assert whole.run([x])[0].tobytes() == expected.tobytes()
    source = joined(model_pieces(model.file.root))
    for after in range(-1, kinds):
        assert compare_split(model, after, path=source).bit_equal


def test_a_parts_signature_keeps_the_chosen_ones_name_and_its_names_for_tensors() -> None:
    model = load_model(BOTH, signature="encode")
    part = flatbuffer.schema().ModelT.InitFromPackedBuf(bytearray(extract(model, 0, 0)))
    (signature,) = part.signatureDefs
    assert signature.signatureKey == b"encode"
    assert [entry.name for entry in signature.inputs] == [b"x"]
    assert [entry.name for entry in signature.outputs] == [b"code"]
    assert len(part.subgraphs) == 1


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="no signature 'other'; its signatures are 'decode', 'enc"):
        read_network(BOTH, signature="other")


def test_the_networks_change_places_and_what_runs_them_follows() -> None:
    """A loop's subgraphs keep being its own when another network takes their place."""
    file = flatbuffer.read_model_file(MODELS / "gru_loop.tflite")
    schema = flatbuffer.schema()
    body = schema.SignatureDefT(signatureKey=b"body", subgraphIndex=2, inputs=[], outputs=[])
    file.root.signatureDefs.append(body)
    moved = with_signature_first(file, "body").root
    assert [graph.name for graph in moved.subgraphs] == [b"while_body", b"while_cond", b"main"]
    loop = moved.subgraphs[2].operators[2].builtinOptions
    assert (loop.condSubgraphIndex, loop.bodySubgraphIndex) == (1, 0)
    assert [(s.signatureKey, s.subgraphIndex) for s in moved.signatureDefs] == [
        (b"body", 0),
        (b"serving_default", 2),
    ]
    assert file.root.subgraphs[0].name == b"main"
