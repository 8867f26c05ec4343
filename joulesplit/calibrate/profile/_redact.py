"""A profile without what tells whose device it is. Pure.

Everything that a decision, a diff or a merge needs stays. Names, addresses and places go, in
fields of later tools and in free text as well. Redacting twice changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from joulesplit.calibrate.profile._device_profile import DeviceProfile
from joulesplit.calibrate.profile._io import StoredProfile, profile_document

REMOVED = "[removed]"

PERSONAL_FIELDS = frozenset(
    [
        "hostname", "host", "ssid", "bssid", "mac", "mac_address", "ip", "ip_address", "url",
        "user", "username", "user_name", "email", "owner", "serial", "serial_number", "machine_id",
        "token", "location", "path", "home",
    ]
)  # fmt: skip
"""Names of fields whose whole content goes, wherever they stand."""

PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("URL", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)),
    ("e-mail address", re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")),
    ("hardware address", re.compile(r"\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b", re.IGNORECASE)),
    ("hardware address", re.compile(r"\b(?:enx|wlx)[0-9a-f]{12}\b", re.IGNORECASE)),
    ("network address", re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b")),
    (
        "network address",
        re.compile(
            r"(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}(?![\w:])"
            r"|(?<![\w:])(?:[0-9a-f]{1,4}:){1,6}:(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?(?![\w:])",
            re.IGNORECASE,
        ),
    ),
    (
        "path",
        re.compile(
            r"(?<![\w/.:])(?:~|/(?:home|root|Users|media|mnt|tmp|var/home|srv))/[^\s\"',;]*"
        ),
    ),
)
"""What goes out of free text. Paths of the system (/sys, /dev, /proc) name no person."""

USB_NUMBERS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}(?![0-9a-f:])", re.IGNORECASE)

KEPT_TEXT = frozenset(
    [
        "schema", "sha256", "version", "libraries", "python", "kernel", "system", "board",
        "machine", "soc", "revision", "governor", "kind", "source", "verdict", "outcome", "unit",
        "created", "flop_convention", "figure", "method", "operator_class", "correlation",
        "distribution", "treatment", "windows_sha256", "encoding",
    ]
)  # fmt: skip
"""Fields of known form, in which a pattern or the machine's name could only match by accident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Something that was taken out.

    Attributes:
        path: Where it stood.
        what: What kind of thing it was; never its content.
    """

    path: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """A profile fit to be shown to others.

    Attributes:
        stored: The profile, unknown fields included.
        removals: What was taken out, in order.
    """

    stored: StoredProfile
    removals: tuple[Removal, ...]


def redact_profile(stored: StoredProfile) -> Redacted:
    """Return a profile without anything personal, and what was taken out."""
    document = profile_document(stored)
    clean, removals = redact_document(document, document.get("device", {}).get("hostname"))
    profile = msgspec.convert(clean, DeviceProfile)
    return Redacted(stored=StoredProfile.of(clean, profile), removals=removals)


def redact_document(
    document: dict[str, Any], hostname: object
) -> tuple[dict[str, Any], tuple[Removal, ...]]:
    """Return a document without anything personal, and what was taken out.

    Args:
        document: Of JSON: a profile, or a part of a journal.
        hostname: The machine's name, which may stand anywhere in it; anything else if not known.
    """
    removals: list[Removal] = []
    name = hostname if isinstance(hostname, str) else None
    clean: dict[str, Any] = _Cleaner(name, removals).clean(document, "")
    _drop_places(clean, removals)
    return clean, tuple(removals)


class _Cleaner:
    """Walks a document and notes what it takes out."""

    def __init__(self, hostname: str | None, removals: list[Removal]) -> None:
        self._patterns = PATTERNS
        if hostname:
            # The name of the machine may stand in free text of other fields too.
            named = re.compile(rf"(?<![\w-]){re.escape(hostname)}(?![\w-])", re.IGNORECASE)
            self._patterns = (*PATTERNS, ("name of the machine", named))
        self._removals = removals

    def clean(self, value: Any, path: str) -> Any:
        """Return a value without anything personal."""
        if isinstance(value, dict):
            return {
                key: self._field(key, inside, f"{path}.{key}" if path else key)
                for key, inside in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.clean(item, f"{path}[{index}]") for index, item in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) else value

    def _field(self, key: str, value: Any, path: str) -> Any:
        if key in KEPT_TEXT:
            return value
        if key.lower() not in PERSONAL_FIELDS:
            return self.clean(value, path)
        if value in (None, REMOVED):
            return value
        self._removals.append(Removal(path=path, what=key))
        return None if path == "device.hostname" else REMOVED

    def _text(self, text: str, path: str) -> str:
        for what, pattern in self._patterns:
            cleaned = pattern.sub(REMOVED, text)
            if cleaned != text:
                self._removals.append(Removal(path=path, what=what))
                text = cleaned
        return text


def _drop_places(document: dict[str, Any], removals: list[Removal]) -> None:
    """Take out what tells where and with what else the device is used."""
    if "created" in document:
        _rewrite(document, "created", _in_utc, "time zone", removals)
    for index, source in enumerate(document.get("merged") or ()):
        path = f"merged[{index}].created"
        _rewrite(source, "created", _in_utc, "time zone", removals, path=path)
    devices = document.get("device", {}).get("usb")
    if devices:
        numbers = [match[0] for text in devices if (match := USB_NUMBERS.match(text))]
        if numbers != devices:
            removals.append(Removal(path="device.usb", what="names of USB devices"))
            document["device"]["usb"] = numbers


def _rewrite(
    holder: dict[str, Any],
    key: str,
    change: Callable[[str], str],
    what: str,
    removals: list[Removal],
    *,
    path: str | None = None,
) -> None:
    changed = change(holder[key])
    if changed != holder[key]:
        holder[key] = changed
        removals.append(Removal(path=path or key, what=what))


def _in_utc(text: str) -> str:
    """Return a time in UTC; what is no time, or has no offset, as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    if when.tzinfo is None or when.utcoffset() == UTC.utcoffset(None):
        return text
    return when.astimezone(UTC).isoformat()
