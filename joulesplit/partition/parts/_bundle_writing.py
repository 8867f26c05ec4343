"""Write a bundle: all blocks, and head and tail of the splits worth having."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from joulesplit.partition._network import Block, Network
from joulesplit.partition.errors import SplitWriteError
from joulesplit.partition.parts._bundle import MANIFEST_FILE
from joulesplit.partition.parts._extract import Part, range_part, working
from joulesplit.partition.parts._files import not_written, write_document, write_part
from joulesplit.partition.parts._manifest import (
    BlockEntry,
    BundleManifest,
    PartFile,
    SplitEntry,
    tensor_entries,
)
from joulesplit.partition.parts._own_files import require_own_bundle
from joulesplit.partition.parts._split import cut_after, split_parts
from joulesplit.partition.reading import LoadedModel, load_model

FOLDERS = ("blocks", "heads", "tails")


def worthwhile_splits(network: Network, blocks: Sequence[Block]) -> tuple[int, ...]:
    """Return the block ends at which less crosses than at any earlier one, the input included.

    No other can be best, whatever the blocks cost the device: an earlier one has less work and
    no more to upload. The last operator is left out: there nothing is uploaded.
    """
    start, kept = cut_after(network, -1), []
    least = math.inf if start.obstacle else start.bits
    for block in blocks[:-1]:
        if block.output_bits < least:
            least = block.output_bits
            kept.append(block.last_operator)
    return tuple(kept)


def write_bundle(
    model: LoadedModel | str | Path,
    blocks: Sequence[Block],
    directory: str | Path,
    *,
    splits: Iterable[int] | None = None,
) -> BundleManifest:
    """Write a bundle into a directory, which is made if need be; an older bundle is replaced.

    The same arguments give the same bytes. The manifest is written last: a manifest that is
    there describes files that are there.

    Args:
        model: A file's path, or what ``load_model`` returned.
        blocks: The network's blocks, e.g. of ``residual_blocks``.
        directory: Where to.
        splits: The operators after which to split; by default ``worthwhile_splits``.

    Raises:
        CutError: No such split.
        SplitWriteError: The files could not be written.
        ForeignFilesError: Files there are of no earlier bundle, or are the model.
        PartitionError: The model cannot be read; see ``load_model``.
    """
    model = model if isinstance(model, LoadedModel) else load_model(model)
    network, directory = model.network, Path(directory)
    after = worthwhile_splits(network, blocks) if splits is None else sorted(set(splits))
    for operator in after:
        cut_after(network, operator)
    _check_place(directory)
    require_own_bundle(directory, model.file.outer, FOLDERS)
    try:
        _clear(directory)
        manifest = BundleManifest(
            network=network,
            blocks=tuple(_write_block(model, block, directory) for block in blocks),
            splits=tuple(_write_split(model, operator, directory) for operator in after),
        )
        write_document(asdict(manifest), directory / MANIFEST_FILE)
    except OSError as error:
        raise not_written(directory, error) from error
    return manifest


def _check_place(directory: Path) -> None:
    """Refuse a directory with anything but a bundle in it, whole or half written."""
    if not directory.is_dir() or (directory / MANIFEST_FILE).is_file():
        return
    if not {path.name for path in directory.iterdir()}.issubset(FOLDERS):
        raise SplitWriteError(
            f"{directory}: holds other files and no bundle; give an empty or a new directory"
        )


def _clear(directory: Path) -> None:
    """Make the folders; remove an older bundle's files, the manifest first."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MANIFEST_FILE).unlink(missing_ok=True)
    for folder in FOLDERS:
        (directory / folder).mkdir(exist_ok=True)
        for path in (directory / folder).glob("*.tflite"):
            path.unlink()


def _write_block(model: LoadedModel, block: Block, directory: Path) -> BlockEntry:
    operators = range(block.first_operator, block.last_operator + 1)
    part = None
    if working(model.network, operators):
        part = range_part(model, block.first_operator, block.last_operator)
    return BlockEntry(
        block=block, part=_write(model.network, part, directory, f"blocks/block_{block.index}")
    )


def _write_split(model: LoadedModel, after: int, directory: Path) -> SplitEntry:
    network = model.network
    cut = cut_after(network, after)
    head, tail = split_parts(model, after)
    return SplitEntry(
        after_operator=after,
        crossing=tensor_entries(network, cut.tensors),
        crossing_bits=cut.bits,
        head=_write(network, head, directory, f"heads/head_{after}"),
        tail=_write(network, tail, directory, f"tails/tail_{after}"),
    )


def _write(network: Network, part: Part | None, directory: Path, name: str) -> PartFile | None:
    if part is None:
        return None
    file = f"{name}.tflite"
    return replace(write_part(network, part, directory / file), file=file)
