"""Run a network: the only module that imports a TFLite runtime."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from partition.errors import (
    InputError,
    InvocationError,
    ModelNotFoundError,
    RuntimeMissingError,
)
from partition.inputs import random_inputs, zero_inputs
from partition.quiet import without_chatter
from partition.specs import check_array, plain, runtime_spec

RUNTIMES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
    ("tensorflow", "tensorflow.lite.python.interpreter"),
)
"""Distribution and module, best first: LiteRT is up to 15 times faster on int8."""
DELEGATE_NODE = "DELEGATE"
"""What the runtime calls a node that stands for all the operators a delegate took over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeIdentity:
    """Which interpreter runs the networks; energies of one are not those of another.

    Attributes:
        name: Name of the distribution.
        version: Its version.
    """

    name: str
    version: str


def runtime_identity() -> RuntimeIdentity:
    """Return the runtime that ``Runner`` uses on this machine.

    Raises:
        RuntimeMissingError: None is installed.
    """
    name, _module = _runtime()
    try:
        return RuntimeIdentity(name=name, version=version(name))
    except PackageNotFoundError:
        # Debian and vendors ship the module without its distribution's metadata.
        return RuntimeIdentity(name=name, version="unknown")


def _runtime() -> tuple[str, Any]:
    for name, module in RUNTIMES:
        try:
            return name, import_module(module)
        except ImportError:
            continue
    raise RuntimeMissingError(
        "no TFLite runtime is installed; install one: pip install ai-edge-litert (64-bit) or "
        "pip install tflite-runtime 'numpy<2' (32-bit Raspberry Pi OS, Python 3.11)"
    )


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
        self._interpreter = _interpreter(
            model, threads=threads, use_xnnpack=use_xnnpack, keep_tensors=keep_tensors
        )
        _resize(self._interpreter, input_shapes)
        _prepare(self._interpreter)
        self.delegate = "XNNPACK" if _is_delegated(self._interpreter) else None
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
        _invoke(self._open())

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
        data of their own are left out.
        """
        interpreter = self._open()
        found = {}
        for detail in interpreter.get_tensor_details():
            try:
                found[int(detail["index"])] = plain(interpreter.get_tensor(detail["index"]))
            except ValueError:
                continue
        return found

    def close(self) -> None:
        """Free the network's memory; calling it again does nothing."""
        self._interpreter = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> Any:
        if self._interpreter is None:
            raise InvocationError("the runner is closed; make a new one")
        return self._interpreter


def shapes_of_a_run(
    model: bytes, input_shapes: Mapping[int, tuple[int, ...]], *, seed: int | None = None
) -> dict[int, tuple[int, ...]]:
    """Return the shapes of all tensors, by index, after running a network.

    Only after a run does the runtime know the shapes that depend on other tensors' values.

    Args:
        model: A `.tflite` file as bytes.
        input_shapes: Shape of every input, by tensor index.
        seed: Of random inputs; zeros if None.

    Raises:
        InvocationError: The runtime refuses the network or the shapes.
        RuntimeMissingError: No usable runtime is installed.
    """
    interpreter = _interpreter(model, threads=1, use_xnnpack=False)
    shapes = [input_shapes[int(d["index"])] for d in interpreter.get_input_details()]
    _resize(interpreter, shapes)
    _prepare(interpreter)
    details = interpreter.get_input_details()
    specs = [runtime_spec(detail) for detail in details]
    arrays = zero_inputs(specs) if seed is None else random_inputs(specs, seed)
    for detail, array in zip(details, arrays, strict=True):
        interpreter.set_tensor(detail["index"], array)
    _invoke(interpreter)
    return {
        detail["index"]: tuple(int(size) for size in detail["shape"])
        for detail in interpreter.get_tensor_details()
    }


def _source(model: bytes | str | Path) -> dict[str, Any]:
    if isinstance(model, bytes):
        return {"model_content": model}
    if not Path(model).is_file():
        raise ModelNotFoundError(f"{model}: no such file; check the path of the model")
    return {"model_path": str(model)}


def _interpreter(
    model: bytes | str | Path, *, threads: int, use_xnnpack: bool, keep_tensors: bool = False
) -> Any:
    name, module = _runtime()
    resolver = module.OpResolverType
    source = _source(model)
    try:
        with without_chatter(), warnings.catch_warnings():
            # Keeping tensors warns of the memory it takes; it is asked for on purpose.
            warnings.simplefilter("ignore", UserWarning)
            return module.Interpreter(
                **source,
                num_threads=threads,
                experimental_preserve_all_tensors=keep_tensors,
                experimental_op_resolver_type=(
                    resolver.AUTO if use_xnnpack else resolver.BUILTIN_WITHOUT_DEFAULT_DELEGATES
                ),
            )
    except SystemError as error:
        raise RuntimeMissingError(
            f"{name} does not work with numpy {np.__version__}; install numpy<2 or ai-edge-litert"
        ) from error
    except (RuntimeError, ValueError) as error:
        raise InvocationError(_refusal("load the network", error)) from error


def _resize(interpreter: Any, shapes: Sequence[tuple[int, ...]] | None) -> None:
    details = interpreter.get_input_details()
    if shapes is None:
        return
    try:
        for detail, shape in zip(details, shapes, strict=True):
            if tuple(detail["shape"]) != shape:
                interpreter.resize_tensor_input(detail["index"], shape)
    except (RuntimeError, ValueError) as error:
        raise InvocationError(_refusal("resize the inputs", error)) from error


def _prepare(interpreter: Any) -> None:
    try:
        with without_chatter():
            interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise InvocationError(_refusal("prepare the network", error)) from error


def _invoke(interpreter: Any) -> None:
    try:
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise InvocationError(_refusal("run the network", error)) from error


def _is_delegated(interpreter: Any) -> bool:
    # The only place where either runtime says so; neither has a public call for it.
    return any(node["op_name"] == DELEGATE_NODE for node in interpreter._get_ops_details())


def _refusal(what: str, error: Exception) -> str:
    reason = " ".join(str(error).split()) or "no reason given, perhaps too little memory"
    return f"the TFLite runtime cannot {what} ({reason}); check the model with another runtime"
