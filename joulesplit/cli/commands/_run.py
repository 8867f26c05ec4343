"""``joulesplit run``: cooperative inference, the head here and the tail on the edge server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from joulesplit.cli._errors import CommandError
from joulesplit.cli._input_files import input_files, read_inputs
from joulesplit.cli._number_range import ABOVE_ZERO, COUNT
from joulesplit.cli._options import edge_options, gathered, model_argument, runtime_options
from joulesplit.cli._output import emit, json_option, note, require_free
from joulesplit.cli._sending import SendingChoice, sending_options, usage_sent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from joulesplit.calibrate.instrument import RuntimeChoice
    from joulesplit.calibrate.profile import DeviceProfile
    from joulesplit.cli._choices import EdgeChoice
    from joulesplit.cli._kept_results import KeptResults
    from joulesplit.cli.report import Page
    from joulesplit.cli.report.tables import FittingTable
    from joulesplit.cooperate import Inference, InferenceRecord, SplitSession
    from joulesplit.optimizer import SplitLine, SplitPolicy
    from joulesplit.partition import Network
    from joulesplit.partition.reading import LoadedModel

SHOWN = 5
"""Of a result's largest elements so many are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """One file that was run."""

    source: str
    inference: Inference


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceOptions:
    """How inferences are run, and what is written of them.

    Attributes:
        deadline_s: Longest time of each, s; None for none.
        shadow: Every so many results of the server are computed here as well; 0 for never.
        records: File of a line of JSON for every inference.
        npz: File of all results as arrays.
        force: Replace these files where they exist.
    """

    deadline_s: float | None
    shadow: int
    records: Path | None
    npz: Path | None
    force: bool


@click.command("run")
@model_argument
@click.option(
    "--profile",
    "profile_path",
    required=True,
    type=click.Path(path_type=Path),
    help="Device profile that the splits are chosen by.",
)
@edge_options
@click.option(
    "--input",
    "sources",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="A picture, a .npy or .npz of the inputs, or a folder of them; may be repeated.",
)
@click.option(
    "--deadline-s",
    type=ABOVE_ZERO,
    help="Longest time of an inference, s; what the server does not answer by then is computed "
    "here.",
)
@click.option(
    "--shadow",
    type=COUNT,
    default=0,
    show_default=True,
    help="Compute every so many results of the server here as well, and compare; 0 never.",
)
@click.option(
    "--records",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a line of JSON for every inference, as it ends.",
)
@click.option(
    "--npz",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write all results as arrays, named FILE/OUTPUT; of files of one name with their folders.",
)
@click.option("--force", is_flag=True, help="Replace existing --records and --npz.")
@sending_options
@gathered(InferenceOptions, "how")
@gathered(SendingChoice, "sending")
@runtime_options
@json_option
def command(
    *,
    model: Path,
    profile_path: Path,
    edge: EdgeChoice,
    sources: tuple[Path, ...],
    runtime: RuntimeChoice,
    as_json: bool,
    how: InferenceOptions,
    sending: SendingChoice,
) -> None:
    """Run MODEL on inputs, each split as the link allows at that moment.

    Without a server, or where it is late or gone, everything is computed here: the results are
    the network's own in any case. Joules are estimates from the profile.
    """
    from joulesplit.cli._kept_results import KeptResults
    from joulesplit.cli._profiles import examined_profile
    from joulesplit.cli.measuring import ended_in_order
    from joulesplit.partition.reading import load_model

    files = list(input_files(sources))
    _require_places(how, (model, profile_path, *files))
    profile = examined_profile(profile_path)
    loaded = load_model(model, runtime.input_shapes)
    network, policy = loaded.network, _policy(loaded, profile, sending)
    with ExitStack() as stack:
        stack.enter_context(ended_in_order())
        kept = stack.enter_context(KeptResults(records=how.records, npz=how.npz))
        session = stack.enter_context(_session(model, policy, edge, runtime, how.shadow))
        done = list(_run(session, network, files, how.deadline_s, kept, as_json=as_json))
    wrote = [path for path in (how.records, how.npz) if path is not None]
    emit(
        as_json,
        _document(done, session),
        lambda: _page(done, session, simulated=profile.simulated, wrote=wrote),
    )


def _require_places(how: InferenceOptions, read: Iterable[Path]) -> None:
    """Check that what is kept has two places, and takes none from another file unasked.

    Args:
        how: What was asked for.
        read: Files that this run reads, which it never replaces.

    Raises:
        CommandError: One is taken, or both are one.
    """
    places = {"--records": how.records, "--npz": how.npz}
    given = {option: path for option, path in places.items() if path is not None}
    if len({path.resolve() for path in given.values()}) < len(given):
        raise CommandError(f"--records and --npz name one file, {how.npz}: give each its own")
    taken = {path.resolve() for path in read}
    for option, path in given.items():
        if path.resolve() in taken:
            raise CommandError(f"{option} {path} is read by this run: give it a place of its own")
        require_free(path, force=how.force, option=option)


