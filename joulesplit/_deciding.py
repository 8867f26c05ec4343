"""Profiles from files, and a decision from files or from what was read from them."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from os import PathLike
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Literal

from joulesplit.calibrate import profile as profiles
from joulesplit.calibrate.checks import examined
from joulesplit.calibrate.profile import DeviceProfile, Quantity, StoredProfile
from joulesplit.optimizer import (
    FROM_NOTHING_TO_TWICE,
    ComputeModel,
    Constraints,
    Decision,
    InputForm,
    SplitPolicy,
    Usage,
    battery_life,
)
from joulesplit.optimizer import decide as decide_for_blocks
from joulesplit.optimizer.errors import ProfileMismatchError
from joulesplit.partition import (
    AS_IS,
    FLOATS,
    SENDABLE,
    Block,
    Encoding,
    Network,
    TensorSpec,
    encoded_bits,
    scaled_bytes,
    tensor_specs,
)
from joulesplit.partition.cutting import blocks_at, residual_blocks
from joulesplit.partition.errors import CutError
from joulesplit.partition.reading import read_network

MOST_TIMED, TIMINGS = 2**18, 9
"""So many numbers tell how long one takes to encode; a step is timed so often."""

FilePath = str | PathLike[str]


def load_profile(path: FilePath) -> DeviceProfile:
    """Read a device profile of this or an older version.

    Args:
        path: The file.

    Raises:
        ProfileNotFoundError: There is no such file.
        ProfileFormatError: It is not a profile, or a damaged one.
        ProfileVersionError: It is of a version this tool does not know.
    """
    return profiles.load_profile(Path(path)).profile


def save_profile(path: FilePath, profile: DeviceProfile) -> None:
    """Write a device profile in one step: whole, or not at all.

    What a later version's file held beyond this version is not in a ``DeviceProfile``;
    ``joulesplit.calibrate.profile`` reads and writes that too (``StoredProfile``).

    Args:
        path: The file; replaced if it is there.
        profile: What to write.

    Raises:
        OutputError: It cannot be written.
    """
    profiles.save_profile(Path(path), StoredProfile(profile=profile))


def decide(  # noqa: PLR0913 - one option per fact that only the user knows
    network: Network | FilePath,
    profile: DeviceProfile | FilePath,
    *,
    battery_j: float | None = None,
    period_s: float | None = None,
    account: Literal["net", "gross"] | None = None,
    compute_model: ComputeModel | None = None,
    usage: Usage | None = None,
    constraints: Constraints | None = None,
    model_u_rel: float | None = None,
    allow_rejected: bool = False,
) -> Decision:
    """Choose where to split a network on a measured device, and say how surely.

    Args:
        network: The network, or its ``.tflite`` file.
        profile: What the device's computing and sending cost, or its file. It is examined as
            ``joulesplit profile check`` does: the verdict that it states is not trusted.
        battery_j: Energy of a battery, J: the decision then is by what a battery gives, idle power
            counted, and says how many inferences each split gets from it.
        period_s: From one inference to the next, s: the idle power of that time counts. With a
            battery None is back to back.
        account: ``net`` or ``gross``; None takes net where the profile has all of it.
        compute_model: None takes ``heads`` where the profile has measured any, else ``blocks``
            where it knows these very ones, else ``constant``.
        usage: None takes an inference now and then over a connection that is kept open, and
            uploads the network's input in the cheapest form that changes nothing.
        constraints: Limits to keep.
        model_u_rel: What a block measured alone may be off by inside a network, relative standard
            uncertainty, if you know it; None leaves it to the measured heads.
        allow_rejected: Use a profile that was rejected.

    Raises:
        PartitionError: The file is no network that can be read.
        ProfileError: The file is no profile that can be read.
        InvalidInputError: An option makes no sense.
        ProfileMismatchError: Blocks or heads asked for that the profile does not have.
        ProfileUnusableError: The profile was rejected, lacks a figure, or holds one that cannot
            be true.
        NoFeasibleSplitError: No split keeps all the limits.
    """
    known = _to_decide_by(profile)
    read = network if isinstance(network, Network) else read_network(Path(network))
    decision = decide_for_blocks(
        read,
        blocks_for(read, known),
        known,
        account=account,
        compute_model=compute_model,
        usage=_in_rhythm(with_input_forms(usage or Usage(), read, known), battery_j, period_s),
        constraints=constraints,
        model_u_rel=model_u_rel,
        allow_rejected=allow_rejected,
    )
    if battery_j is None:
        return decision
    return replace(decision, battery=battery_life(decision, battery_j))


def _to_decide_by(profile: DeviceProfile | FilePath) -> DeviceProfile:
    """Return a profile, or that of a file, with the verdict that its figures deserve."""
    return examined(profile if isinstance(profile, DeviceProfile) else load_profile(profile))


def _in_rhythm(usage: Usage, battery_j: float | None, period_s: float | None) -> Usage:
    """Return the usage with its period; a battery without one is used back to back."""
    if period_s is not None:
        return replace(usage, period_s=period_s)
    if battery_j is not None and not usage.counts_idle:
        return replace(usage, back_to_back=True)
    return usage


def with_input_forms(usage: Usage, network: Network, profile: DeviceProfile) -> Usage:
    """Return a usage that chooses among the forms that a network's input can be sent in.

    Where the usage says how the input is sent, that stays. A network that takes one picture of
    floats gets its bytes again, without loss. Shorter numbers, which may change the result, are
    taken only where the usage allows them. How long making a form takes that the profile has not
    measured is found here, see ``device_time``.

    Args:
        usage: How the network is used.
        network: The network.
        profile: The device's figures.
    """
    said = usage.input_bits is not None or usage.encoding is not None or usage.input_forms
    if said or len(network.inputs) != 1:
        return usage
    return replace(usage, input_forms=_input_forms(network, profile))


def _input_forms(network: Network, profile: DeviceProfile) -> tuple[InputForm, ...]:
    from joulesplit.calibrate.instrument import input_encodings

    tensor = network.tensors[network.inputs[0]]
    others = [_form(name, network, profile) for name in input_encodings(network)]
    return (InputForm(name=AS_IS, bits=tensor.bits), *others) if others else ()


def _form(name: str, network: Network, profile: DeviceProfile) -> InputForm:
    """Return an input of floats in an encoding that has a size."""
    tensor, encoding = network.tensors[network.inputs[0]], SENDABLE[name]
    bits = encoded_bits(encoding, tensor.shape, tensor.dtype)
    assert bits is not None, "what is compressed has no size of its own"
    if _has_priced(name, profile):
        return timed_form(name, bits, DeviceTime(value_s=0.0, u_rel=None, words=""))
    [spec] = tensor_specs(network, network.inputs)
    return timed_form(name, bits, device_time(profile, network, _encoding_time_s(encoding, spec)))


def _has_priced(name: str, profile: DeviceProfile) -> bool:
    """Say whether a profile prices an encoding of the input, whatever account and network."""
    compute = profile.compute
    if compute.model is None or not compute.model.input_bits:
        return False
    figures = (
        (one.energy_j.net, one.energy_j.gross, one.latency_s)
        for one in compute.encodings
        if (one.encoding, one.block) == (name, 0)
    )
    return any(all(_states_uncertainty(figure) for figure in found) for found in figures)


def _states_uncertainty(figure: Quantity | None) -> bool:
    return figure is not None and None not in (figure.u_stat, figure.u_sys)


def timed_form(name: str, bits: int, taken: DeviceTime) -> InputForm:
    """Return an input in an encoding, where the profile has not measured what making it costs.

    Args:
        name: Of the encoding.
        bits: As sent, bit.
        taken: How long making it is taken to last on the device.
    """
    return InputForm(
        name=name,
        bits=bits,
        encode_s=taken.value_s,
        encode_u_rel=taken.u_rel,
        timed_by=taken.words,
        is_lossless=SENDABLE[name].is_lossless,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTime:
    """How long a step that was timed here is taken to last on a profile's device.

    Attributes:
        value_s: s.
        u_rel: What time and energy may be off by, relative standard uncertainty; None if what was
            found here tells nothing of the device.
        words: Why it is taken so.
    """

    value_s: float
    u_rel: float | None
    words: str


def device_time(profile: DeviceProfile, network: Network, here_s: float) -> DeviceTime:
    """Return how long a step on a network's tensors lasts on a profile's device.

    On a machine like the device as long as here; else as much longer as the profile's step that
    makes numbers of a picture's bytes takes than here, where it has that of this network.

    Args:
        profile: Names the device.
        network: Whose tensors they are.
        here_s: How long it takes on this machine, s.
    """
    if _is_here(profile):
        return DeviceTime(value_s=here_s, u_rel=FROM_NOTHING_TO_TWICE, words="it is that of here")
    from joulesplit.calibrate.instrument import CONVERT

    own = profile.compute.model is not None and profile.compute.model.sha256 == network.sha256
    step = (phase.latency_s.value for phase in profile.compute.phases if phase.name == CONVERT)
    step_s, step_here_s = next(step, 0.0), _conversion_time_s(network)
    if not (own and step_s and step_here_s):
        words = "nothing tells how this machine's time goes over to the device"
        return DeviceTime(value_s=here_s, u_rel=None, words=words)
    return DeviceTime(
        value_s=here_s * step_s / step_here_s,
        u_rel=FROM_NOTHING_TO_TWICE,
        words="it is that of this machine, times what the step from bytes to numbers takes there "
        "and here",
    )


def _is_here(profile: DeviceProfile) -> bool:
    """Say whether a profile's device is a machine like this one.

    A simulated one is none, and of a machine without a board's name nothing tells which it is.
    """
    from joulesplit.calibrate.environment import Machine

    machine, device = Machine(), profile.device
    if profile.simulated or device.board is None:
        return False
    return (machine.board, platform.machine()) == (device.board, device.machine)


@lru_cache(maxsize=32)
def _encoding_time_s(encoding: Encoding, spec: TensorSpec) -> float:
    """Return how long an input that is scaled bytes takes to encode here, s; timed once.

    A long one is timed on its first numbers: the time goes with how many there are.
    """
    from joulesplit.partition.checking import encoding_time_s

    count = prod(spec.shape)
    part = replace(spec, shape=(min(count, MOST_TIMED),))
    return encoding_time_s(encoding, scaled_bytes([part], 0)) * count / max(1, *part.shape)


def _conversion_time_s(network: Network) -> float | None:
    """Return how long a picture's bytes take here to become the numbers a network takes, s."""
    from joulesplit.calibrate.instrument import picture_input

    spec = picture_input(network)
    return None if spec is None or spec.dtype not in FLOATS else _converted_in_s(spec)


