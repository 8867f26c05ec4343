"""Networks the server has, and runners for the tails of their cuts."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from joulesplit.edge._bundle import NamedTensor, TensorHeader
from joulesplit.edge._protocol import Refusal
from joulesplit.edge._receipts import ServedModel, TailRuntime
from joulesplit.edge.errors import RequestRefusedError
from joulesplit.partition import Cut, Network, Runner, first_unsendable, runtime_identity
from joulesplit.partition.cutting import prefix_cuts
from joulesplit.partition.errors import RuntimeMissingError, UnsupportedModelError
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import LoadedModel, load_model

# A runner holds its weights twice, as file and packed by XNNPACK, and its activations beside them.
WEIGHT_COPIES, ACTIVATION_BYTES = 2, 8 * 1024 * 1024
DEFAULT_RUNNER_BYTES = 1024 * 1024 * 1024
# The Pi draws its idle power while it waits for the answer.
RUNNER_THREADS = min(4, os.cpu_count() or 1)
"""Threads that a tail runs on, unless the server is told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TailOptions:
    """How tails run.

    Attributes:
        threads: Threads per tail.
        xnnpack: Let the runtime use XNNPACK.
        input_shapes: Shapes of the networks' inputs by name, where they are not what the files
            say or leave open; every network has to have an input of each name.
    """

    threads: int = RUNNER_THREADS
    xnnpack: bool = True
    input_shapes: Mapping[str, Sequence[int]] | None = None


DEFAULT_OPTIONS = TailOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    loaded: LoadedModel
    cuts: dict[int, Cut]

    @property
    def network(self) -> Network:
        return self.loaded.network

    @property
    def last_operator(self) -> int:
        return len(self.network.operators) - 1

    def entries(self, tensors: Iterable[int]) -> tuple[TensorHeader, ...]:
        chosen = (self.network.tensors[index] for index in tensors)
        return tuple(TensorHeader(name=t.name, dtype=t.dtype, shape=t.shape) for t in chosen)


