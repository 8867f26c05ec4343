"""Write the JSON Schema of the device profile beside this script."""

from __future__ import annotations

from pathlib import Path

from joulesplit.calibrate.profile._device_profile import SCHEMA_VERSION
from joulesplit.calibrate.profile._io import schema_bytes

(Path(__file__).parent / f"device-profile-{SCHEMA_VERSION}.json").write_bytes(schema_bytes())
