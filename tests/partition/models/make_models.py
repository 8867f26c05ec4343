"""Make the small networks beside this script: recurrent, several inputs and outputs, formats.

Needs TensorFlow with tf_keras (not dependencies of the project): ``python make_models.py``.
Each function makes one file of its name; weights are random, from a seed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# Only Keras 2's recurrent layers are fused into the operators of TensorFlow Lite.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2_as_graph,
)
from tf_keras import layers

HERE = Path(__file__).parent
FACTS = HERE / "models.json"
SEED = 20261122
MAKERS: dict[str, Callable[[], bytes]] = {}
PROFILED: dict[str, dict[str, int]] = {}


def made(maker: Callable[[], bytes]) -> Callable[[], bytes]:
    """Register the maker of one file."""
    MAKERS[maker.__name__] = maker
    return maker


def profile(name: str, model: keras.Model) -> None:
    """Note what TensorFlow's profiler counts for a network."""
    specs = [tf.TensorSpec(one.shape, one.dtype) for one in model.inputs]
    concrete = tf.function(lambda *inputs: model(list(inputs))).get_concrete_function(*specs)
    _, definition = convert_variables_to_constants_v2_as_graph(concrete)
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(definition, name="")
        options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
        options["output"] = "none"
        node = tf.compat.v1.profiler.profile(graph, options=options, cmd="op")
    found: dict[str, int] = {}
    while node.children:
        node = node.children[0]
        if node.float_ops:
            found[node.name] = node.float_ops
    PROFILED[name] = dict(sorted(found.items()))


