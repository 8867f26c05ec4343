"""What stands in the manifests beside written parts of a network: data only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from joulesplit.partition._encoding import AS_IS, Encoding, encoded_bits, suited
from joulesplit.partition._network import Block, Network, Quantization
from joulesplit.partition.flops import CONVENTION

SPLIT_SCHEMA = "joulesplit/split"
SPLIT_SCHEMA_VERSION = 1
BUNDLE_SCHEMA = "joulesplit/bundle"
BUNDLE_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorEntry:
    """A tensor that goes into a part or comes out of it.

    Attributes:
        name: Name in the network.
        shape: Dimensions.
        dtype: numpy name of the element type.
        bits: Size, bit.
        quantization: Scale and zero point, if it is quantised.
        encoding: Name of the encoding it is sent in, whose scales and zero points go with every
            tensor; None if it is sent as it is.
        sent_bits: Size as it is sent, bit; None if that depends on the numbers, or it is not sent.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bits: int
    quantization: Quantization | None = None
    encoding: str | None = None
    sent_bits: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFile:
    """A part of a network as a file.

    Attributes:
        file: Name in the directory, without it.
        sha256: Of the file, hexadecimal.
        size_bytes: Of the file.
        flop: Its work, FLOP.
        inputs: What goes in, in order.
        outputs: What comes out, in order.
    """

    file: str
    sha256: str
    size_bytes: int
    flop: int
    inputs: tuple[TensorEntry, ...] = ()
    outputs: tuple[TensorEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitManifest:
    """What a split consists of.

    Attributes:
        model: Name of the whole network's file.
        model_sha256: Of that file, hexadecimal.
        after_operator: Index of the head's last operator; −1 if everything runs on the server;
            None if the head is no prefix of the file's order.
        device_operators: Indices of the head's operators if it is no prefix, else None.
        flop_convention: How work is counted.
        crossing: The tensors that cross, in the order of the head's outputs, which is that of
            the tail's inputs.
        crossing_bits: Their size, bit.
        encoding: Name of the encoding of the floats among them; None if they are sent as they are.
        sent_bits: Their size as they are sent, bit; of a compressed encoding, where it depends on
            the numbers, what was expected of it, if anything was.
        results: Network outputs that the head gives and the device keeps, by name; the tail
            gives the others. After a prefix the tail gives all.
        head: The device's side; None if it has nothing to run.
        tail: The server's side; None if it has nothing to run.
    """

    schema: str = SPLIT_SCHEMA
    schema_version: int = SPLIT_SCHEMA_VERSION
    model: str
    model_sha256: str
    after_operator: int | None
    device_operators: tuple[int, ...] | None = None
    flop_convention: str = CONVENTION
    crossing: tuple[TensorEntry, ...]
    crossing_bits: int
    encoding: str | None = None
    sent_bits: int | None = None
    results: tuple[str, ...] = ()
    head: PartFile | None
    tail: PartFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEntry:
    """A block in a bundle.

    Attributes:
        block: The block.
        part: Its file; None if it only unpacks constants.
    """

    block: Block
    part: PartFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitEntry:
    """A split in a bundle.

    Attributes:
        after_operator: Index of the head's last operator.
        crossing: The tensors that cross, in order.
        crossing_bits: Their size, bit.
        head: The device's side; None if it has nothing to run.
        tail: The server's side; None if it has nothing to run.
    """

    after_operator: int
    crossing: tuple[TensorEntry, ...]
    crossing_bits: int
    head: PartFile | None
    tail: PartFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleManifest:
    """What a bundle consists of.

    Attributes:
        flop_convention: How work is counted.
        network: The whole network as data, with the SHA-256 of its file.
        blocks: Its blocks in order.
        splits: Its splits by operator.
    """

    schema: str = BUNDLE_SCHEMA
    schema_version: int = BUNDLE_SCHEMA_VERSION
    flop_convention: str = CONVENTION
    network: Network
    blocks: tuple[BlockEntry, ...]
    splits: tuple[SplitEntry, ...]

    @property
    def size_bytes(self) -> int:
        """Size of all its files but the manifest."""
        parts = [entry.part for entry in self.blocks]
        parts += [part for entry in self.splits for part in (entry.head, entry.tail)]
        return sum(part.size_bytes for part in parts if part is not None)


def sent_entries(entries: Iterable[TensorEntry], encoding: Encoding) -> tuple[TensorEntry, ...]:
    """Return the entries of tensors that cross as they are sent in an encoding."""
    return tuple(
        replace(
            entry,
            encoding=None if own.name == AS_IS else own.name,
            sent_bits=encoded_bits(own, entry.shape, entry.dtype),
        )
        for entry, own in ((entry, suited(encoding, entry.dtype)) for entry in entries)
    )


def tensor_entries(network: Network, indices: Iterable[int]) -> tuple[TensorEntry, ...]:
    """Return the entries of some tensors, e.g. of those that cross a cut."""
    return tuple(
        TensorEntry(
            name=network.tensors[index].name,
            shape=network.tensors[index].shape,
            dtype=network.tensors[index].dtype,
            bits=network.tensors[index].bits,
            quantization=network.tensors[index].quantization,
        )
        for index in indices
    )
