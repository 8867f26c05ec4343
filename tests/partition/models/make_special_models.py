"""Make the networks beside this script that keep state, hold texts, loop, branch, or need Flex.

Needs what ``make_models.py`` needs, and is run like it: ``python make_special_models.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import make_models
import numpy as np
import tensorflow as tf
from make_models import MAKERS, converted, image, main, profile, small_cnn
from tf_keras import Model, layers

WORDS = ("red", "green", "blue", "black", "white")
LABELS = ("dark", "light")
OTHERS = set(MAKERS)
made = make_models.made


def of_function(
    function: Callable[..., object], owner: tf.Module | None = None, **settings: object
) -> bytes:
    """Convert a ``tf.function`` with a signature of its own."""
    concrete = function.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], owner)
    for name, value in settings.items():
        setattr(converter, name, value)
    return converter.convert()


def weights(*shape: int) -> tf.Tensor:
    """Return the same random numbers for the same shape."""
    rng = np.random.default_rng(make_models.SEED)
    return tf.constant(rng.uniform(-1, 1, shape).astype(np.float32))


@made
def words_to_label() -> bytes:
    """Texts in, through a table to numbers, a small network, through a table to a text out."""

    class Labels(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            numbers = tf.range(len(WORDS), dtype=tf.int64)
            rows = tf.lookup.KeyValueTensorInitializer(tf.constant(WORDS), numbers)
            self.rows = tf.lookup.StaticHashTable(rows, -1)
            places = tf.range(len(LABELS), dtype=tf.int64)
            names = tf.lookup.KeyValueTensorInitializer(places, tf.constant(LABELS))
            self.names = tf.lookup.StaticHashTable(names, "?")

        @tf.function(input_signature=[tf.TensorSpec((6,), tf.string, name="words")])
        def __call__(self, words: tf.Tensor) -> tf.Tensor:
            rows = tf.maximum(self.rows.lookup(words), 0)
            hidden = tf.nn.relu(tf.gather(weights(5, 8), rows) @ weights(8, 4))
            scores = tf.reduce_mean(hidden, axis=0, keepdims=True) @ weights(4, 2)
            return self.names.lookup(tf.argmax(scores, axis=1))

    labels = Labels()
    return of_function(labels.__call__, labels, allow_custom_ops=True)


@made
def running_mean() -> bytes:
    """A variable that several operators share, between two that keep nothing."""

    class Mean(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mean = tf.Variable(np.zeros((1, 8), np.float32), name="mean")

        @tf.function(input_signature=[tf.TensorSpec((1, 16), tf.float32, name="frame")])
        def __call__(self, frame: tf.Tensor) -> tf.Tensor:
            hidden = tf.nn.relu(frame @ weights(16, 8))
            self.mean.assign(0.9 * self.mean + 0.1 * hidden)
            return tf.nn.softmax((hidden - self.mean) @ weights(8, 3))

    mean = Mean()
    return of_function(mean.__call__, mean, experimental_enable_resource_variables=True)


@made
def branches() -> bytes:
    """An IF operator whose branches do different work."""

    @tf.function(input_signature=[tf.TensorSpec((1, 16), tf.float32, name="x")])
    def call(x: tf.Tensor) -> tf.Tensor:
        hidden = tf.nn.relu(x @ weights(16, 8))
        wide, narrow = weights(8, 8), weights(8, 1)
        chosen = tf.cond(
            tf.reduce_sum(hidden) > 4.0,
            lambda: tf.tanh(hidden @ wide) @ wide,
            lambda: hidden * tf.transpose(narrow),
        )
        return tf.nn.softmax(chosen)

    return of_function(call)


@made
def halving() -> bytes:
    """A WHILE operator that runs until the data are small."""

    @tf.function(input_signature=[tf.TensorSpec((1, 8), tf.float32, name="x")])
    def call(x: tf.Tensor) -> tf.Tensor:
        matrix = 0.25 * weights(8, 8)

        def is_large(y: tf.Tensor) -> tf.Tensor:
            return tf.reduce_sum(tf.abs(y)) > 0.1

        (small,) = tf.while_loop(is_large, lambda y: (y @ matrix,), (tf.nn.relu(x),))
        return tf.exp(small)

    return of_function(call)


@made
def flex_inverse() -> bytes:
    """An operation that only TensorFlow's Flex delegate runs."""

    @tf.function(input_signature=[tf.TensorSpec((1, 4, 4), tf.float32, name="x")])
    def call(x: tf.Tensor) -> tf.Tensor:
        inverse = tf.linalg.inv(x + 4.0 * tf.eye(4, batch_shape=[1]))
        return tf.nn.relu(inverse)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()])
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    return converter.convert()


@made
def buffer_offsets() -> bytes:
    """Constants behind the tables, by offset and size, as in files above 2 GB."""
    return converted(small_cnn(), _experimental_use_buffer_offset=True)


@made
def volume() -> bytes:
    """Convolutions in three dimensions, there and back."""
    picture = image(6, 6, 6, 2)
    hidden = layers.Conv3D(4, 3, strides=2, padding="same", activation="relu", name="down")(picture)
    hidden = layers.Conv3DTranspose(3, 2, strides=2, name="up")(hidden)
    model = Model(picture, layers.Conv3D(2, 1, name="mask")(hidden))
    profile("volume", model)
    return converted(model)


@made
def spectrum() -> bytes:
    """Sound as a power spectrum, then a dense layer."""

    @tf.function(input_signature=[tf.TensorSpec((1, 64), tf.float32, name="sound")])
    def call(sound: tf.Tensor) -> tf.Tensor:
        frames = tf.reshape(sound, (1, 4, 16))
        power = tf.abs(tf.signal.rfft(frames)) ** 2
        return tf.nn.softmax(tf.reshape(power, (1, 36)) @ weights(36, 3))

    return of_function(call)


if __name__ == "__main__":
    main(sys.argv[1:] or [name for name in MAKERS if name not in OTHERS])
