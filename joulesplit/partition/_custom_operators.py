"""Custom operators that are known: those LiteRT has itself, and those of compiled files.

LiteRT registers three custom operators beside its builtin ones. Their options are a FlexBuffer,
and the shapes of their results follow from these: converters leave them out of the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from joulesplit.partition._network import Shape

CUSTOM = "CUSTOM:"
"""Beginning of a custom operator's kind."""
DETECTIONS = "CUSTOM:TFLite_Detection_PostProcess"
SPECTROGRAM = "CUSTOM:AudioSpectrogram"
CEPSTRUM = "CUSTOM:Mfcc"
LITERT_HAS = frozenset({DETECTIONS, SPECTROGRAM, CEPSTRUM})
"""tensorflow/lite/core/kernels/register.cc: ``AddCustom``."""
COMPILED_FOR = {
    "CUSTOM:edgetpu-custom-op": "the Edge TPU (Coral)",
    "CUSTOM:ethos-u": "Arm's Ethos-U (Vela)",
    "CUSTOM:DISPATCH_OP": "an NPU, by a compiler plug-in of LiteRT",
}
"""An operator that holds a network as an accelerator's own program, and which one that is."""
MAX_OPTIONS_BYTES = 4096
"""Of those that are read; LiteRT's own take some 200."""
Options = Mapping[str, int | tuple[int, ...]]


def custom_options(raw: Any) -> dict[str, int | tuple[int, ...]]:
    """Return the whole numbers among a custom operator's options, by name.

    Raises:
        ValueError: They are no FlexBuffer with a map of numbers.
    """
    from flatbuffers import flexbuffers

    data = bytes(() if raw.customOptions is None else raw.customOptions[:MAX_OPTIONS_BYTES])
    try:
        found = flexbuffers.GetRoot(bytearray(data)).AsMap
        keys, values = found.Keys, found.Values
        pairs = [(keys[i].AsKey, values[i]) for i in range(len(keys))]
        return {str(key): int(one.AsInt) for key, one in pairs if one.IsInt or one.IsBool}
    except Exception as error:
        # The library checks nothing: a damaged buffer makes it raise what it meets.
        raise ValueError(f"options that are no FlexBuffer ({type(error).__name__})") from error


def custom_shapes(
    kind: str, inputs: Sequence[Shape | None], options: Options
) -> tuple[Shape, ...] | None:
    """Return the shapes of the results of one of LiteRT's own custom operators.

    Args:
        kind: The operator's kind.
        inputs: Shapes of its inputs.
        options: Its options.

    Returns:
        None for another operator.

    Raises:
        ValueError: Shapes or options are not those of such an operator.
    """
    rule = {DETECTIONS: _detections, SPECTROGRAM: _spectrogram, CEPSTRUM: _cepstrum}.get(kind)
    if rule is None:
        return None
    try:
        return rule([shape or () for shape in inputs], options)
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{kind} with shapes {list(inputs)} and options {options}") from error


def _detections(_inputs: Sequence[Shape], options: Options) -> tuple[Shape, ...]:
    """Boxes, classes, scores, and how many there are; the kernel takes one picture."""
    count = _number(options, "max_detections") * _number(options, "max_classes_per_detection")
    return (1, count, 4), (1, count), (1, count), (1,)


def _spectrogram(inputs: Sequence[Shape], options: Options) -> tuple[Shape, ...]:
    """Channels, frames, frequencies of the next power of two."""
    samples, channels = inputs[0]
    window, stride = _number(options, "window_size"), _number(options, "stride")
    frames = 0 if samples < window else 1 + (samples - window) // stride
    points: int = 1 << (window - 1).bit_length()
    return ((channels, frames, points // 2 + 1),)


def _cepstrum(inputs: Sequence[Shape], options: Options) -> tuple[Shape, ...]:
    channels, frames, _frequencies = inputs[0]
    return ((channels, frames, _number(options, "dct_coefficient_count")),)


def _number(options: Options, name: str) -> int:
    found = options[name]
    if not isinstance(found, int) or not 0 < found < 2**31:
        raise ValueError(f"{name} is {found}")
    return found
