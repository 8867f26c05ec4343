"""Files that come with the program: from the installed package, or from the source tree."""

from __future__ import annotations

from pathlib import Path

from joulesplit.cli._errors import CommandError

_INSTALLED = Path(__file__).parents[1] / "_data"
_SOURCE = Path(__file__).parents[2] / "data"


def bundled(relative: str) -> Path:
    """Return the path of a file that comes with the program.

    Args:
        relative: Below ``data/``, e.g. ``profiles/paper.json``.

    Raises:
        CommandError: The installation lacks it.
    """
    for root in (_INSTALLED, _SOURCE):
        if (root / relative).is_file():
            return root / relative
    raise CommandError(f"this installation lacks its file {relative}: install joulesplit again")


def paper_network() -> Path:
    """Return the bundled MobileNetV2, float32."""
    return bundled("models/mobilenet_v2_1.0_224_float32.tflite")
