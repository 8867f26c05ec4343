"""Write the JSON Schema of the device profile beside this script."""

from __future__ import annotations

from pathlib import Path

from calibrate.profile import SCHEMA_VERSION
from calibrate.profiles.io import schema_bytes

(Path(__file__).parent / f"device-profile-{SCHEMA_VERSION}.json").write_bytes(schema_bytes())
