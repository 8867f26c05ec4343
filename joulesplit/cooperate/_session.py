"""Cooperative inference: the steps 1 to 4 of the paper, and never a wrong or a missing result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from joulesplit.cooperate._breaker import CircuitBreaker
from joulesplit.cooperate._link_estimate import LinkEstimate
from joulesplit.cooperate._parts import NetworkParts
from joulesplit.cooperate._records import Fallback, Inference, InferenceRecord, SessionCounts
from joulesplit.cooperate._remote import LateError, RemoteTails
from joulesplit.cooperate.errors import AnotherRuntimeError, PolicyMismatchError
from joulesplit.edge.errors import EdgeError, ServerUnreachableError
from joulesplit.partition import SENDABLE, after_sending, in_order, runtime_identity
from joulesplit.partition.errors import EncodingError
from joulesplit.partition.reading import load_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joulesplit.edge import NamedTensor, TailResult, TailRuntime
    from joulesplit.optimizer import SplitLine, SplitPolicy
    from joulesplit.partition import Encoding

NetworkInputs = Sequence["NDArray[Any]"] | Mapping[str, "NDArray[Any]"]

LONGEST_SILENCE_S = 30.0
"""Of the server inside an exchange that nobody waits for any more, s."""

DISTRUST_S = (60.0, 3600.0)
"""A server whose results are not the network's is left alone so long at first, and at most, s."""

FINITE_ALONE = ("int8", "int8-channel", "uint8")
"""Formats of numbers that hold neither what is infinite nor what is not a number."""

