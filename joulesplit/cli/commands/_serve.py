"""``joulesplit serve``: the edge server in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from joulesplit.cli._output import json_option, note


@click.command("serve")
@click.argument("models", nargs=-1, type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, default=8517, show_default=True, help="TCP port; 0 picks one.")
@click.option("--token", envvar="JOULESPLIT_TOKEN", help="Required beyond loopback.")
@click.option(
    "--max-body-bytes",
    type=click.IntRange(min=1),
    help="Longest upload to take, byte.  [default: 64 MiB]",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Threads per tail.  [default: as many as there are processors, 4 at most]",
)
@click.option(
    "--xnnpack/--no-xnnpack",
    default=True,
    show_default=True,
    help="XNNPACK delegate; as on the devices, or results may differ.",
)
@click.option(
    "--exit-with-stdin", is_flag=True, help="Stop when standard input ends, for use by a program."
)
@json_option
def command(
    *,
    models: tuple[Path, ...],
    host: str,
    port: int,
    token: str | None,
    exit_with_stdin: bool,
    as_json: bool,
    **how_to_run: Any,
) -> None:
    """Take uploads and run the tails of MODELS for devices that measure or split.

    Stops with Ctrl-C. With --json the one object says where it listens, once it does.
    """
    from joulesplit.edge import DEFAULT_MAX_BODY_BYTES, RUNNER_THREADS, EdgeServer, TailOptions

    server = EdgeServer(
        models,
        host=host,
        port=port,
        token=token,
        max_body_bytes=how_to_run["max_body_bytes"] or DEFAULT_MAX_BODY_BYTES,
        tails=TailOptions(
            threads=how_to_run["threads"] or RUNNER_THREADS, xnnpack=how_to_run["xnnpack"]
        ),
        exit_when_stdin_closes=exit_with_stdin,
    )

    def ready(url: str) -> None:
        if as_json:
            import json

            click.echo(json.dumps({"url": url, "models": [model.name for model in models]}))
        else:
            note(f"serving {len(models)} model(s) at {url} - stop with Ctrl-C")

    server.serve(ready)
