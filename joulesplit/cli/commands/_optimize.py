"""``joulesplit optimize``: where to split a network on a measured device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from joulesplit.cli._decision_request import DecisionRequest
from joulesplit.cli._errors import CommandError
from joulesplit.cli._number_range import (
    ABOVE_ZERO,
    COUNT,
    COUNT_FROM_ONE,
    NOT_BELOW_ZERO,
    ONE_OR_MORE,
    SHARE,
    THREADS,
)
from joulesplit.cli._options import (
    InputShapes,
    OnceEach,
    block_options,
    gathered,
    input_shape_option,
    input_shape_words,
    model_argument,
)
from joulesplit.cli._output import emit_page, html_option, shown_options, write_page
from joulesplit.cli._partitioning import blocks_asked, both_regrets, regret_document
from joulesplit.cli._sending import (
    SendingChoice,
    sending_options,
    sending_words,
    usage_sent,
)

if TYPE_CHECKING:
    from joulesplit.calibrate.profile import DeviceProfile, Sensor
    from joulesplit.cli._output import Shown
    from joulesplit.cli._own_data import OwnData
    from joulesplit.cli.report import Page, Section
    from joulesplit.optimizer import BatteryLife, Decision, Usage
    from joulesplit.partition import Block, Network
    from joulesplit.partition.reading import LoadedModel


@click.command("optimize", cls=OnceEach)
@model_argument
@click.option(
    "--profile",
    "profile_path",
    required=True,
    type=click.Path(path_type=Path),
    help="Device profile.",
)
@click.option(
    "--account",
    type=click.Choice(["net", "gross"]),
    help="Energy above idle, or all of it; default net where the profile has it.",
)
@click.option(
    "--compute-model",
    type=click.Choice(["heads", "blocks", "constant"]),
    help="Price computing by heads measured as one network, by the sum of measured blocks, or by "
    "N_l over one E_d; default the first that the profile has.",
)
@click.option(
    "--uploads-per-burst",
    type=ONE_OR_MORE,
    default=1.0,
    show_default=True,
    help="Uploads that share waking the radio and its tail.",
)
@click.option(
    "--uploads-per-connection",
    type=ONE_OR_MORE,
    help="Uploads before the connection is made anew; default it stays open.",
)
@click.option(
    "--rate-bit-per-s",
    type=ABOVE_ZERO,
    help="Rate of your link, payload bit/s; default that which the profile states E_c at.",
)
@click.option(
    "--server-wait-s",
    type=NOT_BELOW_ZERO,
    help="From the last bit sent to the first of the answer, s, as `validate` measures it.",
)
@click.option(
    "--input-bits",
    type=COUNT_FROM_ONE,
    help="Size of your own input if everything is offloaded, bit; of a form that is not ours.",
)
@sending_options
@click.option(
    "--input",
    "inputs",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="NPY",
    help="With an encoding: run on this instead of random numbers; one per input.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="With an encoding: count how often the answer stays on these inputs, a .npz with labels "
    "or without, or a folder.",
)
@input_shape_option
@block_options(None, "those that the profile measured")
@click.option("--battery-j", type=ABOVE_ZERO, help="Energy of your battery, J.")
@click.option(
    "--period-s",
    type=ABOVE_ZERO,
    help="From one inference to the next, s: the idle power of that time counts.",
)
@click.option(
    "--back-to-back",
    is_flag=True,
    help="One inference after the other; with --battery-j the default.",
)
@click.option(
    "--model-error",
    type=NOT_BELOW_ZERO,
    help="What blocks may be off by inside a network, relative, if you know it; default what the "
    "measured heads tell.",
)
@click.option("--runtime", help="Runtime you will run it with; default the profile's.")
@click.option("--threads", type=THREADS, help="Its threads; default the profile's.")
@click.option(
    "--max-latency-s", type=ABOVE_ZERO, help="Longest time on the device and on the air, s."
)
@click.option(
    "--latency-percentile",
    type=click.Choice(["50", "95", "99"]),
    help="So many of 100 inferences keep --max-latency-s; default 95.",
)
@click.option("--min-block", type=COUNT, help="At least so many blocks stay on the device.")
@click.option("--max-block", type=COUNT, help="At most so many blocks run on the device.")
@click.option(
    "--keep-local",
    multiple=True,
    metavar="TENSOR",
    help="Never send this tensor, nor what only moves its values; input is the network's input.",
)
@click.option(
    "--min-agreement",
    type=SHARE,
    help="With --data: least probability that the answer stays, at the lower end of its 95 % "
    "interval.",
)
@click.option("--allow-rejected", is_flag=True, help="Use a profile that was rejected.")
@click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(path_type=Path),
    help="Directory for head.tflite, tail.tflite and manifest.json of the best split.",
)
@click.option("--force", is_flag=True, help="With -o: replace files that are of no earlier split.")
@html_option
@shown_options
@gathered(SendingChoice, "sending")
@gathered(DecisionRequest, "request")
def command(
    *,
    model: Path,
    profile_path: Path,
    request: DecisionRequest,
    sending: SendingChoice,
    directory: Path | None,
    force: bool,
    html: Path | None,
    shown: Shown,
) -> None:
    """Decide where to split MODEL on a measured device, how surely, and what would change it."""
    from joulesplit.cli._profiles import examined_profile
    from joulesplit.cli.report.terminal import decision_page, regret_section
    from joulesplit.partition.reading import load_model

    _require_sense(request, sending)
    profile = examined_profile(profile_path)
    loaded = load_model(model, request.input_shapes)
    network = loaded.network
    blocks = blocks_asked(network, profile, request.granularity, request.at)
    regrets = both_regrets(network, blocks)
    decision = _decide(loaded, blocks, profile, request, sending)
    after = _last_operator(blocks, decision.best.block)
    battery = _battery(decision, request)
    page = decision_page(
        decision,
        network_name=network.name,
        profile_name=profile_path.name,
        reference=profile.reference,
        battery=battery,
        more=[regret_section(*regrets), *_written(loaded, after, decision, directory, force=force)],
        wrote=[path for path in (directory, html) if path is not None],
        next_step=_next_step(
            (model, profile_path), network, profile, decision, request=request, sending=sending
        ),
    )
    _write_page(html, decision, page)
    document = _document(decision, network, profile_path, profile, battery)
    document |= {"after_operator": after, "regret": regret_document(regrets)}
    emit_page(shown, document, lambda: page)


def _next_step(
    files: tuple[Path, Path],
    network: Network,
    profile: DeviceProfile,
    decision: Decision,
    *,
    request: DecisionRequest,
    sending: SendingChoice,
) -> str | None:
    """Return how the choice is tried, or how it gets sure; None if nothing here can.

    Args:
        files: Of the network and of the profile.
        network: What the first of them holds.
        profile: What it holds.
        decision: The choice.
        request: What was asked of it.
        sending: How what crosses is sent.
    """
    import shlex

    if profile.sensor is None:
        return None
    if decision.probability_best is not None and decision.expected_regret_j is None:
        return _measure_more(files[0], profile, request.input_shapes)
    if decision.best.block == 0 and request.input_bits is not None:
        return _in_a_form_that_can_be_sent() if network.input_bits else None
    words = ["joulesplit", "validate", str(files[0]), "--profile", str(files[1])]
    words += ["--split", str(decision.best.block), *_sensor_words(profile.sensor)]
    return shlex.join([*words, *input_shape_words(request.input_shapes), *sending_words(sending)])


def _in_a_form_that_can_be_sent() -> str:
    """Return the same question without a size that no input of a form that is known has."""
    from joulesplit.cli._typed import typed_again, typed_words

    return typed_again(typed_words(), {"--input-bits": 1})


def _sensor_words(sensor: Sensor) -> list[str]:
    """Return the options of a profile's own sensor."""
    words = ["--sensor", sensor.kind]
    shunt_ohm = sensor.settings.get("shunt_ohm")
    if shunt_ohm is not None and not sensor.simulated:
        words += ["--shunt-ohm", f"{shunt_ohm:g}"]
    return words


