"""Write a pip.conf with the package indexes of this machine that another root can reach.

Standard input is what ``pip config list`` prints. Indexes that are folders hold wheels of this
machine's architecture and are left out.
"""

from __future__ import annotations

import ast
import sys

KEPT = ("index-url", "extra-index-url", "trusted-host", "proxy")


def main() -> None:
    """Read the settings, write the file to standard output."""
    lines = ["[global]"]
    for line in sys.stdin:
        key, _, value = line.strip().partition("=")
        name = key.rpartition(".")[2]
        if name in KEPT:
            reached = [u for u in str(ast.literal_eval(value)).split() if not u.startswith("file:")]
            lines += [f"{name} = {' '.join(reached)}"] if reached else []
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
