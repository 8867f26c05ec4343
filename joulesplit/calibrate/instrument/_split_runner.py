"""One split of a network made ready to be run end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joulesplit.calibrate.instrument._encoding_bench import encode_crossing
from joulesplit.calibrate.workloads import Offload, SplitWorkload
from joulesplit.edge import Pacer
from joulesplit.partition import after_sending, encode, suited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from joulesplit.calibrate.instrument._instrument import Instrument
    from joulesplit.edge import NamedTensor
    from joulesplit.partition import Encoding


class SplitRunner:
    """One split of a network, ready to run end to end.

    Args:
        instrument: Running instrument.
        block: l.
        rate_bit_per_s: Upload rate, bit/s; None sends as fast as the link takes it. A simulated
            link takes no more than it has.
        encoding: How what crosses is sent; None for as it is.
    """

    def __init__(
        self,
        instrument: Instrument,
        block: int,
        rate_bit_per_s: float | None,
        encoding: Encoding | None = None,
    ) -> None:
        self._instrument = instrument
        self._block, self._encoding = block, encoding
        rates = (rate_bit_per_s, instrument.device.link_rate_bit_per_s)
        self._rate_bit_per_s = min((rate for rate in rates if rate is not None), default=None)
        network = instrument.network
        self._last = network.last_operator(block)
        self._head = network.runner(0, self._last) if block else None
        if self._head is not None:
            self._head.set_inputs(network.crossing(0))
        self.outputs: list[NDArray[Any]] = []
        self.sent_bits = 0
        """Of the last upload, bit."""
        self._waits_s: list[float] = []

    @property
    def server_wait_s(self) -> float | None:
        """Mean time from the last bit sent until the answer was there, s; None if none was sent."""
        return sum(self._waits_s) / len(self._waits_s) if self._waits_s else None

    def workload(self) -> SplitWorkload:
        """Return the split as a workload."""
        network = self._instrument.network
        full_local = self._block == len(network.blocks)
        return SplitWorkload(
            name=f"split {self._block}",
            head_blocks=self._block,
            head=self._run_head if self._head is not None else None,
            offload=None if full_local else self._offload(),
            payload_bits=self._payload_bits(),
            clock=self._instrument.clock,
            activity=self._instrument.activity,
        )

    def _payload_bits(self) -> int:
        arrays = self._instrument.network.crossing(self._block)
        if self._encoding is None:
            return 8 * sum(array.nbytes for array in arrays)
        return sum(8 * len(encode(a, suited(self._encoding, a.dtype.name))) for a in arrays)

    def expected(self) -> list[NDArray[Any]]:
        """Return the network's results, of what arrives where an encoding changes that."""
        network, last = self._instrument.network, len(self._instrument.network.blocks)
        if self._encoding is None or self._encoding.is_lossless or self._block == last:
            return network.crossing(last)
        arrived = after_sending(network.crossing(self._block), self._encoding)
        return network.runner(self._last + 1, network.last_operator(last)).run(arrived)

    def _run_head(self) -> None:
        assert self._head is not None
        self._head.invoke()
        if self._block == len(self._instrument.network.blocks):
            self.outputs = self._head.get_outputs()

    def _encoded(self, tensors: Sequence[NamedTensor]) -> Sequence[NamedTensor]:
        """Return what goes up; making it is what a campaign measured of it."""
        if self._encoding is None:
            return tensors
        return encode_crossing(tensors, self._encoding, self._instrument.activity)

    def _offload(self) -> Offload:
        instrument = self._instrument
        network = instrument.network

        def offload() -> float:
            arrays = self._head.get_outputs() if self._head else network.crossing(0)
            rate, on_air = self._rate_bit_per_s, instrument.activity.on_air
            pacer = None if rate is None else Pacer(rate, clock=instrument.clock, on_chunk=on_air)
            sent = self._encoded(network.named_crossing(self._block, arrays))
            result = instrument.client.run_tail_of(
                network.network.sha256,
                self._last,
                sent,
                encoding=self._encoding,
                pacer=pacer,
            )
            self.sent_bits = 8 * result.receipt.payload_bytes
            self.outputs = [tensor.data for tensor in result.outputs]
            receipt = result.receipt
            whole_s = (receipt.answered_ns - receipt.started_ns) * 1e-9
            # A simulated link spends its schedule; on a real one what it did is measured.
            sent_s = (
                receipt.duration_s if instrument.device.link_rate_bit_per_s else receipt.transfer_s
            )
            self._waits_s.append(max(0.0, whole_s - sent_s))
            return sent_s

        return offload
