"""A split as files: head, tail and a manifest of what crosses."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from partition.constants import constant_tensors
from partition.cuts import prefix_cuts
from partition.errors import CutError, SplitWriteError
from partition.extract import extract
from partition.flops import CONVENTION
from partition.network import Cut, Network
from partition.reading import LoadedModel, load_model
from partition.specs import TensorSpec, tensor_specs

SCHEMA = "joulesplit/split"
SCHEMA_VERSION = 1
HEAD_FILE = "head.tflite"
TAIL_FILE = "tail.tflite"
MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFile:
    """One side of a split.

    Attributes:
        file: Name in the directory of the split.
        sha256: Of the file, hexadecimal.
        size_bytes: Of the file.
        flop: Its work, FLOP.
    """

    file: str
    sha256: str
    size_bytes: int
    flop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitManifest:
    """What a split consists of.

    Attributes:
        model: Name of the whole network's file.
        model_sha256: Of that file, hexadecimal.
        after_operator: Index of the head's last operator; −1 if everything runs on the server.
        flop_convention: How work is counted.
        crossing: The tensors that cross, in the order of the head's outputs, which is that of
            the tail's inputs.
        crossing_bits: Their size, bit.
        head: The device's side; None after operator −1 (there is nothing to run).
        tail: The server's side; None after the last operator.
    """

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    model: str
    model_sha256: str
    after_operator: int
    flop_convention: str = CONVENTION
    crossing: tuple[TensorSpec, ...]
    crossing_bits: int
    head: PartFile | None
    tail: PartFile | None


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
    network = model.network
    cut_after(network, after_operator)
    last = len(network.operators) - 1
    head_works = _does_work(network, 0, after_operator)
    tail_works = _does_work(network, after_operator + 1, last)
    head = extract(model, 0, after_operator) if head_works else None
    tail = extract(model, after_operator + 1, last) if tail_works else None
    return head, tail


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


def _does_work(network: Network, first: int, last: int) -> bool:
    constants = constant_tensors(network.tensors, network.operators)
    return any(not constants.issuperset(o.outputs) for o in network.operators[first : last + 1])


def write_split(path: str | Path, after_operator: int, directory: str | Path) -> SplitManifest:
    """Write head, tail and manifest of a split into a directory, which is made if need be.

    Every file appears whole or not at all, the manifest last: a manifest that is there
    describes files that are there. A side with nothing to run (the head after operator −1, the
    tail after the last one) has no file, and one left over from an earlier split is removed.

    Raises:
        CutError: No such cut.
        SplitWriteError: The files could not be written.
        PartitionError: The model cannot be read; see ``load_model``.
    """
    model = load_model(path)
    head, tail = split_model(model, after_operator)
    manifest = _manifest(model.network, after_operator, head, tail)
    text = json.dumps(asdict(manifest), indent=2, ensure_ascii=False) + "\n"
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / MANIFEST_FILE).unlink(missing_ok=True)
        _place(directory / HEAD_FILE, head)
        _place(directory / TAIL_FILE, tail)
        _place(directory / MANIFEST_FILE, text.encode())
    except OSError as error:
        raise SplitWriteError(
            f"{directory}: cannot write the split ({error.strerror}); check the path, its "
            "permissions and the free space"
        ) from error
    return manifest


def _manifest(
    network: Network, after_operator: int, head: bytes | None, tail: bytes | None
) -> SplitManifest:
    cut = cut_after(network, after_operator)
    works = [operator.flop or 0 for operator in network.operators]
    return SplitManifest(
        model=network.name,
        model_sha256=network.sha256,
        after_operator=after_operator,
        crossing=tensor_specs(network, cut.tensors),
        crossing_bits=cut.bits,
        head=_part(HEAD_FILE, head, sum(works[: after_operator + 1])),
        tail=_part(TAIL_FILE, tail, sum(works[after_operator + 1 :])),
    )


def _part(file: str, data: bytes | None, flop: int) -> PartFile | None:
    if data is None:
        return None
    digest = hashlib.sha256(data).hexdigest()
    return PartFile(file=file, sha256=digest, size_bytes=len(data), flop=flop)


def _place(path: Path, data: bytes | None) -> None:
    """Make a file appear whole under its name, or make sure that it is absent."""
    if data is None:
        path.unlink(missing_ok=True)
        return
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
