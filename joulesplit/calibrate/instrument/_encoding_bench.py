"""Making the bytes of what crosses, ready to be measured: from a cut's tensors to what is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from joulesplit.calibrate.campaign import INPUT_FORMS, shrinking_blocks
from joulesplit.calibrate.instrument._camera_picture import picture_input
from joulesplit.calibrate.profile import encoding_phase
from joulesplit.calibrate.workloads import StepWorkload
from joulesplit.edge import encoded_tensors
from joulesplit.partition import FLOATS, SENDABLE, encoded_bits
from joulesplit.partition.errors import EncodingError

if TYPE_CHECKING:
    from joulesplit.calibrate.instrument._network_bench import NetworkBench
    from joulesplit.calibrate.workloads import DeviceActivity, Workload
    from joulesplit.drivers.protocols import Clock
    from joulesplit.edge import NamedTensor
    from joulesplit.partition import Block, Encoding, Network

OF_THE_INPUT = "uint8"
"""The numbers of an encoding that holds nothing but an input of scaled bytes."""


def input_encodings(network: Network) -> tuple[str, ...]:
    """Return the encodings that a decision offers for a network's input, by name.

    Of a picture its bytes, which are shorter than halves and as long as quantised; of other floats
    those that may change the result. Only those that take fewer bits.
    """
    if len(network.inputs) != 1:
        return ()
    tensor = network.tensors[network.inputs[0]]
    if tensor.dtype not in FLOATS:
        return ()
    names = (OF_THE_INPUT,) if picture_input(network) is not None else ("float16", "int8")
    sizes = {name: encoded_bits(SENDABLE[name], tensor.shape, tensor.dtype) for name in names}
    return tuple(name for name, bits in sizes.items() if bits is not None and bits < tensor.bits)


def encoding_places(
    wanted: Sequence[str], network: Network, blocks: Sequence[Block]
) -> tuple[tuple[str, int], ...]:
    """Return what a plan's encodings are measured of: names and l, each pair once.

    Args:
        wanted: See ``joulesplit.calibrate.campaign.Plan.encodings``.
        network: The network.
        blocks: Its blocks.
    """
    return tuple(dict.fromkeys(_places(wanted, network, blocks)))


def _places(
    wanted: Sequence[str], network: Network, blocks: Sequence[Block]
) -> Iterator[tuple[str, int]]:
    for name in wanted:
        if name == INPUT_FORMS:
            yield from ((form, 0) for form in input_encodings(network))
        elif SENDABLE[name].numbers == OF_THE_INPUT:
            yield name, 0
        else:
            crossing = (0, 1, *shrinking_blocks(blocks)) if len(blocks) > 1 else (0,)
            yield from ((name, block) for block in crossing)


def encoding_workloads(
    wanted: Sequence[str], bench: NetworkBench, clock: Clock, activity: DeviceActivity
) -> dict[str, Workload]:
    """Return making the bytes of what crosses as workloads, by their subjects' keys.

    What an encoding cannot hold is left out: it is never sent so.

    Args:
        wanted: See ``joulesplit.calibrate.campaign.Plan.encodings``.
        bench: The network, with what crosses its cuts.
        clock: Time.
        activity: Who is told.
    """
    workloads: dict[str, Workload] = {}
    for name, block in encoding_places(wanted, bench.network, bench.blocks):
        named = bench.named_crossing(block, bench.crossing(block))
        try:
            encoded_tensors(named, SENDABLE[name])
        except EncodingError:
            continue
        key = encoding_phase(name, block)
        step = partial(encode_crossing, named, SENDABLE[name], activity)
        workloads[key] = StepWorkload(name=key, step=step, clock=clock, activity=activity)
    return workloads


def encode_crossing(
    tensors: Sequence[NamedTensor], encoding: Encoding, activity: DeviceActivity
) -> tuple[NamedTensor, ...]:
    """Return what goes on the wire: all that a split does between its head and its upload.

    Raises:
        EncodingError: The encoding cannot hold a number.
    """
    with activity.encoding(8 * sum(tensor.data.nbytes for tensor in tensors)):
        return encoded_tensors(tensors, encoding)
