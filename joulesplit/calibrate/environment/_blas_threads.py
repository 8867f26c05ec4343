"""One thread for the linear algebra of our own processes; those that we measure keep theirs.

Our matrices are small. Beside busy programs, threads that wait for each other over one of 26 × 26
take a hundred times as long as one thread, and what they burn while they spin lies in what is
measured. The libraries read their environment when they are loaded.
"""

from __future__ import annotations

import os

BLAS_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
"""What says how many threads a BLAS uses, each library its own; none of them is the runtimes'."""

_set_by_us: set[str] = set()


def use_one_blas_thread() -> None:
    """Let linear algebra in this process run in one thread; before numpy is imported.

    What the user has set stays.
    """
    for name in BLAS_VARIABLES:
        if name not in os.environ:
            os.environ[name] = "1"
            _set_by_us.add(name)


def environment_of_others() -> dict[str, str]:
    """Return this process's environment without what ``use_one_blas_thread`` put into it."""
    return {name: value for name, value in os.environ.items() if name not in _set_by_us}
