from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from joulesplit.calibrate.environment import end_child


@pytest.mark.parametrize(
    ("program", "timeout_s", "ended"),
    [
        ("import sys; sys.stdin.read()", 60.0, 0),
        ("import signal; signal.pause()", 0.0, -signal.SIGKILL),
    ],
    ids=["obeys", "does-not"],
)
def test_a_child_is_gone_afterwards_whether_it_obeys_or_not(program, timeout_s, ended):
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    end_child(child, timeout_s=timeout_s)
    assert child.returncode == ended
    assert child.stdin.closed
    assert child.stdout.closed
