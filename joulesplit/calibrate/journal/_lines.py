"""A journal's lines as bytes: each an entry with its checksum. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from hashlib import sha256

import msgspec


class RawLine(msgspec.Struct, frozen=True):
    """An encoded entry and its checksum."""

    crc32: int
    entry: msgspec.Raw


def journal_line(content: bytes) -> bytes:
    """Return an encoded entry as a line of a journal, with its checksum."""
    line = RawLine(crc32=zlib.crc32(content), entry=msgspec.Raw(content))
    return msgspec.json.encode(line) + b"\n"


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
