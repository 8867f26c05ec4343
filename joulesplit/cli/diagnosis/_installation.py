"""The installation: the runtime and the files that come with the program."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

from joulesplit.cli._finding import Finding

BUNDLED = (
    "models/mobilenet_v2_1.0_224_float32.tflite",
    "models/mobilenet_v2_1.0_224_int8.tflite",
    "profiles/paper.json",
    "schema/device-profile-1.json",
)

TRIAL = """
from joulesplit.partition import try_runtime
from joulesplit.partition.errors import PartitionError
try:
    try_runtime()
except PartitionError as error:
    raise SystemExit(print(error) or 1)
"""
TRIAL_LIMIT_S = 120
"""A Pi Zero 2 imports numpy and a runtime in some ten seconds, with a cold SD card."""
ANOTHER = "install another version of it, or take another processor or system"


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
    named = f"{runtime.name} {runtime.version}"
    failure = _failure_of_a_trial()
    if failure is None:
        return Finding(name="runtime", state="ok", found=f"{named}, runs a layer")
    found, _, fix = failure.partition("; ")
    return Finding(name="runtime", state="error", found=f"{named}: {found}", fix=fix)


def _failure_of_a_trial() -> str | None:
    """Run one layer in a process of its own, which a runtime may end; None if it went well."""
    command = [sys.executable, "-c", TRIAL]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TRIAL_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not done with one layer after {TRIAL_LIMIT_S} s; {ANOTHER}"
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        return f"running a layer ends the process with {name}; {ANOTHER}"
    lines = done.stdout.splitlines() or done.stderr.splitlines() or [f"exit {done.returncode}"]
    return lines[-1]


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
