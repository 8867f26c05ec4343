"""Tokens of the edge server: from a file or the environment, made where there is none yet."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulesplit.cli._errors import CommandError
from joulesplit.cli._output import note

if TYPE_CHECKING:
    import click

RANDOM_BYTES = 24


def warn_of_shown_token(
    context: click.Context, parameter: click.Parameter, token: str | None
) -> str | None:
    """Return a token as it is; where it was typed, say who else can read it.

    Raises:
        click.BadParameter: It cannot travel in a header.
    """
    from click.core import ParameterSource

    assert parameter.name is not None
    if token is not None:
        _require_usable(token)
    if token and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
        note(
            "--token shows in the list of processes, to everyone on this machine: put it into "
            "JOULESPLIT_TOKEN or the bench's token_file instead; from 0.3 on it will be refused"
        )
    return token


def _require_usable(token: str) -> None:
    import click

    from joulesplit.edge import authorization
    from joulesplit.edge.errors import EdgeConfigurationError

    try:
        authorization(token)
    except EdgeConfigurationError as error:
        raise click.BadParameter(str(error)) from error


def kept_token(path: Path) -> str:
    """Return the token in a file; make it, readable by its owner alone, where there is none.

    Raises:
        CommandError: The file cannot be read or written, or is empty.
    """
    try:
        if not path.exists():
            write_token(path, secrets.token_urlsafe(RANDOM_BYTES))
            note(f"a new token is in {path}")
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(
            f"the token's file {path} cannot be used ({error}): name another one with --token-file"
        ) from error
    if not token:
        raise CommandError(f"{path} is empty: write a token into it, or remove it")
    return token


def write_token(path: Path, token: str) -> None:
    """Write a token where only its owner reads it.

    Raises:
        OSError: It cannot be written.
    """

    def private(name: Any, flags: int) -> int:
        return os.open(name, flags, 0o600)

    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", opener=private) as file:
        file.write(f"{token}\n")
