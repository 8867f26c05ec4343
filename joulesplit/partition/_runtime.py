"""Run a network on the TFLite runtime that is installed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray

from joulesplit.partition._inputs import random_inputs, zero_inputs
from joulesplit.partition._interpreters import (
    has_every_result_allocated,
    invoke,
    is_delegated,
    make_interpreter,
    overwritten_tensors,
    prepare,
    resize,
)
from joulesplit.partition._network import Shape
from joulesplit.partition._specs import check_array, plain, runtime_spec
from joulesplit.partition.errors import InputError, InvocationError


class Runner:
    """One network, ready to run. Not for use by several threads at once.

    Arrays go in and come out in the order of the file's inputs and outputs.

    Args:
        model: A file's path, or a `.tflite` file as bytes.
        threads: Number of CPU threads.
        use_xnnpack: Let the runtime use XNNPACK, its fast CPU kernels.
        keep_tensors: Keep every operator's results for ``tensors``; takes more memory.
        input_shapes: Shapes of the inputs, in order, where the file leaves them open.

    Attributes:
        inputs: What goes in.
        outputs: What comes out.
        threads, use_xnnpack: As given.
        delegate: ``XNNPACK`` if it took over operators, else None: the runtime's own kernels.

    Raises:
        ModelNotFoundError: No such file.
        InvocationError: The runtime refuses the network.
        RuntimeMissingError: No usable runtime is installed.
    """

    def __init__(
        self,
        model: bytes | str | Path,
        *,
        threads: int = 1,
        use_xnnpack: bool = True,
        keep_tensors: bool = False,
        input_shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        self.threads, self.use_xnnpack = threads, use_xnnpack
        self._interpreter: Any = None
        self._interpreter = make_interpreter(
            model, threads=threads, use_xnnpack=use_xnnpack, keep_tensors=keep_tensors
        )
        resize(self._interpreter, input_shapes)
        prepare(self._interpreter)
        self.delegate = "XNNPACK" if is_delegated(self._interpreter) else None
        self._input_details = self._interpreter.get_input_details()
        self._output_details = self._interpreter.get_output_details()
        self.inputs = tuple(runtime_spec(detail) for detail in self._input_details)
        self.outputs = tuple(runtime_spec(detail) for detail in self._output_details)

    def set_inputs(self, inputs: Sequence[NDArray[Any]]) -> None:
        """Copy arrays into the network's inputs, one each, of their shapes and dtypes.

        Raises:
            InputError: Number, shape or dtype differs.
        """
        interpreter = self._open()
        if len(inputs) != len(self.inputs):
            raise InputError(
                f"{len(inputs)} arrays given for {len(self.inputs)} inputs; give one each"
            )
        for array, spec in zip(inputs, self.inputs, strict=True):
            check_array(array, spec)
        for array, detail in zip(inputs, self._input_details, strict=True):
            interpreter.set_tensor(detail["index"], array)

    def invoke(self) -> None:
        """Run the network once on the inputs set before.

        Raises:
            InvocationError: The runtime failed.
        """
        invoke(self._open())

    def get_outputs(self) -> list[NDArray[Any]]:
        """Return copies of the network's outputs, of the shapes and dtypes in ``outputs``."""
        interpreter = self._open()
        return [plain(interpreter.get_tensor(detail["index"])) for detail in self._output_details]

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Set the inputs, run once, return copies of the outputs.

        Raises:
            InputError: Number, shape or dtype of the arrays differs.
            InvocationError: The runtime failed.
        """
        self.set_inputs(inputs)
        self.invoke()
        return self.get_outputs()

    def tensors(self) -> dict[int, NDArray[Any]]:
        """Return copies of all tensors after a run, by index, made with ``keep_tensors``.

        What a delegate computes inside it never hands out: of those tensors the content means
        nothing, so a check operator by operator needs ``use_xnnpack=False``. Tensors without
        data of their own are left out, as are those that an operator overwrote with its result:
        tflite-runtime's element-wise operators do so whatever is asked of it.
        """
        interpreter = self._open()
        found = {}
        for detail in interpreter.get_tensor_details():
            try:
                found[int(detail["index"])] = plain(interpreter.get_tensor(detail["index"]))
            except ValueError:
                continue
        gone = overwritten_tensors(interpreter, found)
        return {index: array for index, array in found.items() if index not in gone}

    def close(self) -> None:
        """Free the network's memory; calling it again does nothing."""
        self._interpreter = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _open(self) -> Any:
        if self._interpreter is None:
            raise InvocationError("the runner is closed; make a new one")
        return self._interpreter


SHAPE_THREADS = min(4, os.cpu_count() or 1)
"""Of a run that only tells shapes."""


def allocated_shapes(
    model: bytes | Path, input_shapes: Mapping[int, tuple[int, ...]]
) -> dict[int, Shape] | None:
    """Return the shapes that follow from those of the inputs alone; nothing is computed.

    Args:
        model: A `.tflite` file as bytes, or its path: it is then mapped, and hardly read.
        input_shapes: Shape of every input, by tensor index.

    Returns:
        None if there are others: only a run tells them.

    Raises:
        InvocationError: The runtime refuses the network or the shapes.
        RuntimeMissingError: No usable runtime is installed.
    """
    interpreter = _with_shapes(model, input_shapes)
    return _shapes(interpreter) if has_every_result_allocated(interpreter) else None


def shapes_of_a_run(
    model: bytes | Path, input_shapes: Mapping[int, tuple[int, ...]], *, seed: int | None = None
) -> dict[int, Shape]:
    """Return the shapes of all tensors, by index, after running a network.

    Only after a run does the runtime know the shapes that depend on other tensors' values.

    Args:
        model: A `.tflite` file as bytes, or its path.
        input_shapes: Shape of every input, by tensor index.
        seed: Of random inputs; zeros if None.

    Raises:
        InvocationError: The runtime refuses the network or the shapes.
        RuntimeMissingError: No usable runtime is installed.
    """
    interpreter = _with_shapes(model, input_shapes)
    details = interpreter.get_input_details()
    specs = [runtime_spec(detail) for detail in details]
    arrays = zero_inputs(specs) if seed is None else random_inputs(specs, seed)
    for detail, array in zip(details, arrays, strict=True):
        interpreter.set_tensor(detail["index"], array)
    invoke(interpreter)
    return _shapes(interpreter)


def _with_shapes(model: bytes | Path, input_shapes: Mapping[int, tuple[int, ...]]) -> Any:
    interpreter = make_interpreter(model, threads=SHAPE_THREADS, use_xnnpack=False)
    resize(interpreter, [input_shapes[int(d["index"])] for d in interpreter.get_input_details()])
    prepare(interpreter)
    return interpreter


def _shapes(interpreter: Any) -> dict[int, Shape]:
    return {
        detail["index"]: tuple(int(size) for size in detail["shape"])
        for detail in interpreter.get_tensor_details()
    }
