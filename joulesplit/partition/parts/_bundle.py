"""A network taken apart in advance, for machines that can run networks but not cut them.

On 32-bit Raspberry Pi OS no package carries the schema of `.tflite` files. A bundle needs none:

    manifest.json       the network as data, its blocks, its splits, and every file's SHA-256
    blocks/block_1.tflite …
    heads/head_12.tflite …      the device's side of the split after operator 12
    tails/tail_12.tflite …      the server's side

Blocks run one after the other are the network, so any head can also be had from the blocks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from joulesplit.partition._network import Block, Network
from joulesplit.partition.errors import BundleError
from joulesplit.partition.parts._manifest import (
    BUNDLE_SCHEMA,
    BUNDLE_SCHEMA_VERSION,
    BundleManifest,
    PartFile,
)

MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle on disk; its parts are read, and checked, when they are asked for.

    Attributes:
        directory: Where it is.
        manifest: What is in it.
    """

    directory: Path
    manifest: BundleManifest

    @property
    def network(self) -> Network:
        """The network as data, equal to what reading its file gives."""
        return self.manifest.network

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The network's blocks."""
        return tuple(entry.block for entry in self.manifest.blocks)

    @property
    def splits(self) -> tuple[int, ...]:
        """The operators after which the bundle holds head and tail."""
        return tuple(entry.after_operator for entry in self.manifest.splits)

    def block(self, index: int) -> bytes:
        """Return block l, from 1, as a `.tflite` file.

        Raises:
            BundleError: No such block, or its file is missing or damaged.
        """
        for entry in self.manifest.blocks:
            if entry.block.index == index and entry.part is not None:
                return self._read(entry.part)
        raise BundleError(
            f"{self.directory}: no file of block {index}; blocks are numbered from 1 to "
            f"{len(self.manifest.blocks)}"
        )

    def split(self, after_operator: int) -> tuple[bytes | None, bytes | None]:
        """Return head and tail as `.tflite` files; None for a side with nothing to run.

        Raises:
            BundleError: No such split in the bundle, or a file is missing or damaged.
        """
        for entry in self.manifest.splits:
            if entry.after_operator == after_operator:
                head = None if entry.head is None else self._read(entry.head)
                return head, None if entry.tail is None else self._read(entry.tail)
        raise BundleError(
            f"{self.directory}: no split after operator {after_operator}; it has those after "
            f"{', '.join(map(str, self.splits)) or 'none'}; run its blocks, or write a new bundle"
        )

    def _read(self, part: PartFile) -> bytes:
        path = self.directory / part.file
        if not path.resolve().is_relative_to(self.directory.resolve()):
            raise BundleError(f"{self.directory}: {part.file!r} lies outside; do not use it")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BundleError(
                f"{path}: cannot be read ({error.strerror}); copy the bundle again"
            ) from error
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise BundleError(f"{path}: is not the file that was written; copy the bundle again")
        return data


def load_bundle(directory: str | Path) -> Bundle:
    """Read a bundle's manifest. Needs neither the schema of `.tflite` files nor a runtime.

    Raises:
        BundleError: The directory is no bundle, or one of another version.
    """
    path = Path(directory) / MANIFEST_FILE
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=BundleManifest)
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be read ({error.strerror}); give the directory of a bundle"
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: is no bundle's manifest ({error}); write it again") from error
    if (manifest.schema, manifest.schema_version) != (BUNDLE_SCHEMA, BUNDLE_SCHEMA_VERSION):
        raise BundleError(
            f"{path}: is {manifest.schema} version {manifest.schema_version}, this is for "
            f"{BUNDLE_SCHEMA} version {BUNDLE_SCHEMA_VERSION}; write the bundle again"
        )
    return Bundle(directory=Path(directory), manifest=manifest)
