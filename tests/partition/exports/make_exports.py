"""Make the networks beside this script: exports as LiteRT-Torch and TensorFlow write them.

The two tools are not dependencies of the project, and each wants an environment of its own::

    pip install litert-torch torchvision timm    python make_exports.py torch [NAME…]
    pip install tensorflow-cpu                   python make_exports.py tensorflow [NAME…]

``exports.json`` says what each file was made with. The networks are small relatives of those they
are called after, with random weights: what matters is how the tools lay a file out. Every larger
weight is overwritten where it stands by one repeated tile of random values, so that the files
compress to a hundredth.
"""

from __future__ import annotations

import json
import lzma
import os
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from math import prod
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np

HERE = Path(__file__).parent
FACTS = HERE / "exports.json"
SEED = 20261130
LEAST_TILED_BYTES = 1024
ANCHORS = b"anchors"
"""Sizes among them: they must stay positive."""
TILE = np.random.default_rng(SEED).choice([-1.0, -0.5, 0.5, 1.0], 997).astype(np.float32)
"""A prime number of values, so that no dimension of a weight is a multiple of the tile."""
MAKERS: dict[str, dict[str, Callable[[], bytes]]] = {"torch": {}, "tensorflow": {}}
PACKAGES = {
    "torch": ("litert-torch", "torch", "torchvision", "timm", "transformers", "ai-edge-quantizer"),
    "tensorflow": ("tensorflow-cpu", "keras"),
}


