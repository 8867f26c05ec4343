"""The picture that many an inference begins with: a JPEG as cameras write it, read and decoded.

Whether an input takes pictures is told by its shape and type alone: a spectrogram of one channel
cannot be told from a small grey picture, and its network gets these steps too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from joulesplit.partition import FLOATS, tensor_specs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joulesplit.partition import Network, TensorSpec

WIDTH_PX, HEIGHT_PX = 640, 480
"""Of the JPEG: what cheap cameras deliver."""

QUALITY = 90
"""Of the JPEG, on the scale of libjpeg; colour at half the resolution, Pillow's default."""

PICTURE = f"picture: read a cached JPEG of {WIDTH_PX} × {HEIGHT_PX}, decode, scale"
CONVERT = "input: 8-bit pixels to the network's type"
"""Name of the step that makes a picture's bytes numbers of a network's input."""

MODES = {1: "L", 3: "RGB"}
"""What Pillow calls pictures of so many channels."""

LEAST_SIDE_PX = 16
"""A narrower input, e.g. [1, 128, 3, 1], is a series of readings rather than a picture."""

SCENE_SEED = 1
LEAVES = 300
LEAF_PX = (0.02, 0.2)
"""Radius of a leaf as a share of the longer side; twice as small is four times as frequent, as
things in photographs are."""

TEXTURE_LEVELS = 12.0
"""Standard deviation of the fine structure on the leaves, levels of 255."""


def picture_input(network: Network) -> TensorSpec | None:
    """Return the first input if it takes a picture: [1, height, width, 1 or 3], floats or bytes."""
    for spec in tensor_specs(network, network.inputs[:1]):
        typed = spec.dtype in FLOATS or spec.dtype in ("uint8", "int8")
        if typed and len(spec.shape) == 4 and spec.shape[0] == 1 and spec.shape[3] in MODES:
            return spec if min(spec.shape[1:3]) >= LEAST_SIDE_PX else None
    return None


def picture_keys(network: Network) -> tuple[str, ...]:
    """Return the keys of the steps that there are here for a network's pictures."""
    spec = picture_input(network)
    if spec is None:
        return ()
    decoding = (PICTURE,) if can_decode() else ()
    return decoding if spec.dtype == "uint8" else (*decoding, CONVERT)


def picture_steps(network: Network, directory: Path) -> dict[str, Callable[[], object]]:
    """Return what turns a picture into the input of a network, by the steps' keys.

    Without Pillow nothing is decoded, and the pixels that are converted are those of the scene at
    the network's size. Bytes without sign go into a network as they are.

    Args:
        network: The network; without a picture as its first input it has no such steps.
        directory: Where the JPEG is written; it must outlast the steps.

    Raises:
        OutputError: The JPEG cannot be written.
    """
    spec = picture_input(network)
    if spec is None:
        return {}
    steps: dict[str, Callable[[], object]] = {}
    if can_decode():
        path = write_jpeg(directory)
        steps[PICTURE] = partial(decoded, path, spec)
        pixels = decoded(path, spec)
    else:
        _, height, width, channels = spec.shape
        pixels = np.ascontiguousarray(scene(height, width)[np.newaxis, ..., :channels])
    if spec.dtype != pixels.dtype.name:
        steps[CONVERT] = partial(as_network_takes, pixels, spec.dtype)
    return steps


def what_is_left_out(network: Network) -> str | None:
    """Say that a network's pictures cannot be decoded here, and what would help; None if not so."""
    if picture_input(network) is None or can_decode():
        return None
    return (
        "without Pillow and its JPEG codec, what it costs to decode a picture is not measured; "
        f"{sys.executable} -m pip install Pillow brings them"
    )


def can_decode() -> bool:
    """Say whether Pillow is there, can be loaded, and was built with JPEG."""
    try:
        from PIL import features
    except ImportError:
        return False
    return bool(features.check_codec("jpg"))


def scene(height: int, width: int) -> NDArray[np.uint8]:
    """Return a picture with the statistics of a photograph, [height, width, 3]; always the same.

    Overlapping leaves of every size give edges and even areas, noise whose amplitude falls as
    1/frequency gives fine structure. The JPEG has 2.7 bit per pixel; that of a picture of one
    colour has 0.14, and was decoded in 40 % of the time on one x86-64 machine.
    """
    generator = np.random.default_rng(SCENE_SEED)
    picture = np.full((height, width, 3), 128.0)
    for _ in range(LEAVES):
        _lay_leaf(picture, generator)
    texture = TEXTURE_LEVELS * _texture(generator, height, width)
    return np.rint(picture + texture[..., np.newaxis]).clip(0, 255).astype(np.uint8)


def write_jpeg(directory: Path) -> Path:
    """Write the scene as a JPEG and return its path.

    Raises:
        OutputError: It cannot be written.
    """
    from PIL import Image

    from joulesplit.calibrate._files import write_whole

    content, path = BytesIO(), directory / "picture.jpg"
    Image.fromarray(scene(HEIGHT_PX, WIDTH_PX)).save(content, "JPEG", quality=QUALITY)
    write_whole(path, content.getvalue())
    return path


def decoded(path: Path, spec: TensorSpec) -> NDArray[np.uint8]:
    """Return a picture file as pixels of a network's shape; its sides are scaled each by itself.

    Args:
        path: The file.
        spec: Of the input; its type is not looked at.
    """
    from PIL import Image

    _, height, width, channels = spec.shape
    with Image.open(path) as picture:
        coloured = picture.convert(MODES[channels])
        scaled = coloured.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(scaled).reshape(spec.shape)


def as_network_takes(pixels: NDArray[np.uint8], dtype: str) -> NDArray[Any]:
    """Return 8-bit pixels in the type of a network's input.

    Floats are spread from −1 to 1. Bytes with sign are the pixels less 128, whatever the scale
    and zero point: these are chosen so that −128 and 127 stand for the darkest and the brightest
    input, in the real numbers that the network was trained on.

    Args:
        pixels: 0 is darkest, 255 brightest.
        dtype: A float, or ``int8``.
    """
    if dtype == "int8":
        # Taking 128 off turns over the highest bit, and nothing needs a wider type in between.
        return (pixels ^ np.uint8(0x80)).view(np.int8)
    return (pixels.astype(dtype) - 127.5) / 127.5


def _lay_leaf(picture: NDArray[np.float64], generator: np.random.Generator) -> None:
    """Paint a disc of one colour over what is there."""
    height, width, _ = picture.shape
    least, largest = LEAF_PX
    radius = max(height, width) * least / generator.uniform(least / largest, 1.0)
    y, x = generator.uniform(0.0, (height, width))
    colour = generator.uniform(40.0, 215.0) + generator.uniform(-25.0, 25.0, 3)
    rows = np.arange(max(0, int(y - radius)), min(height, int(y + radius) + 1))[:, np.newaxis]
    columns = np.arange(max(0, int(x - radius)), min(width, int(x + radius) + 1))
    inside = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
    picture[rows, columns] = np.where(inside[..., np.newaxis], colour, picture[rows, columns])


def _texture(generator: np.random.Generator, height: int, width: int) -> NDArray[np.float64]:
    """Return noise of mean 0 and standard deviation 1 whose amplitude falls as 1/frequency."""
    spectrum = np.fft.rfft2(generator.standard_normal((height, width)))
    frequency = np.hypot(np.fft.fftfreq(height)[:, np.newaxis], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(spectrum / frequency, (height, width))
    return np.asarray(noise / noise.std())