def converted(model: keras.Model, **settings: object) -> bytes:
    """Convert a Keras network."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    for name, value in settings.items():
        if name == "ops":
            converter.target_spec.supported_ops = value
        elif name == "types":
            converter.target_spec.supported_types = value
        else:
            setattr(converter, name, value)
    return converter.convert()


def image(*shape: int, batch: int | None = 1, name: str = "image") -> keras.KerasTensor:
    """Return an input."""
    return keras.Input(batch_size=batch, shape=shape, name=name)


def samples(*shapes: tuple[int, ...]) -> Callable[[], Iterator[list[np.ndarray]]]:
    """Return a representative data set for quantising."""

    def generate() -> Iterator[list[np.ndarray]]:
        rng = np.random.default_rng(SEED)
        for _ in range(16):
            yield [rng.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]

    return generate


def recurrent(cell: Callable[..., object]) -> keras.Model:
    """Return frames – dense – recurrent – dense."""
    frames = image(12, 8, name="frames")
    hidden = layers.TimeDistributed(layers.Dense(10, activation="relu"), name="embed")(frames)
    hidden = cell(hidden)
    return keras.Model(frames, layers.Dense(5, activation="softmax", name="classify")(hidden))


@made
def lstm() -> bytes:
    """One fused operator, UNIDIRECTIONAL_SEQUENCE_LSTM."""
    return converted(recurrent(layers.LSTM(16, name="lstm")))


@made
def lstm_dynamic_range() -> bytes:
    """Weights in int8, activations in float32 (hybrid kernels)."""
    model = recurrent(layers.LSTM(36, name="lstm"))
    # The newer quantiser leaves recurrent cells alone.
    settings = {"experimental_new_dynamic_range_quantizer": False}
    return converted(model, optimizations=[tf.lite.Optimize.DEFAULT], **settings)


@made
def lstm_unrolled() -> bytes:
    """The same cell as plain operators; its state comes from outside, so no step is folded."""
    frames, hidden, cell = image(3, 8, name="frames"), image(16, name="h"), image(16, name="c")
    layer = layers.LSTM(16, unroll=True, name="lstm")
    model = keras.Model([frames, hidden, cell], layer(frames, initial_state=[hidden, cell]))
    profile("lstm_unrolled", model)
    return converted(model)


@made
def bidirectional_lstm() -> bytes:
    """Two fused operators, one on the reversed sequence."""
    cell = layers.Bidirectional(layers.LSTM(6, return_sequences=True), name="both")
    return converted(recurrent(cell))


@made
def gru_unrolled() -> bytes:
    """Plain operators, step by step: TensorFlow Lite has no GRU."""
    model = recurrent(layers.GRU(4, unroll=True, name="gru"))
    profile("gru_unrolled", model)
    return converted(model)


@made
def gru_loop() -> bytes:
    """A WHILE operator that runs two subgraphs."""
    return converted(recurrent(layers.GRU(4, name="gru")))


@made
def two_inputs_two_outputs() -> bytes:
    """An image and a vector, joined halfway; a class and a box."""
    picture, vector = image(16, 16, 3), image(6, name="vector")
    hidden = layers.Conv2D(8, 3, strides=2, activation="relu", name="stem")(picture)
    box = layers.Dense(4, name="box")(layers.Flatten()(layers.MaxPool2D(name="pool")(hidden)))
    joined = layers.Concatenate()([layers.GlobalAveragePooling2D()(hidden), vector])
    label = layers.Dense(3, activation="softmax", name="label")(joined)
    model = keras.Model([picture, vector], [label, box])
    profile("two_inputs_two_outputs", model)
    return converted(model)


def small_cnn() -> keras.Model:
    """Return a residual network with a depthwise convolution."""
    picture = image(16, 16, 3)
    first = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu6", name="stem")(picture)
    hidden = layers.DepthwiseConv2D(3, padding="same", activation="relu6", name="dw")(first)
    hidden = layers.Add(name="add")([layers.Conv2D(8, 1, name="pw")(hidden), first])
    hidden = layers.GlobalAveragePooling2D(name="mean")(hidden)
    return keras.Model(picture, layers.Dense(10, activation="softmax", name="label")(hidden))


@made
def cnn_float16() -> bytes:
    """Weights in float16, unpacked by DEQUANTIZE operators."""
    settings = {"optimizations": [tf.lite.Optimize.DEFAULT], "types": [tf.float16]}
    return converted(small_cnn(), **settings)


@made
def cnn_dynamic_range() -> bytes:
    """Larger weights in int8, activations in float32 (hybrid kernels)."""
    picture = image(8, 8, 3)
    hidden = layers.Conv2D(48, 3, strides=2, name="conv")(picture)
    model = keras.Model(picture, layers.Dense(8, name="label")(layers.Flatten()(hidden)))
    return converted(model, optimizations=[tf.lite.Optimize.DEFAULT])


@made
def cnn_int16x8() -> bytes:
    """Activations in int16, weights in int8."""
    wide = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    return converted(
        small_cnn(),
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=samples((1, 16, 16, 3)),
        ops=[wide],
        inference_input_type=tf.int16,
        inference_output_type=tf.int16,
    )


@made
def cnn_open_batch() -> bytes:
    """The batch is open in every tensor."""
    picture = image(8, 8, 3, batch=None)
    hidden = layers.Conv2D(4, 3, name="conv")(picture)
    hidden = layers.Reshape((12, 12), name="pairs")(hidden)
    return converted(keras.Model(picture, layers.Dense(5, name="label")(hidden)))


@made
def cnn_open_image() -> bytes:
    """Height and width of the image are open."""
    picture = keras.Input(batch_size=1, shape=(None, None, 3), name="image")
    hidden = layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(picture)
    hidden = layers.UpSampling2D(interpolation="bilinear", name="up")(hidden)
    return converted(keras.Model(picture, layers.Conv2D(2, 1, name="mask")(hidden)))


@made
def many_products() -> bytes:
    """Grouped, dilated, transposed and batched products, against the profiler."""
    picture = image(12, 12, 8)
    hidden = layers.Conv2D(16, 3, groups=4, padding="same", name="grouped")(picture)
    hidden = layers.Conv2D(8, 3, dilation_rate=2, name="dilated")(hidden)
    hidden = layers.Conv2DTranspose(6, 3, strides=2, padding="same", name="up")(hidden)
    hidden = layers.SeparableConv2D(4, 3, depth_multiplier=2, name="separable")(hidden)
    rows = layers.Reshape((14, 56), name="rows")(hidden)
    product = layers.Lambda(lambda x: tf.matmul(x, x, transpose_b=True), name="product")(rows)
    model = keras.Model(picture, layers.Dense(3, name="label")(product))
    profile("many_products", model)
    return converted(model)


@made
def text_embedding() -> bytes:
    """Word numbers, a table, attention, layer norm."""
    words = keras.Input(batch_size=1, shape=(10,), dtype="int32", name="words")
    table = layers.Embedding(50, 16, name="table")(words)
    mixed = layers.MultiHeadAttention(2, 8, name="attention")(table, table)
    hidden = layers.LayerNormalization(name="norm")(layers.Add()([table, mixed]))
    hidden = layers.Dense(8, activation="gelu", name="wide")(hidden)
    hidden = layers.GlobalAveragePooling1D()(hidden)
    model = keras.Model(words, layers.Dense(2, name="label")(hidden))
    profile("text_embedding", model)
    return converted(model)


@made
def two_signatures() -> bytes:
    """Two functions of one module, each a subgraph with a signature of its own."""

    class Both(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = tf.Variable(np.eye(4, dtype=np.float32) * 2)

        @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32, name="x")])
        def encode(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"code": tf.nn.relu(x @ self.weights)}

        @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32, name="code")])
        def decode(self, code: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"x": tf.tanh(code @ self.weights)}

    both = Both()
    functions = [both.encode.get_concrete_function(), both.decode.get_concrete_function()]
    with tempfile.TemporaryDirectory() as directory:
        tf.saved_model.save(both, directory, {"encode": functions[0], "decode": functions[1]})
        return tf.lite.TFLiteConverter.from_saved_model(
            directory, signature_keys=["encode", "decode"]
        ).convert()


@made
def custom_operator() -> bytes:
    """An operation that TensorFlow Lite does not have, between two that it has."""

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 2), tf.float32, name="image")])
    def call(picture: tf.Tensor) -> tf.Tensor:
        pooled, _ = tf.nn.max_pool_with_argmax(tf.nn.relu(picture), 2, 2, "SAME")
        return tf.reduce_mean(pooled, axis=(1, 2))

    converter = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()])
    converter.allow_custom_ops = True
    return converter.convert()


@made
def data_dependent() -> bytes:
    """As many rows as the input has positive numbers."""

    @tf.function(input_signature=[tf.TensorSpec((16,), tf.float32, name="x")])
    def call(x: tf.Tensor) -> tf.Tensor:
        kept = tf.boolean_mask(x, x > 0)
        return tf.exp(kept) * 2.0

    converter = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()])
    return converter.convert()


@made
def stateful() -> bytes:
    """A counter in a variable."""

    class Counter(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.count = tf.Variable(np.zeros(4, np.float32))

        @tf.function(input_signature=[tf.TensorSpec((4,), tf.float32, name="x")])
        def __call__(self, x: tf.Tensor) -> tf.Tensor:
            self.count.assign_add(x)
            return self.count * 2.0

    counter = Counter()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [counter.__call__.get_concrete_function()], counter
    )
    converter.experimental_enable_resource_variables = True
    return converter.convert()


def main(names: list[str]) -> None:
    """Make the named files, or all, and note what the profiler counts."""
    for name in names or MAKERS:
        keras.utils.set_random_seed(SEED)
        data = MAKERS[name]()
        (HERE / f"{name}.tflite").write_bytes(data)
        print(f"{name}: {len(data)} bytes")
    facts = json.loads(FACTS.read_text()) if FACTS.exists() else {}
    facts |= {"made_with": {"tensorflow": tf.__version__, "keras": keras.__version__}}
    facts |= {name: {"profiler_flop": flop} for name, flop in PROFILED.items()}
    FACTS.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
