"""Files zipped behind a network, as TFLite metadata keeps labels: found, and put behind a part.

MetadataPopulator and `zip -A` count from the start of the whole file, `cat` leaves what counted
from the start of the archive. Readers on devices take the first only, so that is what is written.
"""

from __future__ import annotations

import io
import struct
import zipfile
from mmap import mmap
from typing import Any

END_OF_DIRECTORY, DIRECTORY_ENTRY = b"PK\x05\x06", b"PK\x01\x02"
"""APPNOTE.TXT 4.3.16 and 4.3.12: end of the central directory, and one header in it."""
COUNT_AT, DIRECTORY_AT = 10, 16
"""The same, in the end: number of headers, and where they start."""
LENGTHS_AT, HEADER_AT, ENTRY_BYTES = 28, 42, 46
"""The same, in a header: lengths of what follows it, where the member starts, its own length."""
SHORT, LONG, LENGTHS = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<3H")
NO_ARCHIVE = (LookupError, NotImplementedError, OSError, ValueError, struct.error,
              zipfile.BadZipFile)  # fmt: skip


def files_behind(data: bytes | mmap) -> bytes:
    """Return the archive behind a file, as one that counts from its own start.

    Args:
        data: The whole file.

    Returns:
        Empty if there is none, or none that can be read.
    """
    # A mapping is a file, too, which its type does not say.
    stream: Any = io.BytesIO(data) if isinstance(data, bytes) else data
    try:
        if not zipfile.is_zipfile(stream):
            return b""
        archive = zipfile.ZipFile(stream)
        start = min(member.header_offset for member in archive.infolist())
        archived = bytes(data[start:])
        end = archived.rindex(END_OF_DIRECTORY)
        directory = archive.start_dir - start
        return _shifted(archived, directory, directory - _long(archived, end + DIRECTORY_AT))
    except NO_ARCHIVE:
        return b""


def placed(archived: bytes, start: int) -> bytes:
    """Return an archive as it has to be at a place of a larger file.

    Args:
        archived: What ``files_behind`` returned.
        start: Where in the file it will start; at 4 GiB and beyond nothing can be.
    """
    if not archived or start + len(archived) > 2**32:
        return b""
    directory = _long(archived, archived.rindex(END_OF_DIRECTORY) + DIRECTORY_AT)
    return _shifted(archived, directory, start)


def _shifted(archived: bytes, directory: int, shift: int) -> bytes:
    """Return an archive whose places are all larger by so much; ``directory`` is the true one."""
    moved, end = bytearray(archived), archived.rindex(END_OF_DIRECTORY)
    places = [end + DIRECTORY_AT]
    for _ in range(SHORT.unpack_from(archived, end + COUNT_AT)[0]):
        if archived[directory : directory + len(DIRECTORY_ENTRY)] != DIRECTORY_ENTRY:
            raise ValueError(f"no member's header at {directory}")
        places.append(directory + HEADER_AT)
        directory += ENTRY_BYTES + sum(LENGTHS.unpack_from(archived, directory + LENGTHS_AT))
    for place in places:
        LONG.pack_into(moved, place, _long(archived, place) + shift)
    return bytes(moved)


def _long(data: bytes, place: int) -> int:
    return int(LONG.unpack_from(data, place)[0])