TAIL_MEMORY = 0.3
"""Weight of a new time against those before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """How a session goes about it.

    Attributes:
        threads: Per inference here.
        use_xnnpack: See ``joulesplit.partition.Runner``.
        patience: Without a deadline, the server is waited for so many times as long as the
            exchange should take by the estimate of the link, and ``least_patience_s`` at least.
        least_patience_s: See ``patience``, s.
        shadow_every: Every so many results of the server are computed here as well; 0 never.
        shadow_limit: Largest difference, relative to the output's range, that is no other result.
        allow_other_runtime: Take results of a server whose runtime is another one.
        input_shapes: Shapes of inputs by name, where they are not what the file says or leaves
            open; the server has to be started with the same.
    """

    threads: int = 1
    use_xnnpack: bool = True
    patience: float = 4.0
    least_patience_s: float = 1.0
    shadow_every: int = 0
    shadow_limit: float = 1e-3
    allow_other_runtime: bool = False
    input_shapes: Mapping[str, Sequence[int]] | None = None


class SplitSession:
    """A network that runs partly here and partly on a server, as is best at the moment.

    Use inside ``with``. Not for several threads at once.

    Args:
        model: The ``.tflite`` file.
        policy: Which split to take when.
        edge: URL of the edge server; None to run everything here.
        token: Of the server.
        options: How to go about it.
        on_record: Told how each inference came about.
        now_ns: The clock, ns.

    Raises:
        PartitionError: The file cannot be read or run.
        PolicyMismatchError: The policy was made for another network, or names an encoding or a
            split that is not known here.
    """

    def __init__(
        self,
        model: str | Path,
        policy: SplitPolicy,
        *,
        edge: str | None,
        token: str | None = None,
        options: SessionOptions | None = None,
        on_record: Callable[[InferenceRecord], None] = lambda _: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.options = options or SessionOptions()
        self.policy = policy
        """Which split to take when; in use, by what the inputs turned out to be."""
        loaded = load_model(model, self.options.input_shapes)
        if loaded.network.sha256 != policy.network_sha256:
            raise PolicyMismatchError(
                f"the policy is of the network with SHA-256 {policy.network_sha256[:16]}…, and "
                f"{loaded.network.name} has {loaded.network.sha256[:16]}…: build one for it"
            )
        _require_encodings(policy)
        self._parts = NetworkParts(
            loaded, threads=self.options.threads, use_xnnpack=self.options.use_xnnpack
        )
        _require_cuts(policy, self._parts)
        self._remote = None if edge is None else self._remote_at(edge, token)
        self._now_ns, self._on_record = now_ns, on_record
        self.link = LinkEstimate(policy.rates_bit_per_s[1], now_ns=now_ns())
        """What the link takes, as far as is known."""
        self.counts = SessionCounts()
        """What was done so far."""
        self._breaker = CircuitBreaker()
        self._current: int | None = None
        self._tail_s: dict[int, float] = {}
        self._trust = CircuitBreaker(first_wait_s=DISTRUST_S[0], longest_wait_s=DISTRUST_S[1])

    def _remote_at(self, edge: str, token: str | None) -> RemoteTails:
        return RemoteTails(
            edge,
            token=token,
            sha256=self.policy.network_sha256,
            timeout_s=max(LONGEST_SILENCE_S, self.options.least_patience_s),
            check_runtime=self._check_runtime,
        )

    def __enter__(self) -> Self:
        """Make ready what the policy may choose, so that no first inference waits for it."""
        likely = self.policy.choose(self.link.rate_bit_per_s)
        self._parts.prepare([self.policy.lines[likely].last_operator])
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the connection and free the interpreters."""
        if self._remote is not None:
            self._remote.close()
        self._parts.__exit__(*exception)

    def infer(self, inputs: NetworkInputs, *, deadline_s: float = inf) -> Inference:
        """Return the network's results for some inputs.

        Whatever the server does, the results are the network's own: where it is gone, late,
        refuses or answers something else, the rest is computed here. Where the policy names an
        encoding that changes numbers, results from the server are those of the changed ones.

        Args:
            inputs: One array per input, of its shape and dtype, in the file's order or by name.
            deadline_s: Longest time of the whole inference, s. The server is waited for only as
                long as leaves the time for computing the rest here.

        Raises:
            InputError: Number, name, shape or dtype of the arrays differs.
            NoFeasibleSplitError: The policy's limits leave no split now.
            InvocationError: The runtime failed here.
        """
        started_ns = self._now_ns()
        arrays = in_order(inputs, self._parts.inputs)
        exchange = _Exchange(policy=self.policy)
        position, outputs, head_s = self._carried_out(arrays, exchange, started_ns, deadline_s)
        line = exchange.policy.lines[position]
        inference = self._told(line, outputs, exchange, head_s=head_s, started_ns=started_ns)
        self._current = position
        return inference

    def _carried_out(
        self, arrays: list[NDArray[Any]], exchange: _Exchange, started_ns: int, deadline_s: float
    ) -> tuple[int, list[NDArray[Any]], float]:
        """Return the chosen line's position, the results, and when the head was done, s.

        Where the encoding that was decided by cannot hold the numbers nothing has left yet: they
        cost what they are as they are, so it is decided again by that.
        """
        position = self._choose(exchange.policy, started_ns, deadline_s)
        line = exchange.policy.lines[position]
        crossing = self._crossing(line, arrays, exchange)
        head_s = self._since_s(started_ns)
        if not line.upload_bits:
            return position, crossing, head_s
        try:
            outputs = self._rest(line, crossing, exchange, deadline_s - head_s)
        except EncodingError:
            self._not_met(position, crossing, exchange)
            return self._carried_out(arrays, exchange, started_ns, deadline_s)
        return position, outputs, head_s

    def _crossing(
        self, line: SplitLine, arrays: list[NDArray[Any]], exchange: _Exchange
    ) -> list[NDArray[Any]]:
        """Return what crosses by a line, from what was computed already if that serves."""
        tried = exchange.tried
        if tried is not None:
            if tried.last_operator == line.last_operator:
                return exchange.crossing
            if not line.upload_bits:
                return self._tail(tried, exchange.crossing)
            exchange.in_vain_j += tried.compute_j
        return self._parts.head(line.last_operator, arrays)

    def _not_met(self, position: int, crossing: list[NDArray[Any]], exchange: _Exchange) -> None:
        """Let a line send as it is from now on; in this inference also others that would fail so.

        The attempt has taken the making of bytes that never left.
        """
        line = exchange.policy.lines[position]
        exchange.form_not_met, exchange.tried, exchange.crossing = line.encoding, line, crossing
        exchange.in_vain_j += line.encode_j
        bits = 8 * sum(array.nbytes for array in crossing)
        self.policy = self.policy.without_encoding(position, bits)
        failing = _alike(line, crossing)
        exchange.policy = exchange.policy.without_encodings(
            {
                at: self._parts.crossing_bits(other.last_operator)
                for at, other in enumerate(exchange.policy.lines)
                if (encoding := _encoding(other)) is not None and encoding.numbers in failing
            }
            | {position: bits}
        )

    async def infer_async(self, inputs: NetworkInputs, *, deadline_s: float = inf) -> Inference:
        """Return what ``infer`` does; other tasks run meanwhile."""
        return await asyncio.to_thread(self.infer, inputs, deadline_s=deadline_s)

    def stream(
        self, frames: Iterable[NetworkInputs], *, deadline_s: float = inf
    ) -> Iterator[Inference]:
        """Yield the results of one inference after the other."""
        for frame in frames:
            yield self.infer(frame, deadline_s=deadline_s)

    def _choose(self, policy: SplitPolicy, now_ns: int, deadline_s: float) -> int:
        """Return the position of the policy's line to take now."""
        up = self._breaker.allows(now_ns) and self._trust.allows(now_ns)
        return policy.choose(
            self.link.rate_bit_per_s,
            current=self._current,
            round_trip_s=self.link.round_trip_s,
            deadline_s=deadline_s,
            server_up=up and self._remote is not None,
        )

    def _rest(
        self,
        line: SplitLine,
        crossing: list[NDArray[Any]],
        exchange: _Exchange,
        left_s: float,
    ) -> list[NDArray[Any]]:
        """Return the results from what crosses: by the server, or here where it fails."""
        named = self._parts.named(line.last_operator, crossing)
        asked_ns = self._now_ns()
        try:
            outputs = self._ask(line, named, self._patience_s(line, left_s), exchange)
        except (EdgeError, AnotherRuntimeError) as error:
            assert self._remote is not None, "only a server that was asked fails"
            exchange.left_bits = self._remote.left_bits
            exchange.fallback = exchange.fallback or _reason(error)
            exchange.given_up_s = self._since_s(asked_ns)
            doubted = exchange.fallback is Fallback.ANOTHER_RUNTIME
            (self._trust if doubted else self._breaker).failed(self._now_ns())
            if exchange.fallback is Fallback.LATE:
                self.link.given_up(line.upload_bits, exchange.given_up_s, self._now_ns())
            return self._tail(line, crossing)
        self._breaker.succeeded()
        return self._shadowed(line, crossing, outputs, exchange)

    def _ask(
        self,
        line: SplitLine,
        named: Sequence[NamedTensor],
        patience_s: float,
        exchange: _Exchange,
    ) -> list[NDArray[Any]]:
        assert self._remote is not None, "no server is chosen where there is none"
        encoding = _encoding(line)
        result = self._remote.run(
            line.last_operator, named, patience_s=patience_s, encoding=encoding
        )
        exchange.left_bits = self._remote.left_bits
        outputs = [tensor.data for tensor in result.outputs]
        if not self._are_results(outputs):
            exchange.fallback = Fallback.NOT_AS_ASKED
            raise EdgeError(f"{self._remote.url} answered something else than these results")
        self._learn(result, exchange)
        return outputs

    def _check_runtime(self, theirs: TailRuntime | None) -> None:
        """Refuse a server whose runtime may compute other results."""
        if theirs is None or self.options.allow_other_runtime:
            return
        ours = runtime_identity()
        same = (ours.name, ours.version, self.options.use_xnnpack)
        if (theirs.name, theirs.version, theirs.xnnpack) != same:
            raise AnotherRuntimeError(
                f"the server computes with {theirs.name} {theirs.version}, this device with "
                f"{ours.name} {ours.version}: install the same, or allow another one"
            )

    def _are_results(self, outputs: Sequence[NDArray[Any]]) -> bool:
        specs = self._parts.outputs
        return len(outputs) == len(specs) and all(
            array.shape == spec.shape and array.dtype.name == spec.dtype
            for array, spec in zip(outputs, specs, strict=True)
        )

    def _learn(self, result: TailResult, exchange: _Exchange) -> None:
        receipt = result.receipt
        exchange.transfer_s, exchange.sent_bits = receipt.transfer_s, 8 * receipt.payload_bytes
        self.link.uploaded(8 * receipt.payload_bytes, receipt.transfer_s, self._now_ns())
        whole_s = (receipt.answered_ns - receipt.started_ns) * 1e-9
        self.link.answered(max(0.0, whole_s - receipt.transfer_s - result.server_compute_s))

    def _patience_s(self, line: SplitLine, left_s: float) -> float:
        """Return how long to wait for the server, s: so that the rest can still be done here."""
        if left_s != inf:
            return max(0.0, left_s - self._tail_s.get(line.block, self._tail_guess_s(line)))
        expected_s = line.upload_bits / self.link.rate_bit_per_s + self.link.round_trip_s
        return max(self.options.least_patience_s, self.options.patience * expected_s)

    def _tail_guess_s(self, line: SplitLine) -> float:
        """Return how long the rest takes here by the profile, s."""
        whole_s = self.policy.whole.fixed_s or 0.0
        # Of a policy of before it was kept, the fixed time of its upload is in it.
        own_s = line.fixed_s if line.own_s is None else line.own_s
        return max(0.0, whole_s - ((own_s or 0.0) - line.encode_s))

    def _tail(self, line: SplitLine, crossing: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        started_ns = self._now_ns()
        outputs = self._parts.tail(line.last_operator, crossing)
        took_s = self._since_s(started_ns)
        before_s = self._tail_s.get(line.block, took_s)
        self._tail_s[line.block] = before_s + TAIL_MEMORY * (took_s - before_s)
        return outputs

    def _shadowed(
        self,
        line: SplitLine,
        crossing: list[NDArray[Any]],
        outputs: list[NDArray[Any]],
        exchange: _Exchange,
    ) -> list[NDArray[Any]]:
        """Return the results, now and then held against those computed here.

        So are the first ones of a server that was not trusted.
        """
        every = self.options.shadow_every
        is_due = every and (self.counts.inferences + 1) % every == 0
        if not is_due and self._trust.is_closed:
            return outputs
        own = self._tail(line, _as_it_arrives(crossing, _encoding(line)))
        exchange.shadow_error = _largest_difference(own, outputs)
        if exchange.shadow_error <= self.options.shadow_limit:
            self._trust.succeeded()
            return outputs
        exchange.fallback = Fallback.DIFFERS
        self._trust.failed(self._now_ns())
        return own

    def _told(
        self,
        line: SplitLine,
        outputs: list[NDArray[Any]],
        exchange: _Exchange,
        *,
        head_s: float,
        started_ns: int,
    ) -> Inference:
        energy_j = self._energy_j(line, exchange)
        record = InferenceRecord(
            number=self.counts.inferences + 1,
            split=line.block,
            fallback=exchange.fallback,
            rate_bit_per_s=self.link.rate_bit_per_s,
            upload_bits=exchange.left_bits,
            head_s=head_s,
            transfer_s=exchange.transfer_s,
            total_s=self._since_s(started_ns),
            given_up_s=exchange.given_up_s,
            energy_j=energy_j,
            energy_u_j=None if line.u_relative is None else line.u_relative * energy_j,
            shadow_error=exchange.shadow_error,
            form_not_met=exchange.form_not_met,
            sent_as=line.encoding if exchange.left_bits else None,
        )
        carried_out = self.policy.whole.block if exchange.fallback else line.block
        self.counts.count(record, carried_out)
        self._on_record(record)
        names = [spec.name for spec in self._parts.outputs]
        return Inference(outputs=dict(zip(names, outputs, strict=True)), record=record)

    def _energy_j(self, line: SplitLine, exchange: _Exchange) -> float:
        """Return the estimate for what was done, J: of an upload in vain, what of it left.

        An upload is priced by the bits that really went up, at the rate that these had.
        """
        rate = self.link.rate_bit_per_s
        if exchange.transfer_s:
            line = line.sending(exchange.sent_bits)
            rate = exchange.sent_bits / exchange.transfer_s
        energy_j = line.energy_j(rate) + exchange.in_vain_j
        if exchange.fallback is None:
            return energy_j
        in_vain_j = line.broken_upload_j(rate, exchange.left_bits)
        here_j = self.policy.whole.energy_j(rate) + exchange.in_vain_j
        return here_j + in_vain_j

    def _since_s(self, started_ns: int) -> float:
        return (self._now_ns() - started_ns) * 1e-9


def _require_encodings(policy: SplitPolicy) -> None:
    unknown = {line.encoding for line in policy.lines if line.encoding} - set(SENDABLE)
    if unknown:
        raise PolicyMismatchError(
            f"the policy sends as {', '.join(sorted(unknown))}, which is not known here "
            f"({', '.join(SENDABLE)}): build one with this version of joulesplit"
        )


def _require_cuts(policy: SplitPolicy, parts: NetworkParts) -> None:
    """Refuse splits that are not the network's: what they give would be no results of it."""
    here = [line.last_operator for line in policy.lines if not line.upload_bits]
    unknown = {line.last_operator for line in policy.lines} - parts.last_operators
    if unknown or here != [parts.last_operator]:
        raise PolicyMismatchError(
            f"the policy's splits are not those of {parts.network.name}, whose last operator is "
            f"{parts.last_operator}: build one for it"
        )


def _encoding(line: SplitLine) -> Encoding | None:
    return None if line.encoding is None else SENDABLE[line.encoding]


def _alike(line: SplitLine, crossing: Sequence[NDArray[Any]]) -> set[str]:
    """Return what else cannot write numbers that a line's encoding could not, by its format."""
    encoding = _encoding(line)
    assert encoding is not None, "what is sent as it is can be sent"
    if all(np.isfinite(array).all() for array in crossing):
        return {encoding.numbers}
    # What is not finite before a split is hardly ever finite after a later one.
    return {encoding.numbers, *FINITE_ALONE}


def _as_it_arrives(
    crossing: list[NDArray[Any]], encoding: Encoding | None
) -> Sequence[NDArray[Any]]:
    """Return what the server has of the tensors that cross."""
    if encoding is None or encoding.is_lossless:
        return crossing
    try:
        return after_sending(crossing, encoding)
    except EncodingError:
        return crossing


@dataclass(slots=True)
class _Exchange:
    """What came of asking the server."""

    policy: SplitPolicy
    """What it is decided by, which is known to change with the numbers of this inference."""
    tried: SplitLine | None = None
    """What could not be sent so, and …"""
    crossing: list[NDArray[Any]] = field(default_factory=list)
    """… what crosses there."""
    fallback: Fallback | None = None
    left_bits: int = 0
    sent_bits: int = 0
    in_vain_j: float = 0.0
    form_not_met: str | None = None
    transfer_s: float | None = None
    given_up_s: float = 0.0
    shadow_error: float | None = None


def _reason(error: Exception) -> Fallback:
    if isinstance(error, AnotherRuntimeError):
        return Fallback.ANOTHER_RUNTIME
    if isinstance(error, LateError):
        return Fallback.LATE
    if isinstance(error, ServerUnreachableError):
        return Fallback.UNREACHABLE
    return Fallback.REFUSED


def _largest_difference(own: Sequence[NDArray[Any]], theirs: Sequence[NDArray[Any]]) -> float:
    """Return the largest difference relative to the range of the results computed here."""
    worst = 0.0
    for a, b in zip(own, theirs, strict=True):
        mine, other = a.astype(np.float64), b.astype(np.float64)
        spread = float(np.ptp(mine)) or 1.0
        worst = max(worst, float(np.abs(mine - other).max(initial=0.0)) / spread)
        if not np.array_equal(np.isfinite(mine), np.isfinite(other)):
            return inf
    return worst
