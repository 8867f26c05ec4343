"""A process of ours that ends when its standard input, a pipe from us, closes."""

from __future__ import annotations

import subprocess

CHILD_STOP_TIMEOUT_S = 5.0
"""A child whose pipe is closed ends within its grace period; after this it is killed."""


def end_child(process: subprocess.Popen[bytes], *, timeout_s: float = CHILD_STOP_TIMEOUT_S) -> None:
    """Close the pipe to a process and wait until it has ended, whatever it takes.

    Args:
        process: The child.
        timeout_s: So long it may take, s; then it is killed.
    """
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
