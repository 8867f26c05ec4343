"""The installation: the runtime and the files that come with the program."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from joulesplit.cli._finding import Finding

BUNDLED = (
    "models/mobilenet_v2_1.0_224_float32.tflite",
    "models/mobilenet_v2_1.0_224_int8.tflite",
    "profiles/paper.json",
    "schema/device-profile-1.json",
)


def installation_findings() -> Iterator[Finding]:
    """Yield what there is to say about the installation."""
    yield _runtime()
    yield _files()


def _runtime() -> Finding:
    from joulesplit.partition import runtime_identity
    from joulesplit.partition.errors import RuntimeMissingError

    try:
        runtime = runtime_identity()
    except RuntimeMissingError as error:
        message, _, fix = str(error).partition("; ")
        return Finding(name="runtime", state="error", found=message, fix=fix)
    return Finding(name="runtime", state="ok", found=f"{runtime.name} {runtime.version}")


def _files() -> Finding:
    from joulesplit.cli._errors import CommandError
    from joulesplit.cli._resources import bundled

    missing = []
    for name in BUNDLED:
        try:
            bundled(name)
        except CommandError:
            missing.append(name)
    if not missing:
        return Finding(name="bundled-files", state="ok", found=f"all {len(BUNDLED)} are there")
    return Finding(
        name="bundled-files",
        state="error",
        found=f"missing: {', '.join(missing)}",
        fix=f"in the checkout: {sys.executable} -m pip install --force-reinstall --no-deps .",
    )
