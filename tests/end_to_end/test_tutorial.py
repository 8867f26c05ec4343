"""The tutorial's commands, run as they stand there, one after the other."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)

WAIT_FOR_SERVER = """\
for attempt in $(seq 100); do
  python -c 'import socket; socket.create_connection(("127.0.0.1", 8517), 1).close()' && break
  sleep 0.2
done 2>/dev/null
"""


def script():
    """Return the commands as one script that stops at the first that fails."""
    lines = ["set -euo pipefail", "trap 'kill $(jobs -p)' EXIT"]
    for command in (block.strip() for block in COMMANDS):
        lines.append(command)
        if command.endswith("&"):
            lines.append(WAIT_FOR_SERVER)
    return "\n".join(lines)


@pytest.mark.live
@pytest.mark.timeout(600)  # beside other tests every rest of the campaign is done three times
def test_every_command_of_the_tutorial_works_as_it_stands(tmp_path):
    environment = {
        **os.environ,
        "JOULESPLIT": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with subprocess.Popen(
        ["bash", "-c", script()],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            output, _ = shell.communicate(timeout=570)
        finally:
            os.killpg(shell.pid, signal.SIGTERM)

    assert shell.returncode == 0, output
    assert "SIMULATED" in output
    assert "verdict  AGREES" in output
    assert (tmp_path / "profile.html").read_bytes().startswith(b"<!DOCTYPE html>")
    assert (tmp_path / "idle.csv").stat().st_size > 10_000
