"""A split as files: head, tail and a manifest of what crosses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from joulesplit.partition._encoding import Encoding
from joulesplit.partition._network import Cut, Network
from joulesplit.partition.cutting import ClosedCut, prefix_cuts
from joulesplit.partition.errors import CutError
from joulesplit.partition.parts._bundle import MANIFEST_FILE
from joulesplit.partition.parts._extract import (
    Part,
    check_possible,
    closed_head,
    closed_tail,
    range_part,
    working,
)
from joulesplit.partition.parts._files import not_written, write_document, write_or_remove
from joulesplit.partition.parts._manifest import (
    SplitManifest,
    TensorEntry,
    sent_entries,
    tensor_entries,
)
from joulesplit.partition.parts._own_files import HEAD_FILE, TAIL_FILE, require_own
from joulesplit.partition.reading import LoadedModel, load_model

Sides = tuple[Part | None, Part | None]
"""Head and tail; None for a side that has nothing to run."""


def split_model(
    model: LoadedModel | str | Path, after_operator: int
) -> tuple[bytes | None, bytes | None]:
    """Return head and tail as `.tflite` files; None for a side that has nothing to run.

    Raises:
        CutError: No such cut.
        PartitionError: The file cannot be read; see ``load_model``.
    """
    if not isinstance(model, LoadedModel):
        model = load_model(model)
    return _both(split_parts(model, after_operator))


def split_closed(
    model: LoadedModel | str | Path, cut: ClosedCut
) -> tuple[bytes | None, bytes | None]:
    """Return head and tail of a closed cut; None for a side that has nothing to run.

    The head takes the network's inputs and gives what crosses, then the results that only stay
    on the device. The tail takes what crosses and gives the outputs that the device does not
    keep. Each in the order of the network.

    Raises:
        PartitionError: The file cannot be read; see ``load_model``.
    """
    if not isinstance(model, LoadedModel):
        model = load_model(model)
    return _both(split_parts(model, cut))


def split_parts(model: LoadedModel, cut: int | ClosedCut) -> Sides:
    """Return head and tail as parts that are not written yet.

    Args:
        model: What ``load_model`` returned.
        cut: Index of the head's last operator, or a closed cut.

    Raises:
        CutError: No such cut, or the network cannot be cut there.
    """
    if isinstance(cut, ClosedCut):
        return closed_head(model, cut), closed_tail(model, cut)
    check_possible(model.network, cut_after(model.network, cut))
    last = len(model.network.operators) - 1

    def side(first: int, end: int) -> Part | None:
        works = working(model.network, range(first, end + 1))
        return range_part(model, first, end) if works else None

    return side(0, cut), side(cut + 1, last)


def cut_after(network: Network, after_operator: int) -> Cut:
    """Return one cut.

    Raises:
        CutError: No such cut.
    """
    last = len(network.operators) - 1
    if not -1 <= after_operator <= last:
        raise CutError(
            f"{network.name}: no cut after operator {after_operator}; choose from -1 (all on the "
            f"server) to {last} (all on the device)"
        )
    return prefix_cuts(network)[after_operator + 1]


def write_split(
    model: LoadedModel | str | Path,
    after_operator: int,
    directory: str | Path,
    *,
    encoding: Encoding | None = None,
    expected_bits: int | None = None,
    force: bool = False,
) -> SplitManifest:
    """Write head, tail and manifest of a split into a directory, which is made if need be.

    Every file appears whole or not at all, the manifest last: a manifest that is there
    describes files that are there. A side with nothing to run (the head after operator −1, the
    tail after the last one) has no file, and one left over from an earlier split is removed.

    Args:
        model: The file, or what ``load_model`` returned.
        after_operator: Index of the head's last operator.
        directory: Where to.
        encoding: How what crosses is sent; None for as it is.
        expected_bits: Size as it is sent, bit, for an encoding that compresses.
        force: Replace files of these names that are of no earlier split; never the model itself.

    Raises:
        CutError: No such cut.
        SplitWriteError: The files could not be written.
        ForeignFilesError: Files of these names are of no earlier split, or are the model.
        PartitionError: The model cannot be read; see ``load_model``.
    """
    if not isinstance(model, LoadedModel):
        model = load_model(model)
    network = model.network
    cut = cut_after(network, after_operator)
    # After the last operator nothing is left to be sent.
    sent = encoding if after_operator < len(network.operators) - 1 else None
    crossing = tensor_entries(network, cut.tensors)
    manifest = partial(
        SplitManifest,
        model=network.name,
        model_sha256=network.sha256,
        after_operator=after_operator,
        crossing=crossing if sent is None else sent_entries(crossing, sent),
        crossing_bits=cut.bits,
        encoding=sent.name if sent else None,
        sent_bits=_sent_bits(crossing, sent, expected_bits) if sent else None,
    )
    directory = Path(directory)
    require_own(directory, model.file.outer, force=force)
    return _write(network, split_parts(model, after_operator), directory, manifest)


def write_closed_split(
    model: LoadedModel | str | Path,
    cut: ClosedCut,
    directory: str | Path,
    *,
    force: bool = False,
) -> SplitManifest:
    """Write head, tail and manifest of a closed cut, as ``write_split`` does.

    Raises:
        SplitWriteError: The files could not be written.
        ForeignFilesError: Files of these names are of no earlier split, or are the model.
        PartitionError: The model cannot be read; see ``load_model``.
    """
    if not isinstance(model, LoadedModel):
        model = load_model(model)
    network = model.network
    manifest = partial(
        SplitManifest,
        model=network.name,
        model_sha256=network.sha256,
        after_operator=None,
        device_operators=cut.operators,
        crossing=tensor_entries(network, cut.tensors),
        crossing_bits=cut.bits,
        results=tuple(network.tensors[index].name for index in cut.results),
    )
    directory = Path(directory)
    require_own(directory, model.file.outer, force=force)
    return _write(network, split_parts(model, cut), directory, manifest)


def _sent_bits(
    crossing: tuple[TensorEntry, ...], encoding: Encoding, expected_bits: int | None
) -> int | None:
    """Return the size of what crosses as it is sent, bit; of what is compressed the expected."""
    sizes = [entry.sent_bits for entry in sent_entries(crossing, encoding)]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else expected_bits


def _both(sides: Sides) -> tuple[bytes | None, bytes | None]:
    head, tail = (None if part is None else part.to_bytes() for part in sides)
    return head, tail


def _write(
    network: Network, sides: Sides, directory: Path, manifest: Callable[..., SplitManifest]
) -> SplitManifest:
    """Write the sides, then the manifest, made from what was written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / MANIFEST_FILE).unlink(missing_ok=True)
        head, tail = (
            write_or_remove(network, part, directory / file)
            for part, file in zip(sides, (HEAD_FILE, TAIL_FILE), strict=True)
        )
        made = manifest(head=head, tail=tail)
        write_document(asdict(made), directory / MANIFEST_FILE)
    except OSError as error:
        raise not_written(directory, error) from error
    return made
