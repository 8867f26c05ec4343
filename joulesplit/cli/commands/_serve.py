"""``joulesplit serve``: the edge server in the foreground."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from joulesplit.cli._errors import CommandError
from joulesplit.cli._number_range import COUNT_FROM_ONE, PORT, THREADS
from joulesplit.cli._options import InputShapes, gathered, input_shape_option
from joulesplit.cli._output import json_option, note
from joulesplit.cli._tokens import warn_of_shown_token

if TYPE_CHECKING:
    from joulesplit.edge import Served, ServerCertificate, TailOptions

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What the user said about the server.

    Attributes:
        host: Address to listen on.
        port: TCP port; 0 picks one.
        token: What clients must show; None if it was not given.
        token_file: Where it stands; made where there is no such file.
        tls: Speak TLS with a certificate that is made and kept.
        tls_certificate, tls_key: The user's own instead.
        max_body_bytes: Longest upload to take, byte; None for the usual.
        threads: Threads per tail; None for the usual.
        xnnpack: Let tails use XNNPACK.
        exit_with_stdin: Stop when standard input ends.
        input_shapes: Of inputs that the networks' files leave open.
    """

    host: str
    port: int
    token: str | None
    token_file: Path | None
    tls: bool
    tls_certificate: Path | None
    tls_key: Path | None
    max_body_bytes: int | None
    threads: int | None
    xnnpack: bool
    exit_with_stdin: bool
    input_shapes: InputShapes


@click.command("serve")
@click.argument("models", nargs=-1, type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=PORT,
    default=8517,
    show_default=True,
    help="TCP port; 0 picks one.",
)
@click.option(
    "--token",
    envvar="JOULESPLIT_TOKEN",
    callback=warn_of_shown_token,
    help="What clients must show.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with it, made where there is none.  [default: beyond loopback, one of the user's]",
)
@click.option(
    "--tls",
    is_flag=True,
    help="Speak TLS; the URL that is printed holds the fingerprint of a certificate made here.",
)
@click.option(
    "--tls-certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Speak TLS with this certificate (PEM), signed by an authority that the devices trust.",
)
@click.option("--tls-key", type=click.Path(path_type=Path, dir_okay=False), help="Its key (PEM).")
@click.option(
    "--max-body-bytes",
    type=COUNT_FROM_ONE,
    help="Longest upload to take, byte.  [default: 64 MiB]",
)
@click.option(
    "--threads",
    type=THREADS,
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
@input_shape_option
@json_option
@gathered(ServerOptions, "options")
def command(*, models: tuple[Path, ...], options: ServerOptions, as_json: bool) -> int:
    """Take uploads and run the tails of MODELS for devices that measure or split.

    Stops with Ctrl-C (exit code 130), SIGTERM or the end of what started it (0). With --json the
    one object says where it listens, once it does.

    \b
    joulesplit serve model.tflite                   this machine alone may ask
    joulesplit serve model.tflite --host 0.0.0.0    so may others, with the token that it prints
    """  # noqa: D301  (click's own mark for lines that it leaves as they are)
    import signal

    from joulesplit.cli._exit_codes import ExitCode
    from joulesplit.edge import DEFAULT_MAX_BODY_BYTES, EdgeServer

    token = _token(options)
    server = EdgeServer(
        models,
        host=options.host,
        port=options.port,
        token=token,
        max_body_bytes=options.max_body_bytes or DEFAULT_MAX_BODY_BYTES,
        tails=_tails(options),
        certificate=_certificate(options),
        exit_when_stdin_closes=options.exit_with_stdin,
    )

    def ready(url: str) -> None:
        if as_json:
            import json

            click.echo(json.dumps({"url": url, "models": [model.name for model in models]}))
            return
        what = "" if models else ", uploads alone (name .tflite files to run tails of),"
        note(f"serving {len(models)} model(s){what} at {url} - stop with Ctrl-C")
        for line in _pairing(url, token):
            note(line)

    ended_by = server.serve(ready)
    if not as_json:
        note(_ending(server.served))
    return int(ExitCode.INTERRUPTED if ended_by == signal.SIGINT else ExitCode.OK)


def _ending(served: Served) -> str:
    """Say what the server has done."""
    refused = f", {served.refused} of them refused" if served.refused else ""
    return (
        f"served {served.requests} request(s){refused}: "
        f"{served.received_bytes / 1e6:.3g} MB received"
    )


def _tails(options: ServerOptions) -> TailOptions:
    from joulesplit.edge import RUNNER_THREADS, TailOptions

    return TailOptions(
        threads=options.threads or RUNNER_THREADS,
        xnnpack=options.xnnpack,
        input_shapes=options.input_shapes,
    )


def _certificate(options: ServerOptions) -> ServerCertificate | None:
    """Return what the server speaks TLS with; None for plain HTTP.

    Raises:
        CommandError: A certificate without its key, or one beside that which is made here.
    """
    from joulesplit.cli._bench import user_file
    from joulesplit.edge import ServerCertificate, kept_certificate

    certificate, key = options.tls_certificate, options.tls_key
    if (certificate is None) != (key is None):
        raise CommandError("--tls-certificate and --tls-key belong together: give both")
    if certificate is not None and key is not None:
        if options.tls:
            raise CommandError("--tls makes a certificate: leave it out, or --tls-certificate")
        return ServerCertificate(certificate=certificate, key=key)
    return kept_certificate(user_file().parent) if options.tls else None


def _token(options: ServerOptions) -> str | None:
    """Return what clients must show; None on loopback, where it is nobody's wish."""
    from joulesplit.cli._bench import user_file
    from joulesplit.cli._tokens import kept_token

    if options.token:
        return options.token
    if options.token_file is None and options.host in LOOPBACK:
        return None
    return kept_token(options.token_file or user_file().with_name("server.token"))


def _pairing(url: str, token: str | None) -> Iterator[str]:
    """Yield what to type on the Pi, for each address of this machine that it may reach."""
    import shlex

    from joulesplit.edge import reachable_urls

    urls = reachable_urls(url)
    if urls and token:
        yield "on the Pi, with the address that it reaches:"
    for one in urls:
        yield f"  JOULESPLIT_TOKEN={token} joulesplit init --edge {shlex.quote(one)}"
