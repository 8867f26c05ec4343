"""Write the JSON Schemas of the device profile and of a campaign's journal beside this script."""

from __future__ import annotations

from pathlib import Path

from joulesplit.calibrate import journal, profile

FOLDER = Path(__file__).parent

(FOLDER / f"device-profile-{profile.SCHEMA_VERSION}.json").write_bytes(profile.schema_bytes())
(FOLDER / f"campaign-journal-{journal.JOURNAL_FORMAT}.json").write_bytes(journal.schema_bytes())
