"""An edge server of our own on loopback, as a process that cannot outlive us."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from joulesplit.calibrate.environment import end_child
from joulesplit.cli._choices import SensorChoice
from joulesplit.cli._errors import CommandError, ServerStartError
from joulesplit.cli._options import InputShapes, input_shape_words
from joulesplit.drivers import SIMULATED_KINDS


def edge_server(
    url: str | None,
    model: Path,
    choice: SensorChoice,
    *,
    xnnpack: bool = True,
    input_shapes: InputShapes | None = None,
) -> AbstractContextManager[str]:
    """Return the user's edge server, or for a simulated sensor one of our own on loopback.

    Args:
        url: Of the user's own; None if there is none.
        model: The network that our own serves.
        choice: The sensor.
        xnnpack: Our own may use XNNPACK.
        input_shapes: Of the network's inputs that our own does not take as the file says.

    Raises:
        CommandError: A real sensor and no server: loopback would put nothing on the air.
    """
    if url is not None:
        return nullcontext(url)
    if choice.kind not in SIMULATED_KINDS:
        raise CommandError(
            "--edge is needed: start `joulesplit serve` on another machine and give its URL"
        )
    return loopback_server(model, xnnpack=xnnpack, input_shapes=input_shapes)


@contextmanager
def loopback_server(
    model: Path, *, xnnpack: bool = True, input_shapes: InputShapes | None = None
) -> Iterator[str]:
    """Run ``joulesplit serve`` on loopback and give its URL.

    Its standard input is a pipe from us: when we end, however we end, it closes and the server
    stops.

    Raises:
        PartitionError: The file is no network that can be read.
        ServerStartError: It did not start.
    """
    from joulesplit.partition.reading import load_model

    # What is wrong with the file is an error of the file, not of a server.
    load_model(model, input_shapes)
    arguments = [sys.executable, "-P", "-m", "joulesplit", "serve", str(model)]
    arguments.append("--xnnpack" if xnnpack else "--no-xnnpack")
    arguments += input_shape_words(input_shapes)
    process = subprocess.Popen(
        [*arguments, "--port", "0", "--exit-with-stdin", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Ctrl-C is for us to handle: we close its input when we are done.
        start_new_session=True,
    )
    try:
        yield _url(process)
    finally:
        end_child(process)


def _url(process: subprocess.Popen[bytes]) -> str:
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        raise ServerStartError(
            f"the edge server on loopback ended with exit code {process.wait()} before it was "
            "ready: run `joulesplit serve MODEL` to see why"
        )
    said = json.loads(line)
    if "error" in said:
        raise ServerStartError(
            f"the edge server on loopback did not start: {said['error']['message']}"
        )
    return str(said["url"])
