"""How what crosses is sent, as commands are asked: options, and what these measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from joulesplit.cli._errors import CommandError
from joulesplit.cli._output import note

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joulesplit.calibrate.profile import DeviceProfile
    from joulesplit.cli._options import Command
    from joulesplit.cli._own_data import OwnData
    from joulesplit.optimizer import InputForm, SentEncoded, Usage
    from joulesplit.partition import Block
    from joulesplit.partition.reading import LoadedModel

    Samples = Sequence[Sequence[NDArray[Any]]]

MEASURED_ON = 8
"""Of a user's inputs so many tell how long an encoding takes, and how much is sent."""

AS_THE_NETWORK = "float32"
INPUT_ENCODINGS = (AS_THE_NETWORK, "uint8", "float16", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingChoice:
    """What the user said of it; None for what was not given.

    Attributes:
        encoding: Name of the encoding of what crosses.
        input_encoding: That of the input, if everything is offloaded.
        allow_lossy_input: The input may be sent in a form that changes the result.
    """

    encoding: str | None
    input_encoding: str | None
    allow_lossy_input: bool


def sending_options(command: Command) -> Command:
    """Add the options of how what crosses is sent; they are fields of ``SendingChoice``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--input-encoding",
        type=click.Choice(INPUT_ENCODINGS),
        help="Send the input so if everything is offloaded; default the cheapest that changes "
        "nothing.",
    ),
    click.option(
        "--allow-lossy-input",
        is_flag=True,
        help="Let full offload send the input in a form that may change the result.",
    ),
    click.option(
        "--encoding",
        metavar="NAME",
        help="Send what crosses as float16, int8, int8-channel, each with +zlib or not, or "
        "as-is+zlib; runs the network here to measure bits and time.",
    ),
)


def usage_sent(
    usage: Usage,
    choice: SendingChoice,
    model: LoadedModel,
    blocks: Sequence[Block],
    profile: DeviceProfile,
    *,
    inputs: Sequence[Path] = (),
    data: OwnData | None = None,
) -> tuple[Usage, tuple[str, ...]]:
    """Return a usage in which what crosses is sent as the user says, and what cannot be.

    Args:
        usage: How the network is used otherwise.
        choice: What the user said.
        model: The network.
        blocks: Its blocks.
        profile: The device's figures.
        inputs: `.npy` files to measure an encoding on, one per input; random ones otherwise.
        data: Inputs on which it is counted how often the answer stays; the first of them are
            those that an encoding is measured on.

    Raises:
        CommandError: There is no such encoding, or it cannot hold the input.
        PartitionError: The network cannot be run.
    """
    from joulesplit._deciding import with_input_forms

    arrays = _arrays(model, inputs, data)
    encoding, refusals = _encoded(model, blocks, choice.encoding, arrays, profile)
    usage = replace(usage, encoding=encoding, allow_lossy_input=choice.allow_lossy_input)
    if choice.input_encoding is not None:
        form = _input_form(model, choice.input_encoding, arrays, profile)
        usage = replace(usage, input_forms=(form,), allow_lossy_input=True)
    usage = with_input_forms(usage, model.network, profile)
    if data is not None:
        from joulesplit._answers import with_agreements

        note(f"running {len(data.inputs)} inputs, with and without what changes their numbers")
        usage = with_agreements(usage, model, blocks, data.inputs, data.labels)
    return usage, refusals


def _arrays(model: LoadedModel, inputs: Sequence[Path], data: OwnData | None) -> Samples | None:
    """Return what an encoding is measured on; None for random numbers."""
    from joulesplit.cli._partitioning import read_samples

    if data is not None:
        return [data.inputs[at] for at in range(min(MEASURED_ON, len(data.inputs)))]
    return read_samples(model, inputs)


def sending_words(choice: SendingChoice) -> list[str]:
    """Return the words of a command line that say the same."""
    named = {"--encoding": choice.encoding, "--input-encoding": choice.input_encoding}
    words = [word for name, value in named.items() if value for word in (name, value)]
    return [*words, *(["--allow-lossy-input"] if choice.allow_lossy_input else [])]


def _input_form(
    model: LoadedModel, name: str, inputs: Samples | None, profile: DeviceProfile
) -> InputForm:
    """Return the form of the input that the user names, the time of making it measured here."""
    from joulesplit._deciding import device_time, timed_form
    from joulesplit.optimizer import InputForm
    from joulesplit.partition import AS_IS, FLOATS, SENDABLE
    from joulesplit.partition.checking import encoded_input

    network = model.network
    dtypes = {network.tensors[index].dtype for index in network.inputs}
    if name in dtypes or (not dtypes & FLOATS and name == "uint8"):
        return InputForm(name=AS_IS, bits=network.input_bits)
    if name == AS_THE_NETWORK or not dtypes & FLOATS:
        raise CommandError(
            f"--input-encoding {name}: {network.name} takes {' and '.join(sorted(dtypes))}, and "
            "only fewer bits for floats can be made of that; leave it out"
        )
    found = encoded_input(model, SENDABLE[name], inputs=inputs)
    if found.refused is not None:
        raise CommandError(f"--input-encoding {name}: {found.refused}")
    return timed_form(name, found.bits, device_time(profile, network, found.encode_s))


def _encoded(
    model: LoadedModel,
    blocks: Sequence[Block],
    name: str | None,
    inputs: Samples | None,
    profile: DeviceProfile,
) -> tuple[SentEncoded | None, tuple[str, ...]]:
    """Measure the chosen encoding of all that could cross; say what it cannot hold."""
    from joulesplit._deciding import device_time
    from joulesplit.optimizer import SentEncoded
    from joulesplit.partition import ENCODINGS
    from joulesplit.partition.checking import encoded_cuts

    if name is None:
        return None, ()
    if name not in ENCODINGS:
        raise CommandError(f"--encoding {name!r} is none of {', '.join(ENCODINGS)}")
    cuts = encoded_cuts(model, blocks, ENCODINGS[name], inputs=inputs)
    refusals = {block: cut.refused for block, cut in enumerate(cuts) if cut.refused is not None}
    taken = [device_time(profile, model.network, cut.encode_s) for cut in cuts]
    sent = SentEncoded(
        name=name,
        bits=tuple(cut.bits for cut in cuts),
        encode_s=tuple(one.value_s for one in taken),
        encode_u_rel=taken[0].u_rel,
        timed_on=taken[0].words,
        refused=tuple(refusals),
        integers=tuple(block for block, cut in enumerate(cuts) if cut.integers),
    )
    return sent, (*_refused(name, refusals), *_whole_numbers(sent))


def _refused(name: str, refusals: Mapping[int, str]) -> list[str]:
    """Say of which splits an encoding cannot hold what crosses, and why."""
    return [
        f"Split l = {block} is priced as sent without {name}, which cannot hold it: {why}."
        for block, why in refusals.items()
    ]


def _whole_numbers(sent: SentEncoded) -> list[str]:
    """Say of which splits only integers go up, that no encoding shortens."""
    places = [block for block in sent.integers if sent.sent_as(block) != sent.name]
    if not places:
        return []
    how = sent.sent_as(places[0]) or "as they are"
    listed = ", ".join(map(str, places))
    return [f"Only integers go up at l = {listed}: {how}, not as {sent.name}, without loss."]