def _measure_more(model: Path, profile: DeviceProfile, input_shapes: InputShapes) -> str:
    """Return the campaign that has more windows than the profile's."""
    import shlex

    assert profile.sensor is not None
    plan = profile.campaign.plan.get("name") if profile.campaign else None
    longer = "--rigorous" if plan in ("standard", "rigorous") else "--standard"
    words = ["joulesplit", "calibrate", str(model), *input_shape_words(input_shapes)]
    return shlex.join([*words, *_sensor_words(profile.sensor), longer, "-o", "again.json"])


def _last_operator(blocks: Sequence[Block], block: int) -> int:
    """Return the last operator on the device; −1 if there is none."""
    return blocks[block - 1].last_operator if block else -1


def _write_page(html: Path | None, decision: Decision, page: Page) -> None:
    if html is None:
        return
    from joulesplit.cli.report.pages import decision_document

    write_page(html, decision_document(decision, page))


def _written(
    model: LoadedModel, after: int, decision: Decision, directory: Path | None, *, force: bool
) -> list[Section]:
    """Write the parts of the best split, as it is sent, if they are wanted; return what they are.

    Raises:
        CommandError: It uploads the input in a form that only the user knows.
    """
    from joulesplit.cli.report.terminal import split_section
    from joulesplit.partition import SENDABLE
    from joulesplit.partition.parts import write_split

    if directory is None:
        return []
    best = decision.best
    if best.block == 0 and decision.usage.input_bits is not None:
        raise CommandError(
            "the best split uploads the input in a form of your own, of which --input-bits tells "
            "the size alone: nothing here can send it; name one that can be (--input-encoding)"
        )
    manifest = write_split(
        model,
        after,
        directory,
        encoding=None if best.sent_as is None else SENDABLE[best.sent_as],
        expected_bits=best.upload_bits,
        force=force,
    )
    return [split_section(manifest, directory)]