def with_tool(tool: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """Register the maker of one file."""

    def register(maker: Callable[[], bytes]) -> Callable[[], bytes]:
        MAKERS[tool][maker.__name__] = maker
        return maker

    return register


# --- PyTorch -------------------------------------------------------------------------------------


def define_torchvision_operators() -> None:
    """Let torchvision be imported beside a torch for processors; no network here uses these."""
    import torch

    for name in ("nms", "qnms"):
        torch.library.define(
            f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        )


def torch_file(module: Any, *inputs: Any) -> bytes:
    """Convert a module with LiteRT-Torch."""
    import litert_torch

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.tflite"
        litert_torch.convert(module.eval(), inputs).export(str(path))
        return path.read_bytes()


def image(size: int = 64) -> Any:
    import torch

    return torch.zeros(1, 3, size, size)


def vision(name: str, **options: Any) -> bytes:
    from torchvision import models

    return torch_file(getattr(models, name)(weights=None, num_classes=10, **options), image())


def timm_model(name: str, **options: Any) -> bytes:
    import timm

    return torch_file(timm.create_model(name, num_classes=10, **options), image())


@with_tool("torch")
def squeezenet() -> bytes:
    return vision("squeezenet1_1")


@with_tool("torch")
def googlenet() -> bytes:
    return vision("googlenet", aux_logits=False, init_weights=False)


@with_tool("torch")
def shufflenet() -> bytes:
    return vision("shufflenet_v2_x0_5")


@with_tool("torch")
def resnet() -> bytes:
    return vision("resnet18")


@with_tool("torch")
def mobilenet_v3() -> bytes:
    return vision("mobilenet_v3_small")


@with_tool("torch")
def mobilenet_v4() -> bytes:
    return timm_model("mobilenetv4_conv_small_050")


@with_tool("torch")
def convnext() -> bytes:
    return timm_model("convnext_atto", depths=(1, 1, 2, 1), dims=(16, 32, 64, 128))


@with_tool("torch")
def swin() -> bytes:
    return timm_model(
        "swin_tiny_patch4_window7_224",
        img_size=64,
        window_size=4,
        embed_dim=24,
        depths=(2, 2),
        num_heads=(2, 4),
    )


@with_tool("torch")
def vit() -> bytes:
    return timm_model(
        "vit_tiny_patch16_224", img_size=64, patch_size=8, embed_dim=64, depth=4, num_heads=4
    )


@with_tool("torch")
def mobilevit() -> bytes:
    return timm_model("mobilevit_xxs")


@with_tool("torch")
def yolo() -> bytes:  # noqa: C901 - one network, written out
    """A detector as YOLOv8 has it: split halves, a pyramid that is joined, three flat heads."""
    import torch
    from torch import nn

    def conv(i: int, o: int, k: int = 1, s: int = 1) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o), nn.SiLU()
        )

    class C2f(nn.Module):
        def __init__(self, i: int, o: int) -> None:
            super().__init__()
            self.cv1, self.cv2 = conv(i, o), conv(o + o // 2, o)
            self.m = nn.Sequential(conv(o // 2, o // 2, 3), conv(o // 2, o // 2, 3))

        def forward(self, x: Any) -> Any:
            a, b = self.cv1(x).chunk(2, 1)
            return self.cv2(torch.cat((a, b, b + self.m(b)), 1))

    class Sppf(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.cv1, self.cv2 = conv(c, c // 2), conv(2 * c, c)
            self.pool = nn.MaxPool2d(5, 1, 2)

        def forward(self, x: Any) -> Any:
            found = [self.cv1(x)]
            for _ in range(3):
                found.append(self.pool(found[-1]))
            return self.cv2(torch.cat(found, 1))

    class Detector(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(conv(3, 8, 3, 2), conv(8, 16, 3, 2), C2f(16, 16))
            self.down3 = nn.Sequential(conv(16, 32, 3, 2), C2f(32, 32))
            self.down4 = nn.Sequential(conv(32, 64, 3, 2), C2f(64, 64))
            self.down5 = nn.Sequential(conv(64, 64, 3, 2), C2f(64, 64), Sppf(64))
            self.up4, self.up3 = C2f(128, 64), C2f(96, 32)
            self.box = nn.ModuleList(
                nn.Sequential(conv(c, 16, 3), nn.Conv2d(16, 64, 1)) for c in (32, 64, 64)
            )
            self.cls = nn.ModuleList(
                nn.Sequential(conv(c, 16, 3), nn.Conv2d(16, 10, 1)) for c in (32, 64, 64)
            )
            self.up = nn.Upsample(scale_factor=2)

        def forward(self, x: Any) -> Any:
            p3 = self.down3(self.stem(x))
            p4 = self.down4(p3)
            p5 = self.down5(p4)
            p4 = self.up4(torch.cat((self.up(p5), p4), 1))
            p3 = self.up3(torch.cat((self.up(p4), p3), 1))
            flat = [
                torch.cat((b(p), c(p)), 1).flatten(2)
                for b, c, p in zip(self.box, self.cls, (p3, p4, p5), strict=True)
            ]
            boxes, classes = torch.cat(flat, 2).split((64, 10), 1)
            n = boxes.shape[2]
            spread = boxes.view(1, 4, 16, n).transpose(2, 1).softmax(1)
            sides = (spread * torch.arange(16.0).view(1, 16, 1, 1)).sum(1)
            return torch.cat((sides, classes.sigmoid()), 1)

    return torch_file(Detector(), image(96))


@with_tool("torch")
def bert() -> bytes:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=500, hidden_size=64, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=128, max_position_embeddings=64, attn_implementation="eager",
    )  # fmt: skip

    class Scores(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = BertForSequenceClassification(config)

        def forward(self, ids: Any, mask: Any) -> Any:
            return self.bert(ids, attention_mask=mask).logits

    ids = torch.zeros(1, 32, dtype=torch.long)
    return torch_file(Scores(), ids, torch.ones(1, 32, dtype=torch.long))


@with_tool("torch")
def whisper() -> bytes:
    """The encoder: two convolutions over time, then a transformer."""
    import torch
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    config = WhisperConfig(
        d_model=64, encoder_layers=3, encoder_attention_heads=4, encoder_ffn_dim=128,
        max_source_positions=50, num_mel_bins=40, attn_implementation="eager",
    )  # fmt: skip

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = WhisperEncoder(config)

        def forward(self, sound: Any) -> Any:
            return self.encoder(sound).last_hidden_state

    return torch_file(Encoder(), torch.zeros(1, 40, 100))


@with_tool("torch")
def audio_cnn() -> bytes:
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    for i, o in ((1, 8), (8, 16), (16, 32), (32, 32)):
        layers += [nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    module = nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 2 * 4, 64), nn.ReLU(),
                           nn.Linear(64, 10), nn.Softmax(1))  # fmt: skip
    return torch_file(module, torch.zeros(1, 1, 43, 64))


@with_tool("torch")
def lstm_step() -> bytes:
    """One step of an LSTM that hands its state out and takes it in again."""
    import torch
    from torch import nn

    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.out = nn.LSTMCell(40, 64), nn.Linear(64, 12)

        def forward(self, frame: Any, h: Any, c: Any) -> Any:
            h, c = self.cell(frame, (h, c))
            return self.out(h), h, c

    return torch_file(Step(), torch.zeros(1, 40), torch.zeros(1, 64), torch.zeros(1, 64))


def quantised(data: bytes, recipe: str, **options: Any) -> bytes:
    """Quantise the weights of a file with LiteRT's own quantiser."""
    from ai_edge_quantizer import quantizer
    from ai_edge_quantizer import recipe as recipes

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.tflite"
        path.write_bytes(data)
        tool = quantizer.Quantizer(str(path))
        tool.load_quantization_recipe(getattr(recipes, recipe)(**options))
        return bytes(tool.quantize().quantized_model)


@with_tool("torch")
def vit_dynamic_int8() -> bytes:
    return quantised(vit(), "dynamic_wi8_afp32")


@with_tool("torch")
def bert_int4_blocks() -> bytes:
    """Weights of 4 bit with a scale for each block of 32, as for language models."""
    from ai_edge_quantizer import qtyping, quantizer

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.tflite"
        path.write_bytes(bert())
        tool = quantizer.Quantizer(str(path))
        weights = qtyping.TensorQuantizationConfig(
            num_bits=4, symmetric=True, granularity=qtyping.QuantGranularity.BLOCKWISE_32
        )
        tool.update_quantization_recipe(
            regex=".*",
            operation_name=qtyping.TFLOperationName.FULLY_CONNECTED,
            op_config=qtyping.OpQuantizationConfig(
                weight_tensor_config=weights, compute_precision=qtyping.ComputePrecision.INTEGER
            ),
        )
        return bytes(tool.quantize().quantized_model)


@with_tool("torch")
def language_step() -> bytes:
    """Decoding a word: keys and values of the words before come in, and go out longer by one."""
    import torch
    from torch import nn

    class Layer(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
            self.norm, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

        def forward(self, x: Any, keys: Any, values: Any, place: Any) -> Any:
            q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
            keys = keys * (1 - place) + place * k
            values = values * (1 - place) + place * v
            weights = (q @ keys.transpose(1, 2) / 8).softmax(-1)
            x = x + self.out(weights @ values)
            return x + self.down(torch.relu(self.up(self.norm2(x)))), keys, values

    class Step(nn.Module):
        def __init__(self, width: int = 64) -> None:
            super().__init__()
            self.embed = nn.Embedding(300, width)
            self.layers = nn.ModuleList(Layer(width) for _ in range(2))
            self.head = nn.Linear(width, 300)

        def forward(self, token: Any, place: Any, *caches: Any) -> Any:
            k_0, v_0, k_1, v_1 = caches
            x = self.embed(token)
            x, k_0, v_0 = self.layers[0](x, k_0, v_0, place)
            x, k_1, v_1 = self.layers[1](x, k_1, v_1, place)
            return self.head(x), k_0, v_0, k_1, v_1

    cache = [torch.zeros(1, 24, 64) for _ in range(4)]
    return torch_file(Step(), torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 24, 1), *cache)


# --- TensorFlow ----------------------------------------------------------------------------------


def keras_file(model: Any, configure: Callable[[Any], None] = lambda _converter: None) -> bytes:
    """Convert a Keras model with TensorFlow's converter."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    configure(converter)
    return bytes(converter.convert())


def function_file(function: Any, *specs: Any, custom: bool = False) -> bytes:
    import tensorflow as tf

    traced = tf.function(function, input_signature=specs).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])
    converter.allow_custom_ops = custom
    return bytes(converter.convert())


def small_cnn(*, batch: int | None = 1) -> Any:
    import keras

    inputs = keras.Input(batch_shape=(batch, 48, 48, 3), name="image")
    x = inputs
    for i, channels in enumerate((8, 16, 32)):
        x = keras.layers.Conv2D(channels, 3, 2, "same", use_bias=False, name=f"conv_{i}")(x)
        x = keras.layers.BatchNormalization(name=f"norm_{i}")(x)
        x = keras.layers.ReLU(name=f"relu_{i}")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, keras.layers.Dense(10, "softmax", name="scores")(x))


def examples() -> Any:
    rng = np.random.default_rng(SEED)
    for _ in range(8):
        yield [rng.uniform(-1, 1, (1, 48, 48, 3)).astype(np.float32)]


@with_tool("tensorflow")
def mobilenet_v1_open_batch() -> bytes:
    """As Keras's networks are converted by default: the batch is left open."""
    import keras

    return keras_file(
        keras.applications.MobileNet((96, 96, 3), alpha=0.25, weights=None, classes=10)
    )


@with_tool("tensorflow")
def resnet_open_batch() -> bytes:
    import keras

    inputs = keras.Input((48, 48, 3), name="image")
    x = keras.layers.Conv2D(16, 3, 2, "same", name="stem")(inputs)
    for i in range(3):
        y = keras.layers.Conv2D(16, 3, 1, "same", activation="relu", name=f"block{i}_a")(x)
        y = keras.layers.Conv2D(16, 3, 1, "same", name=f"block{i}_b")(y)
        x = keras.layers.ReLU(name=f"block{i}_out")(keras.layers.Add(name=f"block{i}_add")([x, y]))
    x = keras.layers.Reshape((12, 48, 16), name="rows")(x)
    x = keras.layers.Flatten(name="flat")(x)
    return keras_file(keras.Model(inputs, keras.layers.Dense(10, name="scores")(x)))


@with_tool("tensorflow")
def cnn_int8() -> bytes:
    import tensorflow as tf

    def whole_numbers(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = examples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8

    return keras_file(small_cnn(), whole_numbers)


@with_tool("tensorflow")
def cnn_int16x8() -> bytes:
    import tensorflow as tf

    def wide(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = examples
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]

    return keras_file(small_cnn(), wide)


@with_tool("tensorflow")
def early_exit() -> bytes:
    """Goes on only where the first scores are close: an IF with a network in one branch."""
    import keras
    import tensorflow as tf

    stem = keras.Sequential([keras.layers.Conv2D(8, 3, 2, "same", activation="relu")])
    quick = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])
    rest = keras.Sequential(
        [keras.layers.Conv2D(32, 3, 2, "same", activation="relu") for _ in range(3)]
        + [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)]
    )
    shape = (1, 48, 48, 3)
    rest(stem(tf.zeros(shape)))
    quick(stem(tf.zeros(shape)))

    def scores(picture: Any) -> Any:
        features = stem(picture)
        first = quick(features)
        sure = tf.reduce_max(tf.nn.softmax(first)) > 0.5
        return tf.cond(sure, lambda: first, lambda: rest(features))

    return function_file(scores, tf.TensorSpec(shape, tf.float32, "picture"))


def detector_heads() -> Any:
    """Return a module that gives boxes and scores of 189 anchors for a picture of 48 × 48."""
    import keras

    inputs = keras.Input(batch_shape=(1, 48, 48, 3), name="image")
    x, found = inputs, []
    for i, channels in enumerate((8, 16, 24, 32)):
        x = keras.layers.Conv2D(channels, 3, 2, "same", activation="relu", name=f"level_{i}")(x)
        if i > 0:
            found.append(x)
    boxes = [
        keras.layers.Conv2D(4, 3, 1, "same", activation="tanh", name=f"box_{i}")(f)
        for i, f in enumerate(found)
    ]
    marks = [
        keras.layers.Conv2D(5, 3, 1, "same", activation="sigmoid", name=f"class_{i}")(f)
        for i, f in enumerate(found)
    ]
    flat = [
        keras.layers.Concatenate(1, name=name)(
            [keras.layers.Reshape((-1, size), name=f"{name}_{i}")(one) for i, one in enumerate(own)]
        )
        for name, own, size in (("boxes", boxes, 4), ("scores", marks, 5))
    ]
    return keras.Model(inputs, flat)


@with_tool("tensorflow")
def efficientdet_nms() -> bytes:
    """A detector with TensorFlow's non-maximum suppression behind it."""
    import tensorflow as tf

    heads = detector_heads()

    def detect(picture: Any) -> Any:
        boxes, scores = heads(picture)
        boxes, best = boxes[0], tf.reduce_max(scores[0], 1)
        kept, kept_scores, count = tf.raw_ops.NonMaxSuppressionV5(
            boxes=boxes, scores=best, max_output_size=20, iou_threshold=0.5,
            score_threshold=0.1, soft_nms_sigma=0.0, pad_to_max_output_size=True,
        )  # fmt: skip
        return tf.gather(boxes, kept), kept_scores, count

    return function_file(detect, tf.TensorSpec((1, 48, 48, 3), tf.float32, "picture"))


@with_tool("tensorflow")
def ssd_postprocess() -> bytes:
    """An SSD with LiteRT's own custom operator behind it, as the Object Detection API exports."""
    import tensorflow as tf
    from tensorflow.lite.python import schema_py_generated as schema

    heads = detector_heads()
    data = keras_file(heads)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(data)))
    graph = model.subgraphs[0]
    names = [t.name for t in graph.tensors]
    by_width = {int(graph.tensors[i].shape[-1]): i for i in graph.outputs}
    count = int(graph.tensors[by_width[4]].shape[1])
    anchors = np.random.default_rng(SEED).uniform(0.1, 0.9, (count, 4)).astype(np.float32)
    model.buffers.append(schema.BufferT())
    model.buffers[-1].data = np.frombuffer(anchors.tobytes(), np.uint8)

    def tensor(name: str, shape: tuple[int, ...], buffer: int = 0) -> int:
        new = schema.TensorT()
        new.name, new.type, new.buffer = name.encode(), schema.TensorType.FLOAT32, buffer
        new.shape, new.hasRank = np.array(shape, np.int32), bool(shape)
        graph.tensors.append(new)
        return len(graph.tensors) - 1

    place = tensor(ANCHORS.decode(), (count, 4), len(model.buffers) - 1)
    results = [tensor(f"TFLite_Detection_PostProcess{end}", ()) for end in ("", ":1", ":2", ":3")]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = b"TFLite_Detection_PostProcess", 1
    model.operatorCodes.append(code)
    from flatbuffers import flexbuffers

    builder = flexbuffers.Builder()
    with builder.Map():
        for key, value in (
            ("max_detections", 10), ("max_classes_per_detection", 1), ("detections_per_class", 100),
            ("use_regular_nms", 0), ("num_classes", 4),
        ):  # fmt: skip
            builder.Key(key)
            builder.Int(value)
        for key, number in (
            ("nms_score_threshold", 0.1), ("nms_iou_threshold", 0.6),
            ("y_scale", 10.0), ("x_scale", 10.0), ("h_scale", 5.0), ("w_scale", 5.0),
        ):  # fmt: skip
            builder.Key(key)
            builder.Float(number)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs = np.array([by_width[4], by_width[5], place], np.int32)
    operator.outputs = np.array(results, np.int32)
    operator.customOptions = np.frombuffer(bytes(builder.Finish()), np.uint8)
    graph.operators.append(operator)
    graph.outputs = np.array(results, np.int32)
    model.signatureDefs = None
    del names, tf
    import flatbuffers

    packed = flatbuffers.Builder(1024)
    packed.Finish(model.Pack(packed), b"TFL3")
    return bytes(packed.Output())


@with_tool("tensorflow")
def keyword_spotting() -> bytes:
    """Sound to words: a spectrogram, its cepstrum, a small network."""
    import keras
    import tensorflow as tf

    net = keras.Sequential(
        [
            keras.layers.Conv2D(8, 3, 1, "same", activation="relu"),
            keras.layers.MaxPool2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(12, "softmax"),
        ]
    )
    net(tf.zeros((1, 49, 40, 1)))

    def words(sound: Any) -> Any:
        spectrum = tf.raw_ops.AudioSpectrogram(
            input=sound, window_size=640, stride=320, magnitude_squared=True
        )
        cepstrum = tf.raw_ops.Mfcc(
            spectrogram=spectrum, sample_rate=16000, dct_coefficient_count=40
        )
        return net(tf.reshape(cepstrum, (1, 49, 40, 1)))

    return function_file(words, tf.TensorSpec((16000, 1), tf.float32, "sound"), custom=True)


# --- files ---------------------------------------------------------------------------------------


def schema_of(tool: str) -> Any:
    if tool == "torch":
        from ai_edge_litert import schema_py_generated as schema
    else:
        from tensorflow.lite.python import schema_py_generated as schema
    return schema


def tile_weights(data: bytearray, schema: Any) -> None:
    """Overwrite the larger constants of a `.tflite` file where they stand."""
    model = schema.Model.GetRootAs(data)
    types = schema.TensorType
    for tensor in (
        graph.Tensors(i)
        for graph in map(model.Subgraphs, range(model.SubgraphsLength()))
        for i in range(graph.TensorsLength())
    ):
        stored, shape = model.Buffers(tensor.Buffer()).DataAsNumpy(), tensor.ShapeAsNumpy()
        if isinstance(stored, int) or stored.size < LEAST_TILED_BYTES or len(shape) < 2:
            continue
        if tensor.Name() == ANCHORS:
            continue
        if tensor.Type() == types.FLOAT32:
            fan_in = prod(shape[1:3]) if len(shape) == 4 and shape[0] == 1 else prod(shape[1:])
            scale = np.sqrt(2 / fan_in) / TILE.std()
            new = (np.resize(TILE, stored.size // 4) * scale).astype(np.float32).view(np.uint8)
        elif tensor.Type() in (types.INT8, types.INT4):
            # Whole bytes of either: two numbers of 4 bit, or one of 8.
            new = np.resize((TILE * 100).astype(np.int8), stored.size).view(np.uint8)
        else:
            continue
        start = stored.ctypes.data - np.frombuffer(data, np.uint8).ctypes.data
        data[start : start + stored.size] = new.tobytes()


def main(tool: str, names: list[str]) -> None:
    """Make the named networks of a tool, or all of them."""
    facts = json.loads(FACTS.read_text()) if FACTS.exists() else {}
    schema = schema_of(tool)
    if tool == "torch":
        define_torchvision_operators()
    for name in names or MAKERS[tool]:
        np.random.seed(SEED)
        data = bytearray(MAKERS[tool][name]())
        tile_weights(data, schema)
        packed = lzma.compress(data, preset=9)
        (HERE / f"{name}.tflite.xz").write_bytes(packed)
        facts[name] = tool
        facts["made_with"] = facts.get("made_with", {}) | {p: version(p) for p in PACKAGES[tool]}
        FACTS.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
        print(f"{name}: {len(data)} bytes, {len(packed)} packed", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
