from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from joulesplit.edge import NamedTensor, encode_bundle
from joulesplit.edge._bundle import (
    ELEMENT_BYTES,
    MAX_DIMENSIONS,
    MAX_HEADER_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_TENSORS,
    TensorHeader,
    decode_body,
    decode_header,
)
from joulesplit.edge.errors import ProtocolError

arrays = hnp.arrays(
    dtype=st.sampled_from(sorted(ELEMENT_BYTES)).map(np.dtype),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)
bundles = st.lists(st.builds(NamedTensor, name=st.text(max_size=20), data=arrays), max_size=4)


@given(bundles)
def test_a_bundle_comes_back_bit_for_bit(tensors):
    header, body = encode_bundle(tensors)
    back = decode_body(decode_header(header), body)
    assert [(t.name, t.data.dtype, t.data.shape) for t in back] == [
        (t.name, t.data.dtype, t.data.shape) for t in tensors
    ]
    assert [t.data.tobytes() for t in back] == [t.data.tobytes() for t in tensors]


def test_the_wire_bytes_are_little_endian_in_c_order_with_nothing_between():
    first = np.array([[1, 2], [3, 4]], dtype=">u2").T
    second = np.array([-1.5], dtype="<f4")
    header, body = encode_bundle(
        [NamedTensor(name="a", data=first), NamedTensor(name="é", data=second)]
    )
    assert body == bytes.fromhex("0100 0300 0200 0400 0000c0bf")
    assert header.isascii()
    assert json.loads(header) == [
        {"name": "a", "dtype": "uint16", "shape": [2, 2]},
        {"name": "é", "dtype": "float32", "shape": [1]},
    ]


GOOD = {"name": "t", "dtype": "int16", "shape": [2, 3]}


@pytest.mark.parametrize(
    "mutation",
    [
        {"name": None},
        {"name": "x" * (MAX_NAME_CHARACTERS + 1)},
        {"dtype": "object"},
        {"dtype": "<f4"},
        {"dtype": 7},
        {"shape": [2, -3]},
        {"shape": [2, 3.0]},
        {"shape": [2, True]},
        {"shape": [2, "3"]},
        {"shape": "23"},
        {"shape": 6},
        {"shape": [1] * (MAX_DIMENSIONS + 1)},
        {"shape": [0, 2**63]},
        {"shape": [2**30, 2**30]},
        {"extra": 1},
    ],
    ids=str,
)
def test_one_bad_field_in_the_header_is_rejected(mutation):
    assert decode_header(json.dumps([GOOD])) == (
        TensorHeader(name="t", dtype="int16", shape=(2, 3)),
    )
    with pytest.raises(ProtocolError, match="entry 0"):
        decode_header(json.dumps([GOOD | mutation]))


@pytest.mark.parametrize("missing", ["name", "dtype", "shape"])
def test_a_missing_field_in_the_header_is_rejected(missing):
    entry = {key: field for key, field in GOOD.items() if key != missing}
    with pytest.raises(ProtocolError, match="exactly name, dtype and shape"):
        decode_header(json.dumps([entry]))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "no json",
        "{}",
        "3",
        "[[]]",
        "[" * 20_000,
        "[" + "9" * 10_000 + "]",
        json.dumps([GOOD | {"shape": []}] * (MAX_TENSORS + 1)),
        " " * (MAX_HEADER_CHARACTERS + 1),
    ],
    ids=lambda header: header[:8],
)
def test_a_header_that_is_not_a_short_list_is_rejected(header):
    with pytest.raises(ProtocolError):
        decode_header(header)


@given(st.text(max_size=200))
def test_any_text_is_either_a_header_or_a_protocol_error(text):
    with suppress(ProtocolError):
        assert isinstance(decode_header(text), tuple)


@given(bundles, st.integers(-3, 3).filter(bool))
def test_a_body_of_any_other_length_is_rejected(tensors, difference):
    header, body = encode_bundle(tensors)
    other = body + b"\0" * difference if difference > 0 else body[:difference]
    if len(other) == len(body):  # nothing to cut off
        other = b"\0"
    with pytest.raises(ProtocolError, match="declares"):
        decode_body(decode_header(header), other)


def test_a_bool_byte_other_than_0_and_1_is_rejected():
    spec = TensorHeader(name="mask", dtype="bool", shape=(3,))
    assert decode_body([spec], b"\0\1\1")[0].data.tolist() == [False, True, True]
    with pytest.raises(ProtocolError, match="bool"):
        decode_body([spec], b"\0\2\1")


@pytest.mark.parametrize("dtype", ["complex64", "U3", "object", "datetime64[s]"])
def test_a_type_without_a_place_on_the_wire_is_not_sent(dtype):
    with pytest.raises(ProtocolError, match="dtype"):
        encode_bundle([NamedTensor(name="t", data=np.zeros(2, dtype=dtype))])
