"""Entry point of ``joulesplit`` and of ``python -m joulesplit``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    import signal

    # Ctrl-C while the program is loaded waits until there is what can answer it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    from joulesplit.calibrate.environment import use_one_blas_thread
    from joulesplit.cli import run

    use_one_blas_thread()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
