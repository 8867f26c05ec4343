"""A real JPEG from the file to the network's input, for every kind of input."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from joulesplit.calibrate.instrument import what_is_left_out
from joulesplit.calibrate.instrument._camera_picture import (
    CONVERT,
    HEIGHT_PX,
    PICTURE,
    WIDTH_PX,
    as_network_takes,
    decoded,
    picture_input,
    picture_steps,
    scene,
    write_jpeg,
)
from joulesplit.cli._resources import bundled
from joulesplit.partition import TensorSpec
from joulesplit.partition._network import Quantization
from joulesplit.partition._specs import check_array
from joulesplit.partition.reading import read_network

pytestmark = pytest.mark.usefixtures("needs_pillow")

FULL = (HEIGHT_PX, WIDTH_PX)
EVERY_PIXEL = np.arange(256, dtype=np.uint8)


def spec(*shape, dtype="float32"):
    return TensorSpec(name="x", shape=shape, dtype=dtype)


@pytest.fixture
def taking(network):
    """Return a maker of a network like MobileNetV2 whose first input is another one."""

    def make(*shape, dtype="float32"):
        index = network.inputs[0]
        tensors = list(network.tensors)
        tensors[index] = replace(tensors[index], shape=shape, dtype=dtype)
        return replace(network, tensors=tuple(tensors))

    return make


@pytest.fixture(scope="module")
def jpeg(tmp_path_factory):
    return write_jpeg(tmp_path_factory.mktemp("jpeg"))


def rms(difference):
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64))))


def test_the_jpeg_is_one_and_as_large_as_those_of_photographs(jpeg):
    content = jpeg.read_bytes()
    assert content[:3] == b"\xff\xd8\xff"
    assert content[-2:] == b"\xff\xd9"
    assert 2.0 < 8 * len(content) / (WIDTH_PX * HEIGHT_PX) < 3.5


def test_the_scene_has_detail_everywhere_and_is_always_the_same():
    picture = scene(*FULL)
    assert np.array_equal(picture, scene(*FULL))
    tiles = picture.reshape(HEIGHT_PX // 16, 16, WIDTH_PX // 16, 16, 3)
    assert tiles.std(axis=(1, 3)).min() > 2.0
    assert picture.std() > 40.0
    assert picture.min() < 20
    assert picture.max() > 235


def test_what_is_decoded_is_the_scene_within_the_error_of_the_jpeg(jpeg):
    """Two pictures of one look, e.g. the scene turned around, differ by ten times as much."""
    picture, truth = decoded(jpeg, spec(1, *FULL, 3)), scene(*FULL).astype(float)
    assert picture.shape == (1, *FULL, 3)
    assert picture.dtype == np.uint8
    assert rms(picture[0] - truth) < 5.0
    assert rms(picture[0, ::-1, ::-1] - truth) > 50.0


def test_scaled_to_a_half_every_pixel_is_about_the_mean_of_four(jpeg):
    half = decoded(jpeg, spec(1, HEIGHT_PX // 2, WIDTH_PX // 2, 3))
    means = scene(*FULL).reshape(HEIGHT_PX // 2, 2, WIDTH_PX // 2, 2, 3).mean(axis=(1, 3))
    assert rms(half[0] - means) < 8.0
    assert rms(half[0, ::-1, ::-1] - means) > 50.0


def test_a_grey_network_gets_the_luma_of_the_scene(jpeg):
    """ITU-R BT.601, as JFIF has it; no channel and no other mean is as near."""
    grey, truth = decoded(jpeg, spec(1, *FULL, 1)), scene(*FULL).astype(float)
    assert grey.shape == (1, *FULL, 1)
    away = rms(grey[0, ..., 0] - truth @ (0.299, 0.587, 0.114))
    assert away < 5.0
    for other in (*np.eye(3), np.full(3, 1 / 3)):
        assert away < rms(grey[0, ..., 0] - truth @ other)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint8"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_steps_end_in_what_the_input_takes(taking, tmp_path, dtype, channels):
    network = taking(1, 96, 80, channels, dtype=dtype)
    wanted = picture_input(network)

    steps = picture_steps(network, tmp_path)

    last = steps[CONVERT]() if dtype != "uint8" else steps[PICTURE]()
    check_array(last, wanted)
    assert list(steps) == ([PICTURE] if dtype == "uint8" else [PICTURE, CONVERT])
    assert last.std() > 0.1 * (255 if last.dtype.kind in "iu" else 2)


def test_the_conversion_is_of_the_picture_that_was_decoded(network, tmp_path):
    steps = picture_steps(network, tmp_path)
    assert np.allclose(steps[CONVERT](), steps[PICTURE]() / 127.5 - 1, atol=1e-6)


def test_the_picture_is_read_anew_each_time(network, tmp_path):
    steps = picture_steps(network, tmp_path)
    (path,) = tmp_path.iterdir()
    path.unlink()
    with pytest.raises(FileNotFoundError):
        steps[PICTURE]()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_are_spread_from_minus_to_plus_one(dtype):
    values = as_network_takes(EVERY_PIXEL, dtype)
    assert values.dtype == dtype
    assert (values[0], values[255]) == (-1, 1)
    assert np.allclose(values, np.linspace(-1, 1, 256), atol=np.finfo(dtype).eps)


@pytest.mark.parametrize(
    ("quantization", "darkest", "brightest"),
    [
        (Quantization(scales=(2 / 255,), zero_points=(0,), axis=0), -1.0, 1.0),
        (Quantization(scales=(1 / 127.5,), zero_points=(-1,), axis=0), -1.0, 1.0),
        (Quantization(scales=(1 / 255,), zero_points=(-128,), axis=0), 0.0, 1.0),
        (Quantization(scales=(1.0,), zero_points=(-128,), axis=0), 0.0, 255.0),
        # Mean and deviation of ImageNet's green.
        (Quantization(scales=(1 / 255 / 0.224,), zero_points=(-12,), axis=0), -2.036, 2.429),
    ],
)
def test_signed_bytes_stand_for_the_pixel_whatever_the_network_was_trained_on(
    quantization, darkest, brightest
):
    """Real = scale · (stored − zero point), within the step that rounding the zero point costs."""
    stored = as_network_takes(EVERY_PIXEL, "int8")
    (scale,), (zero_point,) = quantization.scales, quantization.zero_points
    real = scale * (stored.astype(float) - zero_point)
    assert stored.dtype == np.int8
    assert (np.diff(real) > 0).all(), "128 must not come out darker than 127"
    assert np.abs(real - np.linspace(darkest, brightest, 256)).max() <= scale


def test_the_two_bundled_networks_are_given_the_same_picture(tmp_path):
    """One network in two types: the bytes stand for the floats within a step of theirs."""
    given = {}
    for dtype in ("float32", "int8"):
        network = read_network(bundled(f"models/mobilenet_v2_1.0_224_{dtype}.tflite"))
        given[dtype] = picture_steps(network, tmp_path)[CONVERT]()
    quantization = picture_input(network).quantization
    (scale,), (zero_point,) = quantization.scales, quantization.zero_points
    real = scale * (given["int8"].astype(float) - zero_point)
    assert np.abs(real - given["float32"]).max() <= scale


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((1, 224, 224, 2), "float32"),
        ((1, 3, 224, 224), "float32"),
        ((2, 224, 224, 3), "float32"),
        ((224, 224, 3), "float32"),
        ((1, 128, 3, 1), "float32"),
        ((1, 1000), "float32"),
        ((), "float32"),
        ((1, 224, 224, 3), "int32"),
        ((1, 224, 224, 1), "bool"),
        ((1, 224, 224, 1), "string"),
    ],
)
def test_what_takes_no_picture_has_no_such_steps_and_nothing_is_said(
    taking, tmp_path, monkeypatch, shape, dtype
):
    network = taking(*shape, dtype=dtype)
    assert picture_steps(network, tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert what_is_left_out(network) is None


def test_a_network_without_inputs_takes_no_picture(network):
    assert picture_input(replace(network, inputs=())) is None


def test_without_pillow_only_the_decoding_is_left_out_and_it_is_said(
    network, tmp_path, monkeypatch
):
    assert what_is_left_out(network) is None
    monkeypatch.setitem(sys.modules, "PIL", None)

    steps = picture_steps(network, tmp_path)

    assert list(steps) == [CONVERT]
    check_array(steps[CONVERT](), picture_input(network))
    assert steps[CONVERT]().std() > 0.2
    assert f"{sys.executable} -m pip install Pillow" in what_is_left_out(network)
