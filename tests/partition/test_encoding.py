"""What is sent comes back: exactly, or within the bound of its encoding."""

from __future__ import annotations

import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from joulesplit.partition import ENCODINGS, SENDABLE, Encoding, decode, encode
from joulesplit.partition._encoding import encoded_bits, encodings_for
from joulesplit.partition.errors import EncodingError, PartitionError

SCALINGS = {
    "as they are": lambda numbers: numbers,
    "0 to 1": lambda numbers: numbers / 255,
    "-1 to 1": lambda numbers: (numbers - 127.5) / 127.5,
    "-1 to 1 in steps": lambda numbers: numbers / 127.5 - 1,
    "by 128": lambda numbers: (numbers - 128) / 128,
}
SHAPES = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
FLOATS = st.sampled_from(["float16", "float32", "float64"])
ANY = st.sampled_from(["float16", "float32", "float64", "int8", "uint8", "int16", "int64", "bool"])


def arrays(dtypes: st.SearchStrategy[str]) -> st.SearchStrategy[np.ndarray]:
    return dtypes.flatmap(lambda dtype: npst.arrays(dtype, SHAPES))


def finite_floats(limit: float = 1e30) -> st.SearchStrategy[np.ndarray]:
    def of(dtype: str) -> st.SearchStrategy[np.ndarray]:
        width = 8 * np.dtype(dtype).itemsize
        bound = float(np.dtype(dtype).type(min(limit, float(np.finfo(dtype).max))))
        return npst.arrays(dtype, SHAPES, elements=st.floats(-bound, bound, width=width))

    return FLOATS.flatmap(of)


def there_and_back(array: np.ndarray, name: str) -> np.ndarray:
    payload = encode(array, ENCODINGS[name])
    found = decode(payload, ENCODINGS[name], array.shape, array.dtype.name)
    assert (found.shape, found.dtype) == (array.shape, array.dtype)
    assert found.flags.writeable
    return found


@given(arrays(ANY), st.sampled_from(["as-is", "as-is+zlib"]))
def test_lossless_encodings_return_every_bit(array: np.ndarray, name: str) -> None:
    assert there_and_back(array, name).tobytes() == array.tobytes()


@given(finite_floats(65504.0), st.sampled_from(["float16", "float16+zlib"]))
def test_halves_are_what_rounding_to_halves_gives(array: np.ndarray, name: str) -> None:
    expected = array.astype(np.float16).astype(array.dtype)
    assert there_and_back(array, name).tobytes() == expected.tobytes()


@given(finite_floats(), st.sampled_from(["int8", "int8+zlib"]))
def test_one_scale_moves_a_number_by_at_most_half_of_it(array: np.ndarray, name: str) -> None:
    found = there_and_back(array, name)
    values = array.astype(np.float64)
    scale = (max(values.max(initial=0), 0) - min(values.min(initial=0), 0)) / 255
    assert within(found, values, scale)


@given(finite_floats(), st.sampled_from(["int8-channel", "int8-channel+zlib"]))
def test_a_scale_per_channel_holds_for_each_index_of_the_last_axis(
    array: np.ndarray, name: str
) -> None:
    found = there_and_back(array, name)
    values = array.astype(np.float64)
    axes = tuple(range(array.ndim - 1))
    span = np.maximum(values.max(axes, initial=0), 0) - np.minimum(values.min(axes, initial=0), 0)
    assert within(found, values, span / 255)


def within(found: np.ndarray, values: np.ndarray, scale: np.ndarray | float) -> bool:
    """Half a scale, and what the scale's and the result's own formats round away."""
    spacing = np.abs(values) * float(np.finfo(found.dtype).eps)
    smallest = float(np.finfo(np.float32).smallest_subnormal)
    least = float(np.finfo(found.dtype).smallest_subnormal)
    bound = (0.5 + 1e-4) * scale + 255 * smallest + spacing + least
    return bool((np.abs(found.astype(np.float64) - values) <= bound).all())


@given(finite_floats(), st.sampled_from(["int8", "int8-channel"]))
def test_zero_stays_zero(array: np.ndarray, name: str) -> None:
    assert (there_and_back(array, name)[array == 0] == 0).all()


@given(finite_floats(65504.0), st.sampled_from(sorted(ENCODINGS)))
def test_the_size_is_the_formulas(array: np.ndarray, name: str) -> None:
    encoding = ENCODINGS[name]
    bits = encoded_bits(encoding, array.shape, array.dtype.name)
    if encoding.compressed:
        assert bits is None
    else:
        assert bits == 8 * len(encode(array, encoding))


