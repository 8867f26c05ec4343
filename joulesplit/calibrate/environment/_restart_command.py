"""How this program is started again: what a message tells people to type must work here."""

from __future__ import annotations

import sys
from pathlib import Path

NAME = "joulesplit"

FOUND_BY_SUDO = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where sudo looks for programs (``secure_path`` of Debian's sudoers); a virtual environment is
not among them, whatever the user's PATH says."""


def program() -> str:
    """Return the command that runs this program from any directory, also behind ``sudo``."""
    script = Path(sys.executable).with_name(NAME)
    if not script.exists():
        script = Path(sys.argv[0]).absolute()
    if script.name != NAME:
        return f"{sys.executable} -m {NAME}"
    return NAME if str(script.parent) in FOUND_BY_SUDO else str(script)
