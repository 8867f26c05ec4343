"""What an encoding costs and saves at a cut: measured bits, seconds, and error at the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulesplit.partition._encoding import ENCODINGS, Encoding, encodings_for
from joulesplit.partition._inputs import random_inputs
from joulesplit.partition._network import Network, Quantization
from joulesplit.partition._runtime import Runner
from joulesplit.partition._specs import TEXT, check_array, tensor_specs
from joulesplit.partition.checking._sending import Arrays, send
from joulesplit.partition.checking._tracing import run_parts
from joulesplit.partition.errors import CutError, EncodingError, InputError
from joulesplit.partition.parts import Part, cut_after, split_parts
from joulesplit.partition.reading import LoadedModel, load_model


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingEffect:
    """An encoding at a cut, measured on some inputs on this machine.

    Attributes:
        encoding: Name of the encoding. Integers that cross are sent without loss in any case.
        bits: P_l as sent, mean over the inputs, bit.
        bits_max: The largest of the inputs, bit.
        encode_s: Time to encode all that crosses, median, s; on the machine that measured it.
        decode_s: Time to decode it, median, s.
        relative_error: |y − y'| / |y| of all outputs together (Euclidean norms, real values),
            the largest of the inputs; y' with the encoding, y without. Texts are left out.
        top1_agreement: Share of the inputs whose first output has its largest value at the same
            place with and without the encoding, or is the same text.
        inputs: Number of inputs.
        refused: Why the encoding cannot hold the tensors; None if it can. All measured figures
            are 0 then.
    """

    encoding: str
    bits: float = 0.0
    bits_max: int = 0
    encode_s: float = 0.0
    decode_s: float = 0.0
    relative_error: float = 0.0
    top1_agreement: float = 0.0
    inputs: int
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """One input: what crosses, and what the network makes of it."""

    crossing: Arrays
    outputs: Arrays


def encoding_effects(
    model: LoadedModel | str | Path,
    after_operator: int,
    *,
    inputs: Sequence[Sequence[NDArray[Any]]] | None = None,
    seeds: Sequence[int] = range(8),
    threads: int = 1,
    use_xnnpack: bool = True,
) -> tuple[EncodingEffect, ...]:
    """Measure every encoding that suits the tensors that cross.

    Errors on random inputs tell little of the error on real ones: give some of these.

    Args:
        model: A file's path, or what ``load_model`` returned.
        after_operator: Index of the head's last operator.
        inputs: The network's inputs, several times; random ones otherwise.
        seeds: Of the random ones.
        threads: Number of CPU threads.
        use_xnnpack: Let the runtime use XNNPACK.

    Raises:
        CutError: No such cut, or nothing is uploaded after it.
        InputError: The inputs do not fit the network.
        PartitionError: The network cannot be read or run.
    """
    model = model if isinstance(model, LoadedModel) else load_model(model)
    network = model.network
    crossing = cut_after(network, after_operator).tensors
    head, tail = split_parts(model, after_operator)
    if tail is None:
        raise CutError(
            f"{network.name}: nothing runs after operator {after_operator}, so nothing is "
            "uploaded; choose an earlier cut"
        )
    dtypes = {network.tensors[index].dtype for index in crossing}
    specs = tensor_specs(network, network.inputs)
    given = [random_inputs(specs, seed) for seed in seeds] if inputs is None else inputs
    settings = {"threads": threads, "use_xnnpack": use_xnnpack}
    samples = [_sample(network, (head, tail), arrays, settings) for arrays in given]
    with Runner(tail.to_bytes(), threads=threads, use_xnnpack=use_xnnpack) as runner:
        return tuple(
            _effect(encoding, samples, runner)
            for encoding in ENCODINGS.values()
            if any(encoding in encodings_for(dtype) for dtype in dtypes)
        )


def _sample(
    network: Network,
    sides: tuple[Part | None, Part],
    arrays: Sequence[NDArray[Any]],
    settings: dict[str, Any],
) -> _Sample:
    specs = tensor_specs(network, network.inputs)
    if len(arrays) != len(specs):
        raise InputError(f"{len(arrays)} arrays given for {len(specs)} inputs; give one each")
    for array, spec in zip(arrays, specs, strict=True):
        check_array(array, spec)
    values = run_parts(sides, dict(zip(network.inputs, arrays, strict=True)), **settings)
    return _Sample(
        crossing=[values[index] for index in sides[1].inputs],
        outputs=[values[index] for index in sides[1].outputs],
    )


def _effect(encoding: Encoding, samples: Sequence[_Sample], runner: Runner) -> EncodingEffect:
    try:
        sent = [send(encoding, sample.crossing) for sample in samples]
    except EncodingError as error:
        return EncodingEffect(encoding=encoding.name, inputs=len(samples), refused=str(error))
    outputs = [runner.run(one.crossing) for one in sent]
    pairs = [(s.outputs, found) for s, found in zip(samples, outputs, strict=True)]
    return EncodingEffect(
        encoding=encoding.name,
        bits=fmean(one.bits for one in sent),
        bits_max=max(one.bits for one in sent),
        encode_s=median(one.encode_s for one in sent),
        decode_s=median(one.decode_s for one in sent),
        relative_error=max(_relative_error(runner, *pair) for pair in pairs),
        top1_agreement=fmean(_same_top(expected[0], found[0]) for expected, found in pairs),
        inputs=len(samples),
    )


def _relative_error(runner: Runner, expected: Arrays, found: Arrays) -> float:
    differences, norms = [], []
    for a, b, spec in zip(expected, found, runner.outputs, strict=True):
        if spec.dtype == TEXT:
            continue
        scale = _scale(spec.quantization)
        change = a.astype(np.float64) - b.astype(np.float64)
        differences.append(scale * float(np.linalg.norm(change)))
        value = a.astype(np.float64) - _zero_point(spec.quantization)
        norms.append(scale * float(np.linalg.norm(value)))
    difference, norm = float(np.hypot.reduce(differences)), float(np.hypot.reduce(norms))
    return difference / norm if norm else (0.0 if not difference else float("inf"))


def _scale(quantization: Quantization | None) -> float:
    """Return the step of an output, which has one scale if it is quantised at all."""
    return quantization.scales[0] if quantization else 1.0


def _zero_point(quantization: Quantization | None) -> int:
    return quantization.zero_points[0] if quantization else 0


def _same_top(expected: NDArray[Any], found: NDArray[Any]) -> bool:
    if expected.dtype.kind == "S":
        return bool(np.array_equal(expected, found))
    return bool(expected.argmax() == found.argmax()) if expected.size else True
