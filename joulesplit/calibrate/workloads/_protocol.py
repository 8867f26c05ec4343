"""The seams between a measuring procedure and what the device does meanwhile."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from joulesplit.edge import TransferFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkDone:
    """What a workload did, and when.

    Attributes:
        started_ns: CLOCK_MONOTONIC before the first step, ns.
        ended_ns: CLOCK_MONOTONIC after the last step, ns.
        repetitions: Inferences or transfers done.
        airtime_s: Transfer times together, s; 0 for compute.
        payload_bits: Payload sent or received, bit; 0 for compute.
        socket_bits: Handed to the socket, request heads included, bit.
        interface_tx_bits, interface_rx_bits: Counted on the interface meanwhile, bit; None where
            it cannot be read.
        transfers: What each upload did on the link, as the kernel saw it.
        pace: Rate that the transfers were paced at, bit/s; None for other work.
    """

    started_ns: int
    ended_ns: int
    repetitions: int
    airtime_s: float = 0.0
    payload_bits: int = 0
    socket_bits: int = 0
    interface_tx_bits: int | None = None
    interface_rx_bits: int | None = None
    transfers: tuple[TransferFacts, ...] = ()
    pace: float | Literal["unlimited"] | None = None


class Workload(Protocol):
    """Something that can be repeated inside a window."""

    @property
    def name(self) -> str:
        """What is repeated, for people."""

    def run(self, repetitions: int) -> WorkDone:
        """Do it ``repetitions`` times and say when it began and ended."""


@runtime_checkable
class PreparedWorkload(Workload, Protocol):
    """A workload that needs things made ready before the window begins."""

    @property
    def at_most(self) -> int:
        """Repetitions that can be ready at once, one at least."""

    def prepare(self, repetitions: int) -> None:
        """Make everything ready for ``run(repetitions)``."""


def nothing() -> None:
    """Have nothing to make ready."""


class DeviceActivity(Protocol):
    """A listener that is told what the device is about to do.

    Real hardware needs no telling: its power follows by itself. A simulated board turns the
    news into load.
    """

    def window_begins(self) -> None:
        """Work is about to begin after idle."""

    def inference(self, first_block: int, last_block: int) -> AbstractContextManager[None]:
        """Hear of one inference of the blocks ``first_block`` … ``last_block`` (both included)."""

    def encoding(self, bits: int) -> AbstractContextManager[None]:
        """Hear of making the bytes of tensors of ``bits`` that are to be sent."""

    def upload_begins(self) -> None:
        """Hear that one upload is about to begin."""

    def on_air(self, bits: int, duration_s: float) -> None:
        """Hear that ``bits`` of payload are on the air for the next ``duration_s`` seconds."""


class RealActivity:
    """The activity of real hardware: nothing to tell."""

    def window_begins(self) -> None:
        """Do nothing."""

    def inference(self, first_block: int, last_block: int) -> AbstractContextManager[None]:
        """Return a context that does nothing."""
        del first_block, last_block
        return nullcontext()

    def encoding(self, bits: int) -> AbstractContextManager[None]:
        """Return a context that does nothing."""
        del bits
        return nullcontext()

    def upload_begins(self) -> None:
        """Do nothing."""

    def on_air(self, bits: int, duration_s: float) -> None:
        """Do nothing."""
