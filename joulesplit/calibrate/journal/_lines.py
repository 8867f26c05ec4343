"""A journal's lines as bytes: an entry, its checksum, that of the line before. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from hashlib import sha256

import msgspec


class RawLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """An encoded entry, its checksum, and that of the whole line before it.

    Attributes:
        after: None in the first line, and where the tool that wrote it did not say.
    """

    crc32: int
    entry: msgspec.Raw
    after: int | None = None


def journal_line(content: bytes, before: bytes = b"") -> bytes:
    """Return an encoded entry as a line of a journal.

    Args:
        content: The entry.
        before: The line that it follows; empty for the first.
    """
    after = checksum_of_line(before) if before else None
    line = RawLine(crc32=zlib.crc32(content), entry=msgspec.Raw(content), after=after)
    return msgspec.json.encode(line) + b"\n"


def checksum_of_line(line: bytes) -> int:
    """Return what the next line says of this one: a line taken out breaks the chain."""
    return zlib.crc32(line.removesuffix(b"\n"))


def raw_entries(content: bytes) -> Iterator[bytes]:
    """Yield the encoded entries of a journal that is known to be whole."""
    # What follows the last newline is empty, or a line that a crash cut off.
    for line in content.split(b"\n")[:-1]:
        yield bytes(msgspec.json.decode(line, type=RawLine).entry)


class _RawWindow(msgspec.Struct, frozen=True):
    window: msgspec.Raw = msgspec.Raw()


def windows_sha256(content: bytes) -> str:
    """Return the hash of a whole journal's windows.

    See ``joulesplit.calibrate.profile.CampaignRecord``.
    """
    digest = sha256()
    for entry in raw_entries(content):
        window = bytes(msgspec.json.decode(entry, type=_RawWindow).window)
        digest.update(window + b"\n" if window else b"")
    return digest.hexdigest()
