"""The command line as it was typed, to say how to go on with it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

import click


def typed_words() -> tuple[str, ...]:
    """Return the words behind ``joulesplit``; empty where no command is running."""
    context = click.get_current_context(silent=True)
    return tuple(context.find_root().obj or ()) if context else ()


def typed_again(words: Sequence[str], without: Mapping[str, int], *adding: str) -> str:
    """Return a command line with other options.

    Args:
        words: As typed.
        without: Options to leave out, and how many words of a value each has.
        adding: Words to add.
    """
    kept: list[str] = []
    left_out = 0
    for word in words:
        name, stated, _ = word.partition("=")
        if left_out:
            left_out -= 1
        elif name in without:
            left_out = 0 if stated else without[name]
        else:
            kept.append(word)
    return shlex.join(["joulesplit", *kept, *adding])
