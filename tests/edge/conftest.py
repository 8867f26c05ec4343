from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from joulesplit.edge import EdgeClient

REPOSITORY = Path(__file__).parents[2]
TOKEN = "correct-horse"
MAX_BODY_BYTES = 4_000_000

SERVER_PROGRAM = """
import sys
if sys.argv.pop(1) == "without runtime":
    for module in ("ai_edge_litert", "tflite_runtime", "tensorflow.lite.python"):
        sys.modules[module + ".interpreter"] = None
from pathlib import Path
from joulesplit.edge._server import EdgeServer
token, limit, *models = sys.argv[1:]
server = EdgeServer(
    [Path(model) for model in models], port=0, token=token or None,
    max_body_bytes=int(limit), exit_when_stdin_closes=True,
)
server.serve(lambda url: print(url, flush=True))
"""


class TickClock:
    """Virtual time; a sleep may overshoot, and the world may take time of its own."""

    def __init__(self, overshoot_ns: int = 0) -> None:
        self.t_ns = 1_000_000_007
        self.overshoot_ns = overshoot_ns

    def now_ns(self) -> int:
        return self.t_ns

    def sleep_until_ns(self, t_ns: int) -> None:
        if t_ns > self.t_ns:
            self.t_ns = t_ns + self.overshoot_ns

    def pass_time(self, duration_ns: int) -> None:
        self.t_ns += duration_ns


class RunningServer:
    """A server process of this room and the URL it announced."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url


@contextmanager
def running_server(
    *models: Path,
    token: str = TOKEN,
    max_body_bytes: int = MAX_BODY_BYTES,
    variant: str = "normal",
) -> Iterator[RunningServer]:
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            SERVER_PROGRAM,
            variant,
            token,
            str(max_body_bytes),
            *map(str, models),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, process.communicate()[1]
            yield RunningServer(process, url)
        finally:
            process.kill()


@pytest.fixture(scope="session")
def tick_clock() -> Callable[..., TickClock]:
    return TickClock


@pytest.fixture(scope="session")
def start_server():
    return running_server


@pytest.fixture(scope="session")
def int8_model() -> Path:
    return REPOSITORY / "data" / "models" / "mobilenet_v2_1.0_224_int8.tflite"


@pytest.fixture(scope="session")
def float32_model() -> Path:
    return REPOSITORY / "data" / "models" / "mobilenet_v2_1.0_224_float32.tflite"


@pytest.fixture(scope="module")
def server(int8_model: Path, float32_model: Path) -> Iterator[RunningServer]:
    with running_server(int8_model, float32_model) as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[EdgeClient]:
    with EdgeClient(server.url, token=TOKEN) as opened:
        yield opened


@pytest.fixture(scope="session")
def token() -> str:
    return TOKEN


@pytest.fixture(scope="session")
def max_body_bytes() -> int:
    return MAX_BODY_BYTES
