"""What this program is called in the files it writes."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from joulesplit.calibrate.profile import Tool


def this_tool() -> Tool:
    """Return this program, as a profile names it."""
    try:
        return Tool(name="joulesplit", version=version("joulesplit"))
    except PackageNotFoundError:
        return Tool(name="joulesplit", version="uninstalled source tree")
