"""What encodings do at a cut of a real network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import ENCODINGS
from joulesplit.partition._encoding import encoded_bits
from joulesplit.partition.checking import encoding_effects
from joulesplit.partition.errors import CutError, InputError
from joulesplit.partition.reading import LoadedModel, load_model

AFTER = 12


def test_int8_quarters_the_bits_and_hardly_changes_the_output(float32: LoadedModel) -> None:
    found = {e.encoding: e for e in encoding_effects(float32, AFTER, seeds=range(3))}
    assert list(found) == list(ENCODINGS)
    shape = (1, 28, 28, 32)
    for name, effect in found.items():
        assert (effect.inputs, effect.refused) == (3, None)
        bits = encoded_bits(ENCODINGS[name], shape, "float32")
        if bits is None:
            assert 0 < effect.bits <= effect.bits_max < 32 * np.prod(shape)
        else:
            assert effect.bits == effect.bits_max == bits
        assert effect.encode_s > 0
        assert effect.decode_s > 0
    assert found["as-is"].relative_error == found["as-is+zlib"].relative_error == 0
    assert found["as-is"].top1_agreement == 1
    assert 0 < found["float16"].relative_error < found["int8"].relative_error < 0.5
    for name in ("float16", "int8", "int8-channel"):
        assert found[name].relative_error == found[f"{name}+zlib"].relative_error


def test_what_is_quantised_already_is_only_compressed(int8_path: Path) -> None:
    found = encoding_effects(int8_path, AFTER, seeds=[1])
    assert [(e.encoding, e.relative_error) for e in found] == [("as-is", 0), ("as-is+zlib", 0)]
    assert found[0].bits == 8 * 28 * 28 * 32


def test_the_error_is_that_of_the_network_after_the_cut(two_branches: Path) -> None:
    """After the first operator b, a and y cross; z = y · (b + a), known in closed form."""
    rng = np.random.default_rng(5)
    b, a = (rng.uniform(-1, 1, (2, 3)).astype(np.float32) for _ in range(2))
    found = {e.encoding: e for e in encoding_effects(two_branches, 0, inputs=[[b, a]])}
    y = np.maximum(a, 0)
    b16, a16, y16 = (v.astype(np.float16).astype(np.float32) for v in (b, a, y))
    exact, rounded = (np.stack([v * (u + w), v]) for u, w, v in ((b, a, y), (b16, a16, y16)))
    expected = np.linalg.norm(exact - rounded) / np.linalg.norm(exact)
    assert found["float16"].relative_error == pytest.approx(expected, rel=1e-6)
    assert found["float16"].bits == 3 * 6 * 16


def test_what_an_encoding_cannot_hold_is_told(two_branches: Path) -> None:
    big = [np.full((2, 3), 1e5, np.float32)] * 2
    found = {e.encoding: e for e in encoding_effects(two_branches, 0, inputs=[big])}
    assert "65,504" in str(found["float16"].refused)
    assert found["int8"].refused is None


def test_where_nothing_is_uploaded_nothing_is_measured(two_branches: Path) -> None:
    with pytest.raises(CutError, match="nothing is"):
        encoding_effects(two_branches, 2)
    with pytest.raises(InputError, match="one each"):
        encoding_effects(two_branches, 0, inputs=[[np.zeros((2, 3), np.float32)]])


@pytest.fixture(scope="module")
def float32() -> LoadedModel:
    root = Path(__file__).parents[3]
    return load_model(root / "data" / "models" / "mobilenet_v2_1.0_224_float32.tflite")
