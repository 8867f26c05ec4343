"""Make the six Keras networks beside this script and what TensorFlow's profiler says of them.

Needs TensorFlow (not a dependency of the project): ``python make_keras_networks.py [NAME…]``.

The files are what the converter writes, whole and ready to run, but for the numbers in them:
work, tensors and operators of a network do not depend on its weights. Every larger weight is
overwritten by one repeated tile of random values, so that the files compress to a thousandth.
Its scale keeps the spread of activations from layer to layer, times a gain that is chosen so
that the outputs differ from each other: a wrong split then shows in them.
"""

from __future__ import annotations

import json
import lzma
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2_as_graph,
)

HERE = Path(__file__).parent
FACTS = HERE / "keras_networks.json"
SIZES = {
    "MobileNetV2": 224,
    "EfficientNetB0": 224,
    "ResNet50": 224,
    "InceptionV3": 299,
    "DenseNet121": 224,
    "NASNetMobile": 224,
}
"""Side of the square input image of each network, pixels."""
MAC_OPERATIONS = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
"""The operations of these networks that multiply and accumulate."""
TILE = np.random.default_rng(20261122).choice([-1.0, -0.5, 0.5, 1.0], 997).astype(np.float32)
"""A prime number of values, so that no dimension of a weight is a multiple of the tile."""
GAINS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0)


def build(name: str) -> keras.Model:
    """Return the network with fresh weights, for one image."""
    image = keras.Input(batch_shape=(1, SIZES[name], SIZES[name], 3), name="image")
    return getattr(keras.applications, name)(weights=None, input_tensor=image)


def profile(model: keras.Model) -> dict[str, int]:
    """Return the FLOP of every kind of operation that TensorFlow's profiler counts."""
    spec = tf.TensorSpec(model.inputs[0].shape, tf.float32)
    concrete = tf.function(model).get_concrete_function(spec)
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
    return dict(sorted(found.items()))


def tile_weights(data: bytearray, gain: float) -> None:
    """Overwrite the larger float32 constants of a `.tflite` file where they stand."""
    model = schema.Model.GetRootAs(data)
    graph = model.Subgraphs(0)
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        stored = model.Buffers(tensor.Buffer()).DataAsNumpy()
        if tensor.Type() != schema.TensorType.FLOAT32 or isinstance(stored, int):
            continue
        shape = tensor.ShapeAsNumpy()
        if stored.size < 1024 or len(shape) < 2:
            continue
        is_depthwise = len(shape) == 4 and shape[0] == 1
        fan_in = np.prod(shape[1:3]) if is_depthwise else np.prod(shape[1:])
        start = stored.ctypes.data - np.frombuffer(data, np.uint8).ctypes.data
        scale = gain * np.sqrt(2 / fan_in) / TILE.std()
        new = (np.resize(TILE, stored.size // 4) * scale).astype(np.float32)
        data[start : start + stored.size] = new.tobytes()


def distinct_outputs(data: bytes) -> int:
    """Run a network on a random image; return how many of its outputs differ."""
    interpreter = tf.lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    (image,), (scores,) = interpreter.get_input_details(), interpreter.get_output_details()
    rng = np.random.default_rng(20261122)
    interpreter.set_tensor(image["index"], rng.uniform(-1, 1, image["shape"]).astype(np.float32))
    interpreter.invoke()
    found = interpreter.get_tensor(scores["index"])
    return len(np.unique(found)) if np.isfinite(found).all() else 0


def with_best_gain(data: bytearray) -> bytes:
    """Return the file with the weights whose outputs differ most."""
    best, most = b"", -1
    for gain in GAINS:
        tile_weights(data, gain)
        distinct = distinct_outputs(bytes(data))
        if distinct > most:
            best, most = bytes(data), distinct
    print(f"{most} outputs differ")
    return best


def make(name: str) -> dict[str, object]:
    """Write one network and return its facts."""
    keras.utils.set_random_seed(20261122)
    model = build(name)
    converted = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    data = with_best_gain(bytearray(converted))
    packed = lzma.compress(data, preset=9)
    (HERE / f"{name}.tflite.xz").write_bytes(packed)
    float_ops = profile(model)
    mac = sum(float_ops.get(kind, 0) for kind in MAC_OPERATIONS)
    print(f"{name}: {len(data)} bytes, {len(packed)} packed, {mac} of {sum(float_ops.values())}")
    return {
        "input_shape": [1, SIZES[name], SIZES[name], 3],
        "parameters": model.count_params(),
        "profiler_mac_flop": mac,
        "profiler_flop": float_ops,
    }


def main(names: list[str]) -> None:
    """Make the named networks, or all."""
    facts = json.loads(FACTS.read_text()) if FACTS.exists() else {}
    facts["made_with"] = {"tensorflow": tf.__version__, "keras": keras.__version__}
    for name in names or SIZES:
        facts[name] = make(name)
        FACTS.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
