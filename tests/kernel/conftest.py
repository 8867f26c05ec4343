"""What is in ``inside`` runs in the guest, what is beside it starts the guest."""

from __future__ import annotations

import os

IN_GUEST = os.environ.get("JOULESPLIT_CHIP") == "stub"

collect_ignore = ["test_in_guest.py" if IN_GUEST else "inside"]
