"""The proof in full: many campaigns in virtual time, counted, as the tables of docs/proof.md.

Run it from the top folder:

    python -m proof --write docs/proof.md
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from pathlib import Path

from proof.report import proof_page
from proof.run import ProofPlan, prove


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--campaigns", type=int, default=1000, help="with a perfect sensor")
    parser.add_argument("--drawn", type=int, default=1000, help="with sensors drawn in bounds")
    parser.add_argument("--faulty", type=int, default=100, help="in worlds with a fault, per kind")
    parser.add_argument("--tools", type=int, default=200, help="sessions of the common tools")
    parser.add_argument("--classes", type=int, default=200, help="costs by class of operator")
    parser.add_argument("--stopped", type=int, default=200, help="that stop once enough is known")
    parser.add_argument("--decisions", type=int, default=200, help="rigorous against for-decision")
    parser.add_argument("--intervals", type=int, default=300, help="decisions, two kinds of world")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", type=Path, help="write the page here")
    return parser.parse_args()


def main() -> int:
    """Run the proof, print its tables, and write them if asked to."""
    options = _options()
    plan = ProofPlan(**{part.name: getattr(options, part.name) for part in fields(ProofPlan)})
    began_s = time.monotonic()
    with ProcessPoolExecutor(options.jobs) as pool:
        proof = prove(plan, lambda work, seeds: pool.map(work, seeds, chunksize=4), told=_tell)
    command = f"python -m proof {' '.join(sys.argv[1:])}".strip()
    page = proof_page(
        proof,
        command=command,
        took_s=time.monotonic() - began_s,
        where=f"Python {platform.python_version()}, {platform.machine()}, {options.jobs} processes",
    )
    print(page)
    if options.write:
        options.write.write_text(page)
    for line in proof.broken_claims():
        print(f"NOT MET: {line}", file=sys.stderr)
    return 1 if proof.broken_claims() else 0


def _tell(part: str, count: int) -> None:
    print(f"{part}: {count} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
