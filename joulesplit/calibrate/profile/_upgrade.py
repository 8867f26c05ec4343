"""A profile's file brought to the current schema, one version at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joulesplit.calibrate._files import write_whole
from joulesplit.calibrate.profile._io import (
    UPGRADES,
    UpgradeStep,
    document_bytes,
    parse_document,
    read_document,
    upgraded,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """What an upgrade did.

    Attributes:
        before: Schema version of the file.
        after: Schema version written.
        document: Its content now, with every field this version does not know.
    """

    before: int
    after: int
    document: dict[str, Any]

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return self.before != self.after


def upgrade_profile(
    path: Path, output: Path, *, steps: Mapping[int, UpgradeStep] = UPGRADES
) -> Upgrade:
    """Bring a file to the current schema version and write it whole.

    A file of the current version is written only if it goes somewhere else.

    Args:
        path: Profile of any version.
        output: Where it goes; may be the same.
        steps: From each older version to the next one.

    Raises:
        ProfileError: It is missing, damaged, or of a version that is not known.
        OutputError: It cannot be written.
    """
    before = read_document(path)
    after = upgraded(before, str(path), steps=steps)
    # Nothing is written that this version could not read again.
    parse_document(after, str(path))
    done = Upgrade(before=before["schema_version"], after=after["schema_version"], document=after)
    if done.changed or output != path:
        write_whole(output, document_bytes(after))
    return done
