"""Device profiles as files: read, upgrade, write whole, and their JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from joulesplit.calibrate._files import JOURNAL_START, write_whole
from joulesplit.calibrate.errors import (
    ProfileFormatError,
    ProfileNotFoundError,
    ProfileVersionError,
)
from joulesplit.calibrate.profile._device_profile import SCHEMA, SCHEMA_VERSION, DeviceProfile
from joulesplit.calibrate.profile._schema import schema_of
from joulesplit.calibrate.profile._units import wrong_units
from joulesplit.drivers.readings import REPLAY_KIND

UpgradeStep = Callable[[dict[str, Any]], dict[str, Any]]

UPGRADES: dict[int, UpgradeStep] = {}
"""From each older version to the next one; there is no older version yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProfile:
    """A profile with what its file held beyond it.

    Attributes:
        profile: What this version understands.
        unknown: Fields it does not, nested as in the file; written back as they were.
    """

    profile: DeviceProfile
    unknown: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, document: dict[str, Any], profile: DeviceProfile) -> StoredProfile:
        """Return a profile with what its document holds beyond it."""
        return cls(profile=profile, unknown=_beyond(document, msgspec.to_builtins(profile)))


def load_profile(path: Path) -> StoredProfile:
    """Read a profile of this or an older version.

    Raises:
        ProfileNotFoundError: There is no such file.
        ProfileFormatError: It is not a profile, or a damaged one.
        ProfileVersionError: It is of a version this tool does not know.
    """
    return parse_document(upgraded(read_document(path), str(path)), str(path))


def parse_profile(content: bytes, where: str) -> StoredProfile:
    """Return the profile in a file's content.

    Args:
        content: JSON.
        where: Names the source in messages.

    Raises:
        ProfileFormatError: It is not a profile, or a damaged one.
        ProfileVersionError: It is of a version this tool does not know.
    """
    return parse_document(upgraded(_decoded(content, where), where), where)


def read_document(path: Path) -> dict[str, Any]:
    """Return a profile's file as objects, of whatever version it is.

    Raises:
        ProfileNotFoundError: There is no such file.
        ProfileFormatError: It is not a profile.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ProfileNotFoundError(
            f"no profile at {path}: make one with `joulesplit calibrate MODEL -o {path}`"
        ) from None
    except OSError as error:
        raise ProfileFormatError(f"cannot read {path}: {error.strerror}") from error
    return _decoded(content, str(path))


def _decoded(content: bytes, where: str) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        if content.startswith(JOURNAL_START):
            raise ProfileFormatError(
                f"{where} holds the windows of a profile: make the profile from them with "
                f"`joulesplit calibrate --reanalyse {where}`"
            ) from error
        raise ProfileFormatError(f"{where} is not JSON: {error}") from error
    except RecursionError:
        raise ProfileFormatError(
            f"{where} is not a device profile: it is nested too deep"
        ) from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ProfileFormatError(f'{where} is not a device profile: it has no "schema": "{SCHEMA}"')
    return document


def parse_document(document: dict[str, Any], where: str) -> StoredProfile:
    """Return the profile in a document of the current version.

    Raises:
        ProfileFormatError: It is damaged, a figure is in another unit than its field, or a
            replayed recording took the place of measuring.
    """
    try:
        profile = msgspec.convert(document, DeviceProfile)
    except msgspec.ValidationError as error:
        raise ProfileFormatError(f"{where} is a damaged profile: {error}") from error
    if profile.sensor is not None and profile.sensor.kind == REPLAY_KIND:
        raise ProfileFormatError(
            f"{where} prices work by {profile.sensor.name}, readings of another time: calibrate "
            "again with a sensor that measures the work"
        )
    _require_units(profile, where)
    return StoredProfile.of(document, profile)


def _require_units(profile: DeviceProfile, where: str) -> None:
    """Refuse figures in other units than those of their fields.

    Raises:
        ProfileFormatError: There are some; the message names the first.
    """
    wrong = list(wrong_units(profile))
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise ProfileFormatError(
            f"{where} holds figures in other units than a profile has: {wrong[0]}{more}; convert "
            "value, interval and uncertainties, or calibrate again"
        )


def upgraded(
    document: dict[str, Any],
    where: str,
    *,
    steps: Mapping[int, UpgradeStep] = UPGRADES,
    current: int = SCHEMA_VERSION,
) -> dict[str, Any]:
    """Return a document of any version as one of the current version.

    Args:
        document: As decoded; it is not changed.
        where: Names the source in messages.
        steps: From each older version to the next one.
        current: The version to reach.

    Raises:
        ProfileVersionError: It is of a version this tool does not know.
    """
    version = document.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise ProfileVersionError(
            f"{where} states its schema version as {version!r:.40}, which is no whole number: it "
            "was changed by hand; calibrate again, or take the file as it was written"
        )
    if version > current:
        raise ProfileVersionError(
            f"{where} has schema version {version}, this tool knows up to {current}: "
            "update joulesplit"
        )
    while version < current:
        if version not in steps:
            raise ProfileVersionError(f"{where} has schema version {version}, which never existed")
        version += 1
        document = {**steps[version - 1](document), "schema_version": version}
    return document


def _beyond(document: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a document that the known fields do not hold (objects only)."""
    extra: dict[str, Any] = {}
    for key, value in document.items():
        if key not in known:
            extra[key] = value
        elif isinstance(value, dict) and isinstance(known[key], dict):
            inner = _beyond(value, known[key])
            if inner:
                extra[key] = inner
    return extra


def _merged(known: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    merged = dict(known)
    for key, value in extra.items():
        inside = merged.get(key)
        merged[key] = (
            _merged(inside, value)
            if isinstance(inside, dict) and isinstance(value, dict)
            else value
        )
    return merged


def profile_document(stored: StoredProfile) -> dict[str, Any]:
    """Return a profile as JSON-compatible objects, unknown fields in their places."""
    return _merged(msgspec.to_builtins(stored.profile), stored.unknown)


def profile_bytes(stored: StoredProfile) -> bytes:
    """Return a profile as the content of its file: JSON, indented, with a last newline."""
    return document_bytes(profile_document(stored))


def document_bytes(document: dict[str, Any]) -> bytes:
    """Return objects as the content of a file: JSON, indented, with a last newline."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def save_profile(path: Path, stored: StoredProfile) -> None:
    """Write a profile; the file appears whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    write_whole(path, profile_bytes(stored))


def schema_bytes() -> bytes:
    """Return the JSON Schema of the profile, as stored in ``data/schema``."""
    return schema_of(DeviceProfile, f"{SCHEMA}/{SCHEMA_VERSION}")