def test_sizes_by_hand() -> None:
    shape = (1, 14, 14, 64)
    expected = {
        "as-is": 32 * 12544,
        "float16": 16 * 12544,
        "int8": 40 + 8 * 12544,
        "int8-channel": 40 * 64 + 8 * 12544,
    }
    for name, bits in expected.items():
        assert encoded_bits(ENCODINGS[name], shape, "float32") == bits


def test_compression_finds_the_zeros_of_rectified_values() -> None:
    values = np.maximum(np.random.default_rng(1).normal(size=(1, 28, 28, 32)), 0)
    array = values.astype(np.float32)
    assert len(encode(array, ENCODINGS["as-is+zlib"])) < 0.6 * array.nbytes


def test_integers_are_never_quantised() -> None:
    names = [encoding.name for encoding in encodings_for("int8")]
    assert names == ["as-is", "as-is+zlib"]
    with pytest.raises(EncodingError, match="floating-point"):
        encode(np.zeros(3, np.int8), ENCODINGS["int8"])
    assert len(encodings_for("float32")) == len(ENCODINGS) == 8


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_has_no_place_on_a_scale_is_refused(value: float) -> None:
    with pytest.raises(EncodingError, match="as it is") as caught:
        encode(np.array([1, value], np.float32), ENCODINGS["int8"])
    assert isinstance(caught.value, PartitionError | ValueError)


def test_a_number_too_large_for_a_half_is_refused_and_never_becomes_infinite() -> None:
    with pytest.raises(EncodingError, match="65,504"):
        encode(np.array([7e4], np.float32), ENCODINGS["float16"])
    special = np.array([np.inf, -np.inf, np.nan], np.float32)
    assert np.array_equal(there_and_back(special, "float16"), special, equal_nan=True)


def test_a_span_too_wide_for_a_scale_is_refused() -> None:
    with pytest.raises(EncodingError, match="span"):
        encode(np.array([-1e300, 1e300]), ENCODINGS["int8"])


@pytest.mark.parametrize("name", sorted(ENCODINGS))
def test_a_payload_of_another_size_is_refused(name: str) -> None:
    array = np.ones((2, 3), np.float32)
    payload = encode(array, ENCODINGS[name])
    for wrong in (payload[:-1], payload + b"\0", b""):
        with pytest.raises(EncodingError):
            decode(wrong, ENCODINGS[name], array.shape, "float32")
    with pytest.raises(EncodingError):
        decode(payload, ENCODINGS[name], (2, 4), "float32")


def test_a_payload_that_would_inflate_beyond_the_tensor_is_refused() -> None:
    bomb = zlib.compress(bytes(50_000_000))
    with pytest.raises(EncodingError, match="takes 24"):
        decode(bomb, Encoding(numbers="as-is", compressed=True), (2, 3), "float32")


def test_garbage_is_not_decompressed() -> None:
    with pytest.raises(EncodingError, match="zlib"):
        decode(b"garbage", Encoding(numbers="int8", compressed=True), (2,), "float32")


@given(
    npst.arrays(np.uint8, (3, 4, 5)),
    st.sampled_from(["float16", "float32", "float64"]),
    st.sampled_from(sorted(SCALINGS)),
    st.floats(-3, 3, width=16),
)
def test_scaled_bytes_arrive_bit_for_bit_and_nothing_else_is_sent_so(pixels, dtype, scaling, other):
    scaled = SCALINGS[scaling](pixels.astype(dtype))
    for name in ("uint8", "uint8+zlib"):
        payload = encode(scaled, SENDABLE[name])
        found = decode(payload, SENDABLE[name], scaled.shape, dtype)
        assert (found.dtype, found.tobytes()) == (scaled.dtype, scaled.tobytes())
    assert 8 * len(encode(scaled, SENDABLE["uint8"])) == encoded_bits(
        SENDABLE["uint8"], scaled.shape, dtype
    )
    scaled[1, 2, 3] = other
    with suppress(EncodingError):
        payload = encode(scaled, SENDABLE["uint8"])
        found = decode(payload, SENDABLE["uint8"], scaled.shape, dtype)
        assert found.tobytes() == scaled.tobytes()
    scaled[1, 2, 3] = np.nan
    with pytest.raises(EncodingError, match="send them as they are"):
        encode(scaled, SENDABLE["uint8"])


@pytest.mark.parametrize("scaling", [(0, 0, 0), (np.inf, 1, 0), (0, 1, np.nan)])
def test_bytes_of_no_scaling_are_refused(scaling):
    payload = np.array(scaling, "<f4").tobytes() + bytes(6)
    with pytest.raises(EncodingError, match="are no numbers"):
        decode(payload, SENDABLE["uint8"], (2, 3), "float32")
