"""What a transfer put on the socket and on the interface, from counters read around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from joulesplit.edge import TransferFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCount:
    """Counters of a link at one moment, or what they counted between two.

    Attributes:
        socket_bits: Handed to the socket, bit.
        interface_tx_bits, interface_rx_bits: Sent and received by the interface with all headers,
            bit; None where it cannot be read.
        transfers: What each upload did on the link, in order.
    """

    socket_bits: int = 0
    interface_tx_bits: int | None = None
    interface_rx_bits: int | None = None
    transfers: tuple[TransferFacts, ...] = ()

    def since(self, before: LinkCount) -> LinkCount:
        """Return what was counted since an earlier moment."""
        return LinkCount(
            socket_bits=self.socket_bits - before.socket_bits,
            interface_tx_bits=_moved(before.interface_tx_bits, self.interface_tx_bits),
            interface_rx_bits=_moved(before.interface_rx_bits, self.interface_rx_bits),
            transfers=self.transfers[len(before.transfers) :],
        )


def _moved(before: int | None, after: int | None) -> int | None:
    # A counter that was reset meanwhile, as by an interface that went down, tells nothing.
    if before is None or after is None or after < before:
        return None
    return after - before


LinkMeter = Callable[[], LinkCount]
"""Reads the counters."""


def no_meter() -> LinkCount:
    """Return the count of a link that cannot be counted."""
    return LinkCount()