def _policy(model: LoadedModel, profile: DeviceProfile, sending: SendingChoice) -> SplitPolicy:
    from joulesplit._deciding import blocks_for, split_policy
    from joulesplit.optimizer import Usage

    blocks = blocks_for(model.network, profile)
    usage, refusals = usage_sent(Usage(), sending, model, blocks, profile)
    for refusal in refusals:
        note(refusal)
    return split_policy(model.network, profile, usage=usage)


def _session(
    model: Path, policy: SplitPolicy, edge: EdgeChoice, runtime: RuntimeChoice, shadow: int
) -> SplitSession:
    from joulesplit.cooperate import SessionOptions, SplitSession

    options = SessionOptions(
        threads=runtime.threads,
        use_xnnpack=runtime.xnnpack,
        shadow_every=shadow,
        input_shapes=runtime.input_shapes,
    )
    return SplitSession(model, policy, edge=edge.url, token=edge.token, options=options)


def _run(
    session: SplitSession,
    network: Network,
    files: list[Path],
    deadline_s: float | None,
    kept: KeptResults,
    *,
    as_json: bool,
) -> Iterator[_Done]:
    for path in files:
        inference = session.infer(read_inputs(path, network), deadline_s=deadline_s or inf)
        kept.add(str(path), inference)
        if not as_json:
            note(_line(path, inference.record))
        yield _Done(source=str(path), inference=inference)


def _line(path: Path, record: InferenceRecord) -> str:
    """Return one inference as a line."""
    from joulesplit.metrology import si

    joules = si(record.energy_j, "J")
    if record.energy_u_j:
        joules = f"{joules} (u = {si(record.energy_u_j, 'J')})"
    fallback = f", {record.fallback.value}: computed here" if record.fallback else ""
    unmet = record.form_not_met
    other = f", not as {unmet}, which cannot hold it: decided again" if unmet else ""
    what = f"split {record.split}, {si(record.total_s, 's')}, about {joules}"
    return f"{path.name}: {what}{other}{fallback}"


def _document(done: list[_Done], session: SplitSession) -> dict[str, Any]:
    return {
        "inferences": [
            {
                "source": item.source,
                "outputs": {n: _largest(a) for n, a in item.inference.outputs.items()},
                "record": item.inference.record,
            }
            for item in done
        ],
        "counts": session.counts,
        "making": {line.block: line.made_by for line in _carried_out(session) if line.made_by},
        "link": {
            "rate_bit_per_s": session.link.rate_bit_per_s,
            "round_trip_s": session.link.round_trip_s,
            "uploads": session.link.uploads,
        },
    }


def _carried_out(session: SplitSession) -> list[SplitLine]:
    return [line for line in session.policy.lines if line.block in session.counts.by_split]


def _largest(array: NDArray[Any]) -> list[dict[str, float]]:
    """Return the largest elements of a result with their places, the largest first."""
    import numpy as np

    flat = np.asarray(array).reshape(-1)
    order = np.argsort(flat)[::-1][:SHOWN]
    return [{"index": int(place), "value": float(flat[place])} for place in order]


def _results_table(done: list[_Done]) -> FittingTable:
    """Return the largest element of every result."""
    from joulesplit.cli.report.tables import Column, FittingTable

    rows = [
        (item.source, name, _largest(array)[:1])
        for item in done
        for name, array in item.inference.outputs.items()
    ]
    return FittingTable(
        [
            Column(header="input", cells=[source for source, _, _ in rows]),
            Column(header="output", cells=[name for _, name, _ in rows], from_width=90),
            Column(header="largest at", cells=[str(t[0]["index"]) if t else "" for *_, t in rows],
                   right=True),
            Column(header="value", cells=[f"{t[0]['value']:.4g}" if t else "" for *_, t in rows],
                   right=True),
        ]
    )  # fmt: skip


def _page(done: list[_Done], session: SplitSession, *, simulated: bool, wrote: list[Path]) -> Page:
    from joulesplit.cli.report import Page, Section
    from joulesplit.cli.report.tables import Column, FittingTable
    from joulesplit.cli.report.terminal import inferences_ending
    from joulesplit.metrology import si

    counts = session.counts
    by_split = sorted(counts.by_split.items())
    sums = FittingTable(
        [
            Column(header="inferences", cells=[str(counts.inferences)], right=True),
            Column(
                header="by split",
                cells=[", ".join(f"l = {last}: {n}" for last, n in by_split)],
            ),
            Column(
                header="computed here after all",
                cells=[", ".join(f"{w.value}: {n}" for w, n in counts.fallbacks.items()) or "none"],
            ),
            Column(header="estimate", cells=[si(counts.energy_j, "J")], right=True),
        ]
    )
    return Page(
        "SIMULATED" if simulated else "MODELLED",
        "Cooperative inference",
        [
            Section(title="Results", body=_results_table(done)),
            Section(title="How they came about", body=sums),
        ],
        ending=inferences_ending(
            counts, account=session.policy.account, wrote=wrote, lines=session.policy.lines
        ),
    )
