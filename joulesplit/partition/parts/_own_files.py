"""May the files of a directory be replaced: are they those of an earlier split, or bundle?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from joulesplit.partition.errors import ForeignFilesError
from joulesplit.partition.parts._bundle import MANIFEST_FILE

HEAD_FILE = "head.tflite"
TAIL_FILE = "tail.tflite"


class _NamedPart(msgspec.Struct, frozen=True):
    file: str
    sha256: str


class _EarlierSplit(msgspec.Struct, frozen=True):
    """What has to stand in a manifest for the files beside it to be those of a split."""

    schema: Literal["joulesplit/split"]
    head: _NamedPart | None
    tail: _NamedPart | None


class _BlockPart(msgspec.Struct, frozen=True):
    part: _NamedPart | None


class _Sides(msgspec.Struct, frozen=True):
    head: _NamedPart | None
    tail: _NamedPart | None


class _EarlierBundle(msgspec.Struct, frozen=True):
    """The same of a bundle."""

    schema: Literal["joulesplit/bundle"]
    blocks: tuple[_BlockPart, ...]
    splits: tuple[_Sides, ...]


def require_own(directory: Path, model: Path | None, *, force: bool) -> None:
    """Refuse a directory in which a split would replace or remove what is of no earlier one.

    Args:
        directory: Where the split is to be written.
        model: The file that is split, which is never replaced; None if it is on no disk.
        force: Replace what else there is.

    Raises:
        ForeignFilesError: A file there is of no earlier split, or is the model.
    """
    names = (HEAD_FILE, TAIL_FILE, MANIFEST_FILE)
    there = [path for path in (directory / name for name in names) if path.is_file()]
    _require_not(model, there)
    foreign = [] if force else _foreign(there, directory / MANIFEST_FILE)
    if foreign:
        raise ForeignFilesError(
            f"{foreign[0]} is of no earlier split and would be lost: choose another directory, or "
            "give --force"
        )


def require_own_bundle(directory: Path, model: Path | None, folders: Iterable[str]) -> None:
    """Refuse a directory in which a bundle would replace or remove what is of no earlier one.

    Args:
        directory: Where the bundle is to be written.
        model: The file that is taken apart; None if it is on no disk.
        folders: Of a bundle's parts, in the directory.

    Raises:
        ForeignFilesError: A file there is of no earlier bundle, or is the model.
    """
    there = [path for folder in folders for path in (directory / folder).glob("*.tflite")]
    _require_not(model, there)
    manifest = directory / MANIFEST_FILE
    if not manifest.is_file():
        return
    try:
        bundle = msgspec.json.decode(manifest.read_bytes(), type=_EarlierBundle)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        foreign = [manifest]
    else:
        sides = [side for split in bundle.splits for side in (split.head, split.tail)]
        parts = [*(block.part for block in bundle.blocks), *sides]
        own = {directory / part.file: part.sha256 for part in parts if part is not None}
        foreign = [path for path in there if own.get(path) != _sha256(path)]
    if foreign:
        raise ForeignFilesError(
            f"{foreign[0]} is of no earlier bundle and would be lost: choose another directory"
        )


def _require_not(model: Path | None, there: Iterable[Path]) -> None:
    for path in there:
        if model is not None and model.exists() and path.samefile(model):
            raise ForeignFilesError(
                f"{path} is the model itself, which is never replaced: choose another directory"
            )


def _foreign(there: list[Path], manifest: Path) -> list[Path]:
    """Return the files that are not what the manifest of a split beside them says."""
    try:
        split = msgspec.json.decode(manifest.read_bytes(), type=_EarlierSplit)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return there
    own = {part.file: part.sha256 for part in (split.head, split.tail) if part is not None}
    return [path for path in there if path != manifest and own.get(path.name) != _sha256(path)]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