@dataclass(slots=True)
class _Tail:
    """A runner made on first use, with the lock that interpreters need."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    runner: Runner | None = None
    size_bytes: int = 0


class TailShelf:
    """The tails a server runs; for any number of threads.

    Args:
        models: ``.tflite`` files.
        runner_bytes: Memory that runners may take, estimated, byte; the one unused for longest
            goes first, and one is always kept.
        options: How they run.

    Raises:
        PartitionError: A file cannot be read as a network, or it has results
            that cannot be sent.
    """

    def __init__(
        self,
        models: Sequence[Path],
        *,
        runner_bytes: int = DEFAULT_RUNNER_BYTES,
        options: TailOptions = DEFAULT_OPTIONS,
    ) -> None:
        self._runner_bytes = runner_bytes
        self._options = options
        self._models: dict[str, _Model] = {}
        self._tails: OrderedDict[tuple[str, int], _Tail] = OrderedDict()
        self._lock = threading.Lock()
        for path in models:
            loaded = load_model(path, options.input_shapes)
            _check_results(loaded.network)
            possible = [cut for cut in prefix_cuts(loaded.network) if not cut.obstacle]
            cuts = {cut.after_operator: cut for cut in possible}
            self._models[loaded.network.sha256] = _Model(loaded=loaded, cuts=cuts)
        self.runtime = _runtime(options) if self._models else None
        """What runs the tails; None without networks, and where none is installed."""

    @property
    def models(self) -> tuple[ServedModel, ...]:
        """The networks, in the order they were given."""
        return tuple(
            ServedModel(
                name=model.network.name, sha256=sha256, operators=len(model.network.operators)
            )
            for sha256, model in self._models.items()
        )

    @property
    def kept(self) -> tuple[tuple[str, int], ...]:
        """SHA-256 and cut of each runner that is kept, the one unused for longest first."""
        with self._lock:
            return tuple(self._tails)

    def named(self, name: str) -> str:
        """Return the SHA-256 of the network of a name: its file's, with or without the suffix.

        Raises:
            RequestRefusedError: No network here has that name or hash, or more than one.
        """
        if name in self._models:
            return name
        found = [
            sha256
            for sha256, model in self._models.items()
            if name in (model.network.name, Path(model.network.name).stem)
        ]
        if len(found) == 1:
            return found[0]
        raise RequestRefusedError(
            Refusal.UNKNOWN_MODEL,
            f"{len(found) or 'no'} models here have the name {name[:80]!r}",
            f"ask for {' or '.join(found) or ', '.join(self._models) or 'none: it has none'}",
        )

    def cuts(self, sha256: str) -> tuple[int, ...]:
        """Return the last operators of the heads that have a tail here; −1 for an empty head."""
        model = self._model(sha256)
        return tuple(after for after in sorted(model.cuts) if after != model.last_operator)

    def results(self, sha256: str) -> tuple[TensorHeader, ...]:
        """Return the network's outputs, in the order of the file."""
        model = self._model(sha256)
        return model.entries(model.cuts[model.last_operator].tensors)

    def crossing(self, sha256: str, after_operator: int) -> tuple[TensorHeader, ...]:
        """Return what crosses after operator ``after_operator``, in the order of the cut.

        Raises:
            RequestRefusedError: No such network, or no tail behind that operator.
        """
        model = self._model(sha256)
        cut = model.cuts.get(after_operator)
        if cut is None or after_operator == model.last_operator:
            raise RequestRefusedError(
                Refusal.WRONG_TENSORS,
                f"{model.network.name} has no tail behind operator {after_operator}",
                f"cut it after operator -1 (all of it) to {model.last_operator - 1}",
            )
        return model.entries(cut.tensors)

    def run(
        self, sha256: str, after_operator: int, crossing: Sequence[NamedTensor]
    ) -> tuple[tuple[NamedTensor, ...], float]:
        """Run the tail behind operator ``after_operator``.

        Args:
            sha256: Of the model file, hexadecimal.
            after_operator: Index of the head's last operator, −1 for an empty head.
            crossing: What crosses, as ``crossing`` specifies it.

        Returns:
            The network's outputs in the file's order, and the time the runtime took, s.

        Raises:
            RequestRefusedError: No such network, or no tail behind that operator.
        """
        self.crossing(sha256, after_operator)
        model = self._model(sha256)
        tail = self._tail(sha256, after_operator)
        inputs = [tensor.data for tensor in crossing]
        with tail.lock:
            if tail.runner is None:
                part = extract(model.loaded, after_operator + 1, model.last_operator)
                tail.runner = self._runner(part)
                tail.size_bytes = WEIGHT_COPIES * len(part) + ACTIVATION_BYTES
                self._make_room()
            started_ns = time.perf_counter_ns()
            arrays = tail.runner.run(inputs)
            compute_s = (time.perf_counter_ns() - started_ns) / 1e9
        return tuple(
            NamedTensor(name=entry.name, data=array)
            for entry, array in zip(self.results(sha256), arrays, strict=True)
        ), compute_s

    def _runner(self, part: bytes) -> Runner:
        return Runner(part, threads=self._options.threads, use_xnnpack=self._options.xnnpack)

    def _model(self, sha256: str) -> _Model:
        model = self._models.get(sha256)
        if model is None:
            raise RequestRefusedError(
                Refusal.UNKNOWN_MODEL,
                f"no model here has SHA-256 {sha256[:64]}",
                "start the server with that file: joulesplit serve MODEL",
            )
        return model

    def _tail(self, sha256: str, after_operator: int) -> _Tail:
        with self._lock:
            tail = self._tails.setdefault((sha256, after_operator), _Tail())
            self._tails.move_to_end((sha256, after_operator))
        return tail

    def _make_room(self) -> None:
        """Let runners go until the rest is within the limit; one that runs ends when it is done."""
        with self._lock:
            taken = sum(tail.size_bytes for tail in self._tails.values())
            while taken > self._runner_bytes and len(self._tails) > 1:
                taken -= self._tails.popitem(last=False)[1].size_bytes


def _runtime(options: TailOptions) -> TailRuntime | None:
    try:
        identity = runtime_identity()
    except RuntimeMissingError:
        # A client is told so when it asks for a tail; uploads need none.
        return None
    return TailRuntime(
        name=identity.name,
        version=identity.version,
        threads=options.threads,
        xnnpack=options.xnnpack,
    )


def _check_results(network: Network) -> None:
    obstacle = first_unsendable(network, network.outputs)
    if obstacle:
        raise UnsupportedModelError(
            f"{network.name}: its results cannot be sent back: {obstacle}; serve a network whose "
            "results are numbers"
        )
