"""What a campaign takes of the memory, told before anything is started. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from joulesplit.calibrate.campaign import PLANS, Plan, head_blocks
from joulesplit.calibrate.errors import MemoryShortError
from joulesplit.calibrate.instrument._loaded_parts import KEPT_BYTES, copy_bytes, part_bytes
from joulesplit.calibrate.instrument._network_bench import KEPT_FILE_BYTES, blocks_cut
from joulesplit.calibrate.instrument._phase_bench import WORKING_BYTES, copies_ready
from joulesplit.metrology import si

if TYPE_CHECKING:
    from joulesplit.partition import Network

PROGRAM_BYTES = 60_000_000
"""The device process without a network: Python, numpy, the runtime."""

HELD_BEYOND = 1.1
"""What the C library and the runtime hold over what the sums here say: 5 to 10 % of it, of networks
of 14 and 102 MB (docs/benchmarks.md)."""

OTHERS_BYTES = 40_000_000
"""The process that samples, and multiprocessing's resource tracker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryNeed:
    """What a campaign takes at most.

    Attributes:
        device_bytes: Of the process that runs the network, byte.
        others_bytes: Of the processes beside it, byte.
    """

    device_bytes: int
    others_bytes: int = OTHERS_BYTES

    @property
    def whole_bytes(self) -> int:
        """All of it, byte."""
        return self.device_bytes + self.others_bytes


def memory_need(network: Network, plan: Plan, available_bytes: int | None = None) -> MemoryNeed:
    """Return about what measuring a network takes at most.

    Args:
        network: That is measured.
        plan: By which.
        available_bytes: Memory that programs can still take, byte, which some steps go by; None
            if it is not known.
    """
    at_once = _parts_bytes(network, plan)
    if plan.phases:
        at_once = max(at_once, _start_bytes(network, available_bytes))
    if network.parameter_bytes <= KEPT_FILE_BYTES:
        at_once += network.parameter_bytes
    held_bytes = round(HELD_BEYOND * (_crossing_bytes(network, plan) + at_once))
    return MemoryNeed(device_bytes=PROGRAM_BYTES + held_bytes)


def _parts_bytes(network: Network, plan: Plan) -> int:
    """Return what blocks and heads take: those kept, or a single one that takes more."""
    blocks = blocks_cut(network, plan.blocks)
    runs = [(block.first_operator, block.last_operator) for block in blocks]
    runs += [(0, blocks[last - 1].last_operator) for last in head_blocks(plan, blocks)]
    if plan.whole:
        runs.append((0, blocks[-1].last_operator))
    return max(KEPT_BYTES, *(part_bytes(network, *run) for run in runs))


def _start_bytes(network: Network, available_bytes: int | None) -> int:
    """Return what the steps of a start take: the file, copies of the network, parts beside them."""
    copies_bytes = copies_ready(network, available_bytes) * copy_bytes(network)
    taken_bytes = network.parameter_bytes + copies_bytes
    return taken_bytes + min(KEPT_BYTES, max(0, WORKING_BYTES - taken_bytes))


def _crossing_bytes(network: Network, plan: Plan) -> int:
    """Return what is kept of what crosses: as tensors, and each size once as it is sent."""
    blocks = blocks_cut(network, plan.blocks)
    sizes = [network.input_bits, *(block.output_bits for block in blocks)]
    return (sum(sizes) + sum(set(sizes))) // 8


def require_memory(network: Network, plan: Plan, available_bytes: int | None) -> MemoryNeed:
    """Return what a campaign takes at most, if there is as much.

    Args:
        network: That is to be measured.
        plan: By which.
        available_bytes: Memory that programs can still take, byte; None, which refuses nothing,
            if it is not known.

    Raises:
        MemoryShortError: There is not; the plan that would fit is named.
    """
    need = memory_need(network, plan, available_bytes)
    if available_bytes is None or need.whole_bytes <= available_bytes:
        return need
    fitting = plan_that_fits(network, plan, available_bytes)
    instead = "none of its plans takes as little: measure a smaller network, or stop other programs"
    if fitting is not None:
        fitting_bytes = memory_need(network, fitting, available_bytes).whole_bytes
        instead = (
            f"plan {fitting.name} takes {si(fitting_bytes, 'byte')}: "
            f"give --plan {fitting.name}, or stop other programs"
        )
    raise MemoryShortError(
        f"measuring {network.name} by plan {plan.name} takes {si(need.whole_bytes, 'byte')} of "
        f"memory, and {si(available_bytes, 'byte')} are free; {instead}"
    )


def plan_that_fits(network: Network, plan: Plan, available_bytes: int) -> Plan | None:
    """Return the most thorough preset that the memory is enough for; None if it is for none.

    Args:
        network: That is to be measured.
        plan: Where its blocks end stays.
        available_bytes: Memory that programs can still take, byte.
    """
    for preset in reversed(PLANS.values()):
        kept = msgspec.structs.replace(preset, blocks=plan.blocks)
        if memory_need(network, kept, available_bytes).whole_bytes <= available_bytes:
            return preset
    return None