@lru_cache(maxsize=32)
def _converted_in_s(spec: TensorSpec) -> float:
    import numpy as np

    from joulesplit.calibrate.instrument import as_network_takes

    pixels = np.random.default_rng(0).integers(0, 256, spec.shape, dtype=np.uint8)
    took_s = []
    for _ in range(TIMINGS):
        started_s = perf_counter()
        as_network_takes(pixels, spec.dtype)
        took_s.append(perf_counter() - started_s)
    return median(took_s)


def split_policy(
    network: Network | FilePath,
    profile: DeviceProfile | FilePath,
    *,
    account: Literal["net", "gross"] | None = None,
    usage: Usage | None = None,
    constraints: Constraints | None = None,
) -> SplitPolicy:
    """Decide once for every rate of the link; the policy is then asked in microseconds.

    Args:
        network: The network, or its ``.tflite`` file.
        profile: As for ``decide``.
        account: As for ``decide``.
        usage: As for ``decide``; its rate does not count.
        constraints: Limits to keep; one on time is left to each question.

    Raises:
        PartitionError: The file is no network that can be read.
        ProfileError: The file is no profile that can be read.
        ProfileUnusableError: The profile has no fit of its link, was rejected, or lacks a figure.
        OptimizerError: As for ``decide``.
    """
    known = _to_decide_by(profile)
    read = network if isinstance(network, Network) else read_network(Path(network))
    return SplitPolicy.build(
        read,
        blocks_for(read, known),
        known,
        account=account,
        usage=with_input_forms(usage or Usage(), read, known),
        constraints=constraints,
    )


def blocks_for(network: Network, profile: DeviceProfile) -> tuple[Block, ...]:
    """Return the network's blocks: those the profile measured, if it measured this network.

    Raises:
        ProfileMismatchError: It says that it did, and its blocks end where none can.
    """
    blocks = residual_blocks(network)
    known = profile.compute.model
    if known is None or known.sha256 != network.sha256 or not profile.compute.blocks:
        return blocks
    ends = [block.last_operator for block in profile.compute.blocks]
    if ends == [block.last_operator for block in blocks]:
        return blocks
    try:
        return blocks_at(network, ends)
    except CutError as error:
        raise ProfileMismatchError(
            f"the profile's blocks are not those of {network.name}, which it says it measured: "
            f"{error}; take the file that `calibrate` wrote"
        ) from error
