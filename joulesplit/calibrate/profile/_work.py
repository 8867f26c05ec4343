"""What a profile says of heads, phases, tails and downloads. Part of the data contract.

Frozen plain data, a leaf like ``joulesplit.calibrate.profile._device_profile``; facts that a file does not have came with
a later tool.
"""

from __future__ import annotations

import msgspec

from joulesplit.calibrate.profile._estimates import RateCost
from joulesplit.calibrate.profile._quantity import GrossNet, Quantity

CONNECTION_PHASE = "connection: set it up, ask for nothing"
"""Name of the phase that sets up a new connection to the server, with one small exchange."""


class HeadEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks 1 … l run as one network: what a split after block l really computes.

    This is not the sum of the blocks measured alone. The runtime fuses operators and hands
    tensors on in the cache across the ends of blocks, which saves energy; a block that is run
    over and over finds its weights in the cache, which a block inside a network does not.

    Attributes:
        last_block: l; that of the whole network is its number of blocks.
        energy_j: Per inference, J.
        latency_s: Per inference, s.
        net_over_blocks: Net energy over the sum of the blocks' net energies.
        net_over_blocks_u: Its standard uncertainty; the sensor's scale cancels in it.
    """

    last_block: int
    energy_j: GrossNet
    latency_s: Quantity
    net_over_blocks: float
    net_over_blocks_u: float | None = None


class PhaseEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happens once per start rather than once per inference.

    Attributes:
        latency_s: s.
        energy_j: J; None if it does not stand out of the scatter.
        energy_bound_j: Upper end of the 95 % interval of its net energy, J; where that energy
            scatters below zero, of the interval as if it were zero.
    """

    name: str
    latency_s: Quantity
    energy_j: GrossNet | None
    energy_bound_j: float


class UploadTail(msgspec.Struct, frozen=True, kw_only=True):
    """What the device takes above idle after the last upload of a window.

    Attributes:
        energy_j: Net, per window, J; part of the windows' energy already.
        duration_s: How long was looked at, s.
    """

    energy_j: Quantity
    duration_s: float


class Downlink(msgspec.Struct, frozen=True, kw_only=True):
    """What receiving costs.

    Attributes:
        rate_bit_per_s: Payload rate reached as fast as the link delivers, bit/s.
        e_c_bit_per_j: At that rate, bit/J, without the fixed cost per download.
        interface_bits_per_payload_bit: Received on the interface per payload bit; None if it
            could not be read.
        at_rates: E_c at the paced rates whose energy per bit is known to be above zero; empty if
            the windows had but one rate.
    """

    rate_bit_per_s: float
    e_c_bit_per_j: GrossNet
    interface_bits_per_payload_bit: float | None = None
    at_rates: tuple[RateCost, ...] = ()
