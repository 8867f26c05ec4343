"""Parts and manifests as files that appear whole under their name or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from joulesplit.partition._network import Network
from joulesplit.partition._writing import Piece
from joulesplit.partition.errors import SplitWriteError
from joulesplit.partition.parts._extract import Part
from joulesplit.partition.parts._manifest import PartFile, tensor_entries


def write_part(network: Network, part: Part, path: Path) -> PartFile:
    """Write a part of a network.

    Raises:
        OSError: It could not be written; nothing is left of it.
    """
    sha256, size_bytes = _place(path, part.pieces)
    return PartFile(
        file=path.name,
        sha256=sha256,
        size_bytes=size_bytes,
        flop=part.flop,
        inputs=tensor_entries(network, part.inputs),
        outputs=tensor_entries(network, part.outputs),
    )


def write_or_remove(network: Network, part: Part | None, path: Path) -> PartFile | None:
    """Write a part; if there is none make sure that no older one stands in its place.

    Raises:
        OSError: It could not be written or removed.
    """
    if part is None:
        path.unlink(missing_ok=True)
        return None
    return write_part(network, part, path)


def write_document(document: Mapping[str, Any], path: Path) -> None:
    """Write a manifest as JSON.

    Raises:
        OSError: It could not be written; nothing is left of it.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    _place(path, [text.encode()])


def not_written(directory: Path, error: OSError) -> SplitWriteError:
    """Return the error for a directory that could not be filled."""
    return SplitWriteError(
        f"{directory}: cannot write the files ({error.strerror}); check the path, its "
        "permissions and the free space"
    )


def _place(path: Path, pieces: Sequence[Piece]) -> tuple[str, int]:
    """Write a file under another name until it is whole; return its SHA-256 and size."""
    digest, size_bytes = hashlib.sha256(), 0
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            for piece in pieces:
                digest.update(piece)
                size_bytes += len(piece)
                stream.write(piece)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    return digest.hexdigest(), size_bytes
