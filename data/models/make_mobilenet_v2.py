"""Make the two MobileNetV2 files beside this script: same architecture, synthetic weights.

Needs TensorFlow (not a dependency of the project): ``python make_mobilenet_v2.py [DIRECTORY]``.

Energy, FLOPs and tensor sizes of a network do not depend on what it was trained on, so the
weights are random, from a seed, on a grid of four values per output channel (±1/2, ±1 times a
power of two): the files compress to a tenth, and nothing has to be downloaded or licensed.
They are not noise in, noise out: each batch norm is set from the statistics of seeded images
(scale rounded to a power of two, so that folding it keeps the grid), so that activations stay
spread and finite in every layer and the runtime does the work it would do on a trained network.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf

SEED = 20261122
IMAGE_SIZE = 224
CALIBRATION_IMAGES = 8
GRID = np.array([-1.0, -0.5, 0.5, 1.0], np.float32)
OFFSET_STEP = 0.125
"""Folded biases are multiples of this times a power of two."""
LOGIT_STD = 3.0
"""Spread of the logits: softmax is neither one-hot nor uniform."""


def images(count: int, seed: int) -> np.ndarray:
    """Return float32 images in [-1, 1], shape (count, 224, 224, 3): blotches of several sizes."""
    rng = np.random.default_rng(seed)
    total = np.zeros((count, IMAGE_SIZE, IMAGE_SIZE, 3))
    for cells in (4, 14, 56, 224):
        coarse = rng.uniform(-1, 1, (count, cells, cells, 3))
        step = IMAGE_SIZE // cells
        total += coarse.repeat(step, axis=1).repeat(step, axis=2)
    return (total / np.abs(total).max()).astype(np.float32)


def power_of_two(value: np.ndarray) -> np.ndarray:
    """Round to the nearest power of two."""
    return np.exp2(np.round(np.log2(value))).astype(np.float32)


def set_kernel(layer: keras.Layer, rng: np.random.Generator) -> None:
    """Draw a convolution's kernel from the grid."""
    layer.set_weights([rng.choice(GRID, weight.shape) for weight in layer.get_weights()])


def set_batch_norm(layer: keras.Layer, values: np.ndarray, rng: np.random.Generator) -> None:
    """Normalise what this layer receives to mean ``beta`` and a standard deviation near 1."""
    std = values.std(axis=(0, 1, 2))
    gamma = power_of_two(1 / np.maximum(std, 1e-3))
    mean = np.round(values.mean(axis=(0, 1, 2)) * gamma / OFFSET_STEP) * OFFSET_STEP / gamma
    beta = rng.choice(np.array([0.0, 0.5, 1.0, 1.5], np.float32), gamma.shape)
    variance = np.full(gamma.shape, 1 - layer.epsilon, np.float32)
    layer.set_weights([gamma, beta, mean.astype(np.float32), variance])


def set_dense(layer: keras.Layer, values: np.ndarray, rng: np.random.Generator) -> None:
    """Draw the classifier so that its logits are centred and spread by ``LOGIT_STD``."""
    kernel, bias = layer.get_weights()
    kernel = rng.choice(GRID, kernel.shape)
    logits = values @ kernel
    mean = logits.mean(axis=0)
    scale = power_of_two(LOGIT_STD / (logits - mean).std())
    bias = -np.round(mean * scale / OFFSET_STEP) * OFFSET_STEP
    layer.set_weights([kernel * scale, bias.astype(np.float32)])


def build() -> keras.Model:
    """Return MobileNetV2 1.0 with synthetic weights; reports each block's spread."""
    image = keras.Input(batch_shape=(1, IMAGE_SIZE, IMAGE_SIZE, 3), name="image")
    model = keras.applications.MobileNetV2(weights=None, input_tensor=image)
    rng = np.random.default_rng(SEED)
    values = {model.layers[0].output.name: tf.constant(images(CALIBRATION_IMAGES, SEED))}
    for layer in model.layers[1:]:
        sources = layer.input if isinstance(layer.input, list) else [layer.input]
        inputs = [values[source.name] for source in sources]
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            set_kernel(layer, rng)
        elif isinstance(layer, keras.layers.BatchNormalization):
            set_batch_norm(layer, inputs[0].numpy(), rng)
        elif isinstance(layer, keras.layers.Dense):
            set_dense(layer, inputs[0].numpy(), rng)
        output = layer(inputs if len(inputs) > 1 else inputs[0])
        values[layer.output.name] = output
        report(layer.name, output.numpy())
    return model


def report(name: str, values: np.ndarray) -> None:
    """Print one layer's spread, and stop on anything a runtime would treat specially."""
    if not np.isfinite(values).all():
        raise SystemExit(f"{name}: not finite")
    tiny = np.count_nonzero((values != 0) & (np.abs(values) < np.finfo(np.float32).tiny))
    if tiny:
        raise SystemExit(f"{name}: {tiny} denormals")
    if name.endswith(("_relu", "_BN", "_add", "predictions", "relu")):
        zero, six = (values == 0).mean(), (values >= 6).mean()
        between = values.std(axis=0).mean()
        print(
            f"{name:28s} mean {values.mean():8.4f} std {values.std():8.4f} "
            f"between images {between:7.4f} zero {zero:6.3f} at six {six:6.3f} "
            f"max {values.max():8.4f}"
        )


def calibration() -> Iterator[list[np.ndarray]]:
    """Yield the images from which the converter takes activation ranges."""
    for image in images(4 * CALIBRATION_IMAGES, SEED + 1):
        yield [image[None]]


def convert(model: keras.Model, *, int8: bool) -> bytes:
    """Return the `.tflite` file: float32, or int8 throughout (inputs and outputs too)."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = calibration
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    return converter.convert()


def main(directory: Path) -> None:
    """Write both files and print their compressed sizes."""
    keras.utils.set_random_seed(SEED)
    model = build()
    for kind in ("float32", "int8"):
        data = convert(model, int8=kind == "int8")
        path = directory / f"mobilenet_v2_1.0_224_{kind}.tflite"
        path.write_bytes(data)
        print(f"{path.name}: {len(data)} bytes, {len(zlib.compress(data, 6))} compressed")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
