"""What ``joulesplit partition`` does with a network, as asked."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulesplit.cli._errors import CommandError
from joulesplit.cli._options import EVERY_CUT, RESIDUAL, InputShapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from joulesplit.calibrate.profile import DeviceProfile
    from joulesplit.partition import Block, Network
    from joulesplit.partition.checking import EncodingEffect, SplitComparison
    from joulesplit.partition.cutting import BestCuts, ClosedCut, HullCut, Regret
    from joulesplit.partition.parts import BundleManifest, SplitManifest
    from joulesplit.partition.reading import LoadedModel

RANDOM_INPUT_SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a user asks of one network.

    Attributes:
        model: Path of its file.
        signature: Name of the file's signature to take; None for its first network.
        input_shapes: Names and shapes of inputs that the file leaves open.
        granularity: ``residual``, ``every-cut`` or a number of blocks.
        at: Names of tensors after which blocks end; replaces the granularity.
        split: Where to split: l, or the name of its block.
        after_operator: The same, as the operator to split after.
        ratio: E_d/E_c at which to find the best cuts, FLOP/bit.
        keep_input: Look only for cuts that do not upload the network's inputs themselves.
        directory: Where to write the split.
        force: Replace files there that are of no earlier split.
        bundle: Where to write a bundle.
        verify: Compare the split with the whole.
        encodings: Measure the encodings at the split.
        inputs: `.npy` files, one per input, instead of random inputs.
        threads: CPU threads of a run.
        xnnpack: Let the runtime use XNNPACK.
    """

    model: Path
    signature: str | None
    input_shapes: InputShapes
    granularity: str
    at: tuple[str, ...]
    split: str | None
    after_operator: int | None
    ratio: float | None
    keep_input: bool
    directory: Path | None
    force: bool
    bundle: Path | None
    verify: bool
    encodings: bool
    inputs: tuple[Path, ...]
    threads: int
    xnnpack: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionOutcome:
    """What came of a request; None for what was not asked.

    Attributes:
        network: The network.
        blocks: Its blocks.
        hull: The prefix cuts that can win.
        regrets: What choosing among the blocks' ends costs at most over choosing among all
            prefix cuts: with the inputs free to be uploaded, and kept on the device.
        best: The best cuts.
        after: Operator after which the split is that was asked for.
        written: The split that was written.
        comparison: The split against the whole.
        effects: What the encodings do.
        bundle: The bundle that was written.
    """

    network: Network
    blocks: tuple[Block, ...]
    hull: tuple[HullCut, ...]
    regrets: tuple[Regret, Regret]
    best: BestCuts | None
    after: int | None
    written: SplitManifest | None
    comparison: SplitComparison | None
    effects: tuple[EncodingEffect, ...] | None
    bundle: BundleManifest | None


def check_request(request: Request) -> None:
    """Check that options which need each other are there.

    Raises:
        CommandError: One is missing, or two exclude each other.
    """
    stated = request.split is not None or request.after_operator is not None
    used = request.directory is not None or request.verify or request.encodings
    if request.split is not None and request.after_operator is not None:
        raise CommandError("--split and --after-operator name one cut in two ways: give one")
    if used and not stated and request.ratio is None:
        raise CommandError(
            "-o, --verify and --encodings are about a split: give --split L (or --ratio, for -o "
            "and --verify)"
        )
    if stated and not used:
        raise CommandError(
            "--split says where, not what: add -o DIRECTORY, --verify or --encodings"
        )
    if request.keep_input and request.ratio is None:
        raise CommandError("--keep-input narrows the search of --ratio: give --ratio FLOP/BIT")
    if request.encodings and not stated:
        raise CommandError("--encodings measures one split: give --split L")
    if request.inputs and not (request.verify or request.encodings):
        raise CommandError("--input is run by --verify or --encodings: add one of them")


def carry_out(request: Request) -> PartitionOutcome:
    """Do what is asked.

    Raises:
        PartitionError: The network, a cut, an input or a file is not as it must be.
    """
    from joulesplit.partition.cutting import best_cuts, undominated_cuts
    from joulesplit.partition.reading import load_model

    model = load_model(request.model, request.input_shapes, signature=request.signature)
    network = model.network
    best = (
        None
        if request.ratio is None
        else best_cuts(network, request.ratio, keep_input=request.keep_input)
    )
    blocks = chosen_blocks(network, request.granularity, request.at)
    after = _operator_of(request, blocks)
    cut = _cut(after, best)
    return PartitionOutcome(
        network=network,
        blocks=blocks,
        hull=undominated_cuts(network),
        regrets=both_regrets(network, blocks),
        best=best,
        after=after,
        written=_written(model, cut, request),
        comparison=_compared(model, cut, request) if request.verify else None,
        effects=_effects(model, after, request) if request.encodings else None,
        bundle=_bundle(model, blocks, request.bundle),
    )


