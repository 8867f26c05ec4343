"""Layer names from the tensor names that converters leave in a `.tflite` file: labels only.

TensorFlow's converter names a tensor by the layers fused into it, as paths joined by ``;``::

    mobilenetv2_1/block_1_expand_relu_1/Relu6;mobilenetv2_1/block_1_expand_1/convolution

The path whose last component names a multiply-accumulate operation tells the layer
(``block_1_expand``), without the scopes that most paths share and without the counter that
some exporters append to every layer. LiteRT-Torch's paths are the modules with their classes,
and a counter follows each::

    torchvision.models.squeezenet.SqueezeNet/torch.nn.modules.container.Sequential_features/
    torchvision.models.squeezenet.Fire_3/torch.nn.modules.conv.Conv2d_squeeze;1

The layer is what PyTorch calls it: ``features.3.squeeze``. Of several layers in one name it is
the first that no earlier operator has. What a block's layers have in common labels the block;
its end does not depend on it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from joulesplit.partition._network import Network

FUSED_ROLES = frozenset({"bn", "batchnorm", "relu", "relu6", "swish", "act", "activation"})
"""Roles of layers that converters fuse into the one before them."""
ROLES = FUSED_ROLES | {
    *("expand", "project", "depthwise", "dwconv", "dwconv2", "pointwise", "conv2d"),
    *("squeeze", "excite"),
    *("se", "reduce", "add", "out", "pad", "padding"),
}
"""Words that name a layer's role inside its block; what stands before them names the block."""
MAC_OPERATIONS = ("conv", "depthwise", "matmul", "einsum", "linear", "separable_conv")
"""Beginnings of a path's last component, in lower case."""
INNER = frozenset({"biasadd", "tensordot", "einsum", "separable_conv2d"})
"""Components, in lower case, inside what TensorFlow calls a layer."""
MODULE = re.compile(r"(?:(?:\w+|<locals>)\.)+_*(?P<type>[A-Za-z0-9]+)(?:_(?P<name>\w+))?")
"""A PyTorch module in a path: its class with packages, and its name in the module around it."""
SEPARATORS = re.compile(r"([_./])")

Path = tuple[str, ...]


def operator_layers(network: Network) -> tuple[str, ...]:
    """Return, per operator, the name of its layer (``block_1_expand``), or an empty string."""
    outputs = [operator.outputs[:1] for operator in network.operators]
    paths = _without_scopes(
        [[path for index in own for path in _paths(network.tensors[index].name)] for own in outputs]
    )
    layers: list[str] = []
    taken: set[str] = set()
    for own in paths:
        layers.append(_layer(own, taken))
        taken.add(layers[-1])
    counter = _common_counter([layer for layer in layers if layer])
    return tuple(_unfused(layer.removesuffix(counter)) for layer in layers)


def first_name(tensor_name: str) -> str:
    """Return the first of the names that a converter strings together for a fused result."""
    return tensor_name.split(";", maxsplit=1)[0]


def stem(layer: str) -> str:
    """Return a layer's name up to the first word (not leading) that names a role."""
    words = layer.split("_")
    for position, word in enumerate(words):
        if position and word.lower() in ROLES:
            return "_".join(words[:position])
    return layer


def common_words(names: Sequence[str]) -> str:
    """Return the leading words that all names share; ``_``, ``.`` and ``/`` part words."""
    split = [SEPARATORS.split(name) for name in names]
    shared: list[str] = []
    for words in zip(*split, strict=False):
        if len(set(words)) > 1:
            break
        shared.append(words[0])
    return "".join(shared).rstrip("_./")


def only_counted(shared: str, names: Iterable[str]) -> bool:
    """Return whether names differ from what they share by numbers alone: ``conv2d_5``."""
    rest = [SEPARATORS.sub("", name.removeprefix(shared)) for name in names]
    return all(not own or own.isdigit() for own in rest)


def _paths(tensor_name: str) -> list[Path]:
    paths = (_components(part) for part in tensor_name.split(";"))
    return [path for path in paths if len(path) > 1]


def _components(part: str) -> Path:
    """Return a path's components; of PyTorch modules the layer's name and its class."""
    components = tuple(part.split("/"))
    modules = [MODULE.fullmatch(component) for component in components]
    names = [module["name"] for module in modules if module and module["name"]]
    if not all(modules) or not modules[-1]:
        return components
    return (".".join(names), modules[-1]["type"]) if names else ()


def _without_scopes(paths: list[list[Path]]) -> list[list[Path]]:
    """Strip leading components that more than half of the operators share, nested ones too."""
    while True:
        leading = Counter(own[0][0] for own in paths if own and len(own[0]) > 2)
        scope, count = leading.most_common(1)[0] if leading else ("", 0)
        if 2 * count <= sum(1 for own in paths if own):
            return [[path for path in own if len(path) > 1] for own in paths]
        paths = [
            [path[1:] if path[0] == scope and len(path) > 1 else path for path in own]
            for own in paths
        ]


def _layer(paths: Sequence[Path], taken: set[str]) -> str:
    """Return the layer that multiplies and accumulates, a new one if there is, else the commonest.

    Args:
        paths: The layers that a tensor's name tells.
        taken: Layers of earlier operators.
    """
    working = [_layer_of(path) for path in paths if path[-1].lower().startswith(MAC_OPERATIONS)]
    if working:
        return next((layer for layer in working if layer not in taken), working[0])
    return Counter(map(_layer_of, paths)).most_common(1)[0][0] if paths else ""


def _layer_of(path: Path) -> str:
    layer = path[:-1]
    while len(layer) > 1 and layer[-1].lower() in INNER:
        layer = layer[:-1]
    return "/".join(layer)


def _common_counter(layers: Sequence[str]) -> str:
    """Return the ``_1`` that every layer's name ends in, or an empty string."""
    endings = {re.sub(r".*?(_\d+)?$", r"\1", layer) for layer in layers}
    return endings.pop() if len(endings) == 1 else ""


def _unfused(layer: str) -> str:
    words = layer.split("_")
    while len(words) > 1 and words[-1].lower() in FUSED_ROLES:
        words.pop()
    return "_".join(words)
