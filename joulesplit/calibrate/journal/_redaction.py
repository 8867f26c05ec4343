"""A journal without what tells whose device it is, so that windows can be published. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from joulesplit.calibrate.journal._lines import journal_line, raw_entries
from joulesplit.calibrate.profile import Removal, redact_document


def redact_journal(content: bytes) -> tuple[bytes, tuple[Removal, ...]]:
    """Return a journal without anything personal, and what was taken out.

    Its windows stay to the last digit, so that the same figures follow from it. A last line that
    a crash cut off goes.

    Args:
        content: Of a journal that ``journal.read_journal`` reads.
    """
    lines: list[bytes] = []
    removals: list[Removal] = []
    hostname: str | None = None
    for number, entry in enumerate(raw_entries(content), start=1):
        document: dict[str, Any] = msgspec.json.decode(entry)
        around = document.get("around")
        if around is not None:
            hostname = around["device"].get("hostname")
            document["around"], taken = redact_document(around, hostname)
        else:
            document, taken = redact_document(document, hostname)
        removals += [Removal(path=f"line {number}: {one.path}", what=one.what) for one in taken]
        lines.append(journal_line(msgspec.json.encode(document), lines[-1] if lines else b""))
    return b"".join(lines), tuple(removals)