def _cut(after: int | None, best: BestCuts | None) -> int | ClosedCut | None:
    """Return the cut that was asked for, else the best one; None if neither is."""
    if after is not None or best is None:
        return after
    return best.closed.cut if best.saving else best.prefix.after_operator


def _operator_of(request: Request, blocks: Sequence[Block]) -> int | None:
    """Return the operator after which the split is that was asked for; None if none was."""
    if request.split is None:
        return request.after_operator
    block = split_of(request.split, blocks)
    return blocks[block - 1].last_operator if block else -1


def split_of(text: str, blocks: Sequence[Block]) -> int:
    """Return l of a split that is given as l or as the name of the block it is after.

    Raises:
        CommandError: There is no such split.
    """
    if text.isdecimal() and int(text) <= len(blocks):
        return int(text)
    named = [block.index for block in blocks if block.name == text]
    if len(named) == 1:
        return named[0]
    near = get_close_matches(text, [block.name for block in blocks], n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise CommandError(
        f"there is no split {text}{hint}: choose l from 0 (all on the server) to {len(blocks)} "
        "(all on the device), or the name of a block, as `joulesplit partition MODEL` lists them"
    )


def blocks_asked(
    network: Network, profile: DeviceProfile, granularity: str | None, at: tuple[str, ...]
) -> tuple[Block, ...]:
    """Return the blocks asked for, else those that the profile measured, else the default."""
    if granularity is None and not at:
        from joulesplit._deciding import blocks_for

        return blocks_for(network, profile)
    return chosen_blocks(network, granularity or RESIDUAL, at)


def both_regrets(network: Network, blocks: Sequence[Block]) -> tuple[Regret, Regret]:
    """Return the regret of blocks with the inputs free to be uploaded, and kept on the device."""
    from joulesplit.partition.cutting import block_regret

    free, kept = (block_regret(network, blocks, keep_input=kept) for kept in (False, True))
    return free, kept


def regret_document(regrets: tuple[Regret, Regret]) -> dict[str, Regret]:
    """Return both as ``--json`` has them."""
    return {"input_free": regrets[0], "input_kept": regrets[1]}


def chosen_blocks(network: Network, granularity: str, at: tuple[str, ...]) -> tuple[Block, ...]:
    """Return the blocks by tensors, number or rule.

    Raises:
        CutError: There are no such blocks.
    """
    from joulesplit.partition.cutting import (
        balanced_blocks,
        blocks_at_tensors,
        every_cut_blocks,
        residual_blocks,
    )

    if at:
        return blocks_at_tensors(network, at)
    if granularity == RESIDUAL:
        return residual_blocks(network)
    if granularity == EVERY_CUT:
        return every_cut_blocks(network)
    return balanced_blocks(network, int(granularity))


def _written(
    model: LoadedModel, cut: int | ClosedCut | None, request: Request
) -> SplitManifest | None:
    from joulesplit.partition.parts import write_closed_split, write_split

    directory = request.directory
    if cut is None or directory is None:
        return None
    if isinstance(cut, int):
        return write_split(model, cut, directory, force=request.force)
    return write_closed_split(model, cut, directory, force=request.force)


def _compared(
    model: LoadedModel, cut: int | ClosedCut | None, request: Request
) -> SplitComparison | None:
    """Compare on all inputs; return the first comparison that differs, else the last."""
    from joulesplit.partition.checking import compare_split

    if cut is None:
        return None
    comparison = None
    for inputs in read_samples(model, request.inputs) or (None,):
        comparison = compare_split(
            model,
            cut,
            RANDOM_INPUT_SEED,
            inputs=inputs,
            threads=request.threads,
            use_xnnpack=request.xnnpack,
        )
        if not comparison.bit_equal:
            break
    return comparison


def _effects(
    model: LoadedModel, after: int | None, request: Request
) -> tuple[EncodingEffect, ...] | None:
    from joulesplit.partition.checking import encoding_effects

    if after is None:
        return None
    return encoding_effects(
        model,
        after,
        inputs=read_samples(model, request.inputs),
        threads=request.threads,
        use_xnnpack=request.xnnpack,
    )


def _bundle(
    model: LoadedModel, blocks: Sequence[Block], directory: Path | None
) -> BundleManifest | None:
    from joulesplit.partition.parts import write_bundle

    return None if directory is None else write_bundle(model, blocks, directory)


def read_samples(model: LoadedModel, paths: Sequence[Path]) -> list[list[NDArray[Any]]] | None:
    """Return the network's inputs, once or several times, from the user's `.npy` files.

    Returns:
        None if there are no files.

    Raises:
        InputError: A file cannot be read, or what is in it does not fit.
    """
    from joulesplit.partition import read_array, samples, tensor_specs

    if not paths:
        return None
    specs = tensor_specs(model.network, model.network.inputs)
    return samples([read_array(path) for path in paths], specs)
