"""Linear algebra in one thread, in processes of their own: numpy reads the environment once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from joulesplit.calibrate.environment import BLAS_VARIABLES

THREADS = """
import os
from joulesplit.calibrate.environment import use_one_blas_thread
{first}
import numpy as np
matrix = np.ones((500, 500))
matrix @ matrix
print(len(os.listdir("/proc/self/task")))
"""
COMMAND = """
import sys
from joulesplit.calibrate.environment import use_one_blas_thread
from joulesplit.calibrate.instrument._program import ProgramWorkload
from joulesplit.drivers import MonotonicClock
use_one_blas_thread()
ProgramWorkload(
    name="env", arguments=["env"], clock=MonotonicClock(), stdout=None, each_s=1.0, keep=list
).run(1)
"""
ENTRY = """
import os, sys
from joulesplit.__main__ import main
sys.argv = ["joulesplit", "--version"]
try:
    main()
finally:
    print(os.environ["OPENBLAS_NUM_THREADS"])
"""


def output_of(program: str, **variables: str) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if name not in BLAS_VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean | variables,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor: the BLAS has one thread")
def test_linear_algebra_runs_in_one_thread():
    assert int(output_of(THREADS.format(first=""))[0]) > 1
    assert output_of(THREADS.format(first="use_one_blas_thread()")) == ["1"]


def test_a_measured_command_has_the_environment_that_it_would_have_without_us():
    assert not [line for line in output_of(COMMAND) if line.startswith(BLAS_VARIABLES)]
    assert "OPENBLAS_NUM_THREADS=7" in output_of(COMMAND, OPENBLAS_NUM_THREADS="7")


def test_the_program_uses_one_thread_unless_the_user_says_otherwise():
    assert output_of(ENTRY)[-1] == "1"
    assert output_of(ENTRY, OPENBLAS_NUM_THREADS="3")[-1] == "3"
