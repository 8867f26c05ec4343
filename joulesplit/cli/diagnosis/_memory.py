"""Memory: is what is free enough to measure a network, and by which plan?"""

from __future__ import annotations

from joulesplit.calibrate.campaign import QUICK, STANDARD
from joulesplit.calibrate.instrument import memory_need
from joulesplit.cli._errors import CommandError
from joulesplit.cli._finding import Finding
from joulesplit.cli._resources import paper_network
from joulesplit.metrology import si
from joulesplit.partition import Network
from joulesplit.partition.errors import PartitionError
from joulesplit.partition.reading import read_network


def bundled_network() -> Network | None:
    """Return the bundled network; None where it cannot be read, which another finding tells."""
    try:
        return read_network(paper_network())
    except (CommandError, PartitionError):
        return None


def memory_finding(network: Network | None, available_bytes: int) -> Finding:
    """Return whether a network can be measured with the memory that is free.

    Args:
        network: The network; None if there is none to say it of.
        available_bytes: Memory that programs can still take, byte.
    """
    free = f"{si(available_bytes, 'byte')} free"
    if network is None:
        return Finding(name="memory", state="info", found=free)
    quick, standard = (
        memory_need(network, plan, available_bytes).whole_bytes for plan in (QUICK, STANDARD)
    )
    found = (
        f"{free}; calibrate of {network.name} takes "
        f"{si(quick, 'byte')} with --quick, {si(standard, 'byte')} with --standard"
    )
    if available_bytes >= standard:
        return Finding(name="memory", state="ok", found=found)
    fix = "calibrate --quick, or stop other programs"
    if available_bytes < quick:
        fix = "stop other programs, take a smaller network, or add memory"
    return Finding(name="memory", state="warn", found=found, fix=fix)