def _require_sense(request: DecisionRequest, sending: SendingChoice) -> None:
    """Check that no option goes without the one that it belongs to, or with one like it."""
    if request.input_bits is not None and sending.input_encoding is not None:
        raise CommandError("--input-bits and --input-encoding both state the input: give one")
    if request.inputs and sending.encoding is None and sending.input_encoding is None:
        raise CommandError(
            "--input is run to measure an encoding: add --encoding NAME or --input-encoding"
        )
    _require_data(request, sending)
    if request.latency_percentile is not None and request.max_latency_s is None:
        raise CommandError("--latency-percentile says how --max-latency-s is meant: give that")
    if request.period_s is not None and request.back_to_back:
        raise CommandError("--period-s and --back-to-back both state the rhythm: give one")


def _require_data(request: DecisionRequest, sending: SendingChoice) -> None:
    """Check that inputs are asked for where something is sent that may change an answer."""
    if request.min_agreement is not None and request.data is None:
        raise CommandError("--min-agreement is held against inputs of your own: give --data PATH")
    if request.data is None:
        return
    if request.inputs:
        raise CommandError("--input and --data both say what is run: give one")
    if not (sending.encoding or sending.input_encoding or sending.allow_lossy_input):
        raise CommandError(
            "--data counts how often an answer stays that an encoding may change: add --encoding "
            "NAME, --input-encoding or --allow-lossy-input"
        )


def _data(request: DecisionRequest, network: Network) -> OwnData | None:
    """Return the inputs of the user's own; None if there are none.

    Raises:
        CommandError: They cannot be run, or are too few to show what is asked of the answers.
    """
    from joulesplit.cli._own_data import read_data
    from joulesplit.metrology import fewest_trials, proportion_interval

    if request.data is None:
        return None
    data, least = read_data(request.data, network), request.min_agreement
    shown, _ = proportion_interval(len(data.inputs), len(data.inputs))
    if least is not None and shown < least:
        enough = fewest_trials(least)
        mend = f"give {enough} or more" if enough else "ask for less, no number of inputs shows it"
        raise CommandError(
            f"--min-agreement {least:g}: that all of {len(data.inputs)} inputs keep their answer "
            f"shows {shown:.3g} at best: {mend}"
        )
    return data


def _decide(
    model: LoadedModel,
    blocks: Sequence[Block],
    profile: DeviceProfile,
    request: DecisionRequest,
    sending: SendingChoice,
) -> Decision:
    from joulesplit.optimizer import Constraints, decide

    data = _data(request, model.network)
    usage, refusals = usage_sent(
        _usage(request),
        sending,
        model,
        blocks,
        profile,
        inputs=request.inputs,
        data=data,
    )
    decision = decide(
        model.network,
        blocks,
        profile,
        account=request.account,
        compute_model=request.compute_model,
        usage=usage,
        constraints=Constraints(
            min_block=request.min_block,
            max_block=request.max_block,
            max_latency_s=request.max_latency_s,
            latency_percentile=int(request.latency_percentile or Constraints().latency_percentile),
            min_agreement=request.min_agreement,
            keep_local=request.keep_local,
        ),
        model_u_rel=request.model_error,
        allow_rejected=request.allow_rejected,
    )
    return replace(decision, notes=(*decision.notes, *refusals))


def _usage(request: DecisionRequest) -> Usage:
    from joulesplit.optimizer import Usage

    return Usage(
        uploads_per_burst=request.uploads_per_burst,
        uploads_per_connection=request.uploads_per_connection,
        server_wait_s=request.server_wait_s,
        input_bits=request.input_bits,
        rate_bit_per_s=request.rate_bit_per_s,
        period_s=request.period_s,
        back_to_back=request.back_to_back
        or (request.battery_j is not None and request.period_s is None),
        runtime=request.runtime,
        threads=request.threads,
    )


def _battery(decision: Decision, request: DecisionRequest) -> BatteryLife | None:
    from joulesplit.optimizer import battery_life

    if request.battery_j is None:
        return None
    return battery_life(decision, request.battery_j)


def _document(
    decision: Decision,
    network: Network,
    profile_path: Path,
    profile: DeviceProfile,
    battery: BatteryLife | None,
) -> dict[str, Any]:
    import msgspec

    document: dict[str, Any] = msgspec.to_builtins(decision)
    document["probability_best"] = decision.probability_best
    document["expected_regret_j"] = decision.expected_regret_j
    document["too_close_to_call"] = decision.too_close_to_call
    document["model"] = {"name": network.name, "sha256": network.sha256}
    document["profile"] = {
        "path": str(profile_path),
        "created": profile.created,
        "reference": profile.reference,
    }
    document["battery"] = battery
    return document
