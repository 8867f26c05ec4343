"""Device profiles as files: read, upgrade, write whole, and their JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from calibrate.errors import ProfileFormatError, ProfileNotFoundError, ProfileVersionError
from calibrate.files import write_whole
from calibrate.profile import SCHEMA, SCHEMA_VERSION, DeviceProfile

UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
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


def load_profile(path: Path) -> StoredProfile:
    """Read a profile of this or an older version.

    Raises:
        ProfileNotFoundError: There is no such file.
        ProfileFormatError: It is not a profile, or a damaged one.
        ProfileVersionError: It is of a version this tool does not know.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ProfileNotFoundError(
            f"no profile at {path}: make one with `joulesplit calibrate MODEL -o {path}`"
        ) from None
    except OSError as error:
        raise ProfileFormatError(f"cannot read {path}: {error.strerror}") from error
    return parse_profile(content, str(path))


def parse_profile(content: bytes, where: str) -> StoredProfile:
    """Return the profile in a file's content.

    Args:
        content: JSON.
        where: Names the source in messages.

    Raises:
        ProfileFormatError: It is not a profile, or a damaged one.
        ProfileVersionError: It is of a version this tool does not know.
    """
    try:
        document = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise ProfileFormatError(f"{where} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ProfileFormatError(f'{where} is not a device profile: it has no "schema": "{SCHEMA}"')
    document = _upgraded(document, where)
    try:
        profile = msgspec.convert(document, DeviceProfile)
    except msgspec.ValidationError as error:
        raise ProfileFormatError(f"{where} is a damaged profile: {error}") from error
    return StoredProfile(profile=profile, unknown=_beyond(document, msgspec.to_builtins(profile)))


def _upgraded(document: dict[str, Any], where: str) -> dict[str, Any]:
    version = document.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise ProfileVersionError(
            f"{where} has schema version {version}, this tool knows up to {SCHEMA_VERSION}: "
            "update joulesplit"
        )
    while version < SCHEMA_VERSION:
        if version not in UPGRADES:
            raise ProfileVersionError(f"{where} has schema version {version}, which never existed")
        document = UPGRADES[version](document)
        version += 1
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


def profile_bytes(stored: StoredProfile) -> bytes:
    """Return a profile as the content of its file: JSON, indented, with a last newline."""
    document = _merged(msgspec.to_builtins(stored.profile), stored.unknown)
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def save_profile(path: Path, stored: StoredProfile) -> None:
    """Write a profile; the file appears whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    write_whole(path, profile_bytes(stored))


def schema_bytes() -> bytes:
    """Return the JSON Schema of the profile, as stored in ``data/schema``."""
    schema = msgspec.json.schema(DeviceProfile)
    schema["$id"] = f"{SCHEMA}/{SCHEMA_VERSION}"
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"
