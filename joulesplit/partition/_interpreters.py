"""The TFLite runtime that is installed: the only module that imports one.

Both runtimes have the same Python interface; what differs is hidden here.
"""

from __future__ import annotations

import os
import struct
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulesplit.partition._quiet import without_chatter
from joulesplit.partition.errors import InvocationError, ModelNotFoundError, RuntimeMissingError

RUNTIMES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
    ("tensorflow", "tensorflow.lite.python.interpreter"),
)
"""Distribution and module, best first: LiteRT is up to 15 times faster on int8."""
CHOICE = "JOULESPLIT_RUNTIME"
"""Environment variable that names the distribution to use where several are installed."""
NONE_INSTALLED = "no TFLite runtime is installed"
LAST_TFLITE_RUNTIME = (3, 11)
"""The last Python that tflite-runtime has wheels for."""
POINTER_BITS = 8 * struct.calcsize("P")
REFUSALS = (MemoryError, RuntimeError, ValueError)
"""What the runtimes raise for a network they cannot take."""
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
        RuntimeMissingError: None is installed, or not the one that was asked for.
    """
    name, _module = _runtime()
    try:
        return RuntimeIdentity(name=name, version=version(name))
    except PackageNotFoundError:
        # Debian and vendors ship the module without its distribution's metadata.
        return RuntimeIdentity(name=name, version="unknown")


def _runtime() -> tuple[str, Any]:
    """Return name and module of the runtime the user chose, or else the best one there is."""
    wanted = os.environ.get(CHOICE)
    known = dict(RUNTIMES)
    if wanted and wanted not in known:
        raise RuntimeMissingError(
            f"{CHOICE} is {wanted!r}, which is no TFLite runtime; set it to one of "
            f"{', '.join(known)}, or unset it"
        )
    for name in [wanted] if wanted else known:
        try:
            return name, import_module(known[name])
        except ImportError:
            continue
    chosen = f"{CHOICE} asks for {wanted}, which is not installed" if wanted else NONE_INSTALLED
    raise RuntimeMissingError(f"{chosen}; {how_to_install(POINTER_BITS, sys.version_info[:2])}")


def how_to_install(pointer_bits: int, python: tuple[int, int]) -> str:
    """Return what to do on a userland without a runtime.

    Args:
        pointer_bits: 32 or 64; the kernel may have more than the userland.
        python: Major and minor version of Python.
    """
    pip = f"install one: {sys.executable} -m pip install"
    if pointer_bits == 64:
        return f"{pip} ai-edge-litert"
    if python <= LAST_TFLITE_RUNTIME:
        return f"{pip} tflite-runtime 'numpy<2'"
    return (
        f"none has wheels for 32-bit Python {python[0]}.{python[1]}: use the 64-bit system, or "
        f"Python {LAST_TFLITE_RUNTIME[0]}.{LAST_TFLITE_RUNTIME[1]}"
    )


def _source(model: bytes | str | Path) -> dict[str, Any]:
    if isinstance(model, bytes):
        return {"model_content": model}
    if not Path(model).is_file():
        raise ModelNotFoundError(f"{model}: no such file; check the path of the model")
    return {"model_path": str(model)}


def make_interpreter(
    model: bytes | str | Path, *, threads: int, use_xnnpack: bool, keep_tensors: bool = False
) -> Any:
    """Return the runtime's own ``Interpreter``, not prepared yet; see ``Runner``.

    Raises:
        ModelNotFoundError: No such file.
        InvocationError: The runtime refuses the network.
        RuntimeMissingError: No usable runtime is installed.
    """
    name, module = _runtime()
    resolver = module.OpResolverType
    source = _source(model)
    _let_numpy_see_its_limits()
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
            f"{name} does not work with numpy {np.__version__}; "
            f"install an older one: {sys.executable} -m pip install 'numpy<2'"
        ) from error
    except REFUSALS as error:
        raise InvocationError(_refusal("load the network", error)) from error


def _let_numpy_see_its_limits() -> None:
    """Have numpy look at its types' limits, which it does once.

    On 32-bit ARM the runtime has the smallest numbers taken for zero from here on, of which numpy
    would warn in the middle of a report.
    """
    for kind in (np.float32, np.float64):
        np.finfo(kind)


def resize(interpreter: Any, shapes: Sequence[tuple[int, ...]] | None) -> None:
    """Give the inputs, in order, the shapes they do not have yet.

    Raises:
        InvocationError: The runtime refuses them.
    """
    details = interpreter.get_input_details()
    if shapes is None:
        return
    try:
        for detail, shape in zip(details, shapes, strict=True):
            if tuple(detail["shape"]) != shape:
                interpreter.resize_tensor_input(detail["index"], shape)
    except REFUSALS as error:
        raise InvocationError(_refusal("resize the inputs", error)) from error


def prepare(interpreter: Any) -> None:
    """Allocate the tensors; the delegate takes over its operators here.

    Raises:
        InvocationError: The runtime refuses the network.
    """
    try:
        with without_chatter():
            interpreter.allocate_tensors()
    except REFUSALS as error:
        raise InvocationError(_refusal("prepare the network", error)) from error


def invoke(interpreter: Any) -> None:
    """Run the network once; other Python threads run meanwhile.

    Raises:
        InvocationError: The runtime failed.
    """
    try:
        interpreter.invoke()
    except REFUSALS as error:
        raise InvocationError(_refusal("run the network", error)) from error


def is_delegated(interpreter: Any) -> bool:
    """Return whether a delegate took over operators of a prepared network."""
    # The only place where either runtime says so; neither has a public call for it.
    return any(node["op_name"] == DELEGATE_NODE for node in interpreter._get_ops_details())


def has_every_result_allocated(interpreter: Any) -> bool:
    """Return whether each operator's results have their memory, and with it their shapes.

    A runtime leaves what depends on values until it has run what they come from, and all that
    follows. Texts have their memory late in any case, and what has no elements never.

    Args:
        interpreter: Prepared, without a delegate.
    """
    kinds = {int(d["index"]): np.dtype(d["dtype"]).kind for d in interpreter.get_tensor_details()}
    results = [int(i) for node in interpreter._get_ops_details() for i in node["outputs"]]
    # The runtime crashes when asked for a view of texts.
    if any(kinds.get(index, "S") in "OS" for index in results):
        return False
    try:
        for index in results:
            interpreter.tensor(index)()
    except ValueError:
        return False
    return True


def overwritten_tensors(interpreter: Any, copies: Mapping[int, NDArray[Any]]) -> frozenset[int]:
    """Return those results of operators that a later operator's result took the memory of.

    tflite-runtime 2.14 lets element-wise operators work in place even where it is asked to
    preserve all tensors. Views of the tensors tell; none is kept beyond this call. Of a single
    number there is no view, so such results count as overwritten.

    Args:
        interpreter: After a run.
        copies: What it gives for its tensors, by index.
    """
    results = [int(i) for node in interpreter._get_ops_details() for i in node["outputs"]]
    # The runtime crashes when asked for a view of texts; those are never worked on in place.
    seen = [i for i, array in copies.items() if array.ndim and array.dtype.kind not in "OS"]
    places = {i: interpreter.tensor(i)().ctypes.data for i in seen if copies[i].nbytes}
    last = {places[index]: index for index in results if index in places}
    taken = {index for index, place in places.items() if last.get(place, index) != index}
    return frozenset(taken.union(i for i in results if i in copies and not copies[i].ndim))


def _refusal(what: str, error: Exception) -> str:
    reason = " ".join(str(error).split()) or "no reason given, perhaps too little memory"
    if isinstance(error, MemoryError):
        return f"the TFLite runtime cannot {what}: too little memory; free some, or cut earlier"
    return f"the TFLite runtime cannot {what} ({reason}); check the model with another runtime"
