"""Attacks on a server, each beside a client in good faith that must not notice."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from joulesplit.edge import EdgeClient, NamedTensor, ServerLimits
from joulesplit.edge._admission import TailQueue, check_duration
from joulesplit.edge.errors import RequestRefusedError, ServerRefusedError, ServerUnreachableError

ROOT = Path(__file__).parents[2]
INT8 = ROOT / "data" / "models" / "mobilenet_v2_1.0_224_int8.tflite"
PROGRAM = """
import json, resource, sys
from pathlib import Path
from joulesplit.edge import EdgeServer, ServerLimits
files = int(sys.argv[3])
if files:
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
models = [Path(sys.argv[1])] if sys.argv[1] else []
server = EdgeServer(
    models, port=0, limits=ServerLimits(**json.loads(sys.argv[2])), exit_when_stdin_closes=True
)
server.serve(lambda url: print(url, flush=True))
"""


class Server:
    """A server process, its address, and raw connections to it."""

    def __init__(self, process: subprocess.Popen, stack: ExitStack) -> None:
        self.process, self._stack = process, stack
        self.url = process.stdout.readline().strip()
        parts = urlsplit(self.url)
        self._address = parts.hostname, parts.port

    def connect(self, sent: bytes = b"") -> socket.socket:
        connection = self._stack.enter_context(socket.create_connection(self._address, timeout=30))
        connection.sendall(sent)
        return connection

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGTERM)
        _, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stderr


@contextmanager
def serving(*, model: Path | str = "", files: int = 0, **limits: float) -> Iterator[Server]:
    with (
        ExitStack() as stack,
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(model), json.dumps(limits), str(files)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as process,
    ):
        try:
            yield Server(process, stack)
        finally:
            process.kill()


def post(path: str, length: int, *lines: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {length}", *lines]
    return ("\r\n".join(head) + "\r\n\r\n").encode()


def is_closed(connection: socket.socket) -> bool:
    """Wait for the end of a connection; False for anything else."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def refusal(connection: socket.socket) -> bytes:
    """Read an answer until the JSON object at its end is whole."""
    received = b""
    while not received.endswith(b"}"):
        received += (more := connection.recv(4096))
        assert more, received
    return received


ATTACKS = {
    "connections that ask for nothing": b"",
    "heads without an end": b"POST /v1/sink HTTP/1.1\r\nHost: x\r\n",
    "bodies that do not come": post("/v1/sink", 1000) + b"half",
    "downloads that nobody reads": b"GET /v1/source?bytes=60000000 HTTP/1.1\r\nHost: x\r\n\r\n",
}


def uploaded(client: EdgeClient, payload: bytes) -> int:
    """Upload as a client in good faith does: one that had to give its place connects again."""
    for _ in range(20):
        try:
            return client.upload(payload).payload_bytes
        except ServerUnreachableError:
            continue
    raise AssertionError("locked out")


@pytest.mark.parametrize("attack", ATTACKS)
def test_more_connections_than_there_are_places_lock_nobody_out(attack):
    with serving(connections=20) as server:
        crowd = [server.connect(ATTACKS[attack]) for _ in range(100)]
        with EdgeClient(server.url, timeout_s=20) as client:
            for _ in range(3):
                assert uploaded(client, bytes(100_000)) == 100_000
        assert len(crowd) == 100
        assert server.stop() == (0, "")


def test_a_process_that_may_open_few_files_holds_no_more_than_it_can():
    with serving(files=64) as server:
        crowd = [server.connect() for _ in range(200)]
        with EdgeClient(server.url, timeout_s=20) as client:
            assert uploaded(client, b"x") == 1
        assert is_closed(crowd[0])
        assert server.stop() == (0, "")


def test_the_limit_of_connections_follows_the_files_of_the_process():
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
    try:
        assert ServerLimits().connections_here == 85
        assert ServerLimits(connections=7).connections_here == 7
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))


@pytest.mark.parametrize("attack", [*ATTACKS][:3])
def test_what_does_not_go_on_is_ended_in_time(attack):
    with serving(head_s=0.5, body_s=0.5) as server:
        assert is_closed(server.connect(ATTACKS[attack]))
        assert server.stop() == (0, "")


def test_a_connection_that_has_been_used_may_rest():
    with serving(head_s=0.3, body_s=0.3) as server, EdgeClient(server.url) as client:
        first = client.upload(b"x")
        # Others come and go by their deadline, which this one outlives.
        assert is_closed(server.connect())
        assert first.connection_s > 0
        assert client.upload(b"x").connection_s == 0


def test_a_body_longer_than_its_tail_takes_is_refused_before_it_is_sent():
    with serving(model=INT8) as server:
        entry = {"name": "x", "dtype": "int8", "shape": [1, 224, 224, 3]}
        with EdgeClient(server.url) as client:
            (model,) = client.models()
            with pytest.raises(ServerRefusedError, match="this cut needs") as told:
                client.run_tail(
                    model.sha256, -1, [NamedTensor(name="x", data=np.zeros((1, 4), np.int8))]
                )
        wanted = str(told.value).partition("this cut needs '")[2].partition("'")[0]
        entry["name"] = wanted
        path = f"/v1/models/{model.sha256}/tail?after=-1"
        header = f"X-JouleSplit-Tensors: {json.dumps([entry])}"
        answer = server.connect(post(path, 66_000_000, header)).recv(4096)
        assert b"413" in answer.splitlines()[0]
        assert b"connection: close" in answer.lower()


def test_a_server_with_more_tails_than_it_takes_says_when_to_come_again():
    with serving(model=INT8, waiting_tails=0) as server, EdgeClient(server.url) as client:
        (model,) = client.models()
        shape = client_input(client, model.sha256)
        with pytest.raises(ServerRefusedError, match="run the rest on the device") as told:
            client.run_tail(model.sha256, -1, [shape])
        assert (told.value.code, told.value.status) == ("busy", 503)
        assert client.upload(b"a sink all the same").payload_bytes == 19
        header = json.dumps([{"name": shape.name, "dtype": "int8", "shape": shape.data.shape}])
        path = f"/v1/models/{model.sha256}/tail?after=-1"
        answer = server.connect(
            post(path, shape.data.nbytes, f"X-JouleSplit-Tensors: {header}")
        ).recv(4096)
        assert b"retry-after: 1\r\n" in answer.lower()


def client_input(client: EdgeClient, sha256: str) -> NamedTensor:
    """The tensor that full offload sends, by the name that the refusal tells."""
    wrong = NamedTensor(name="?", data=np.zeros((1, 224, 224, 3), np.int8))
    with pytest.raises(ServerRefusedError) as told:
        client.run_tail(sha256, -1, [wrong])
    name = str(told.value).partition("this cut needs '")[2].partition("'")[0]
    return NamedTensor(name=name, data=wrong.data)


def test_places_and_bytes_are_given_back_whatever_happens():
    queue = TailQueue(2, 100)
    with queue.place(60):
        with pytest.raises(RequestRefusedError), queue.place(41):
            pytest.fail("there are no bytes left")
        with pytest.raises(ZeroDivisionError), queue.place(40):
            raise ZeroDivisionError
        with queue.place(40), pytest.raises(RequestRefusedError), queue.place(0):
            pytest.fail("there is no place left")
    with queue.place(100):
        pass


@pytest.mark.parametrize(
    ("count", "rate", "takes"), [(1000, 8.0, False), (1000, 80.0, True), (10**9, None, True)]
)
def test_a_paced_download_has_an_end(count, rate, takes):
    if takes:
        check_duration(count, rate, 100.0)
        return
    with pytest.raises(RequestRefusedError, match="more than 100 s"):
        check_duration(count, rate, 100.0)


@pytest.mark.parametrize("rate", ["1", "1e-300", "nan", "inf", "-inf", "0"])
def test_a_rate_that_would_hold_the_server_is_named_and_refused(rate):
    with serving() as server:
        request = f"GET /v1/source?bytes=1000000&rate={rate} HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = refusal(server.connect(request.encode()))
        assert b" 400 " in answer.splitlines()[0]
        assert b"bit/s" in answer


def test_paced_downloads_without_number_hold_neither_others_nor_the_end():
    slow = b"GET /v1/source?bytes=100000&rate=2000 HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(grace_s=1) as server:
        crowd = [server.connect(slow) for _ in range(60)]
        assert all(connection.recv(1) == b"H" for connection in crowd)
        with EdgeClient(server.url) as client:
            assert client.download(1000, rate_bit_per_s=1e6).payload_bytes == 1000
        assert server.stop() == (0, "")


def test_garbage_is_answered_and_leaves_no_trace():
    with serving() as server:
        for sent in (b"\x00\xff" * 50 + b"\r\n\r\n", b"GET\r\n\r\n", b"a" * 100_000):
            assert b"400" in server.connect(sent).recv(4096)
        with EdgeClient(server.url) as client:
            assert client.upload(b"x").payload_bytes == 1
        assert server.stop() == (0, "")


def test_a_tail_under_way_is_finished_when_the_server_is_asked_to_stop():
    with serving(model=INT8) as server, EdgeClient(server.url) as client:
        (model,) = client.models()
        tensor = client_input(client, model.sha256)
        header = json.dumps([{"name": tensor.name, "dtype": "int8", "shape": tensor.data.shape}])
        path = f"/v1/models/{model.sha256}/tail?after=-1"
        request = post(path, tensor.data.nbytes, f"X-JouleSplit-Tensors: {header}")
        connection = server.connect(request + tensor.data.tobytes()[:-1])
        client.health()
        server.process.send_signal(signal.SIGTERM)
        connection.sendall(tensor.data.tobytes()[-1:])
        assert b" 200 " in connection.recv(65536).splitlines()[0]
        _, stderr = server.process.communicate(timeout=60)
        assert (server.process.returncode, stderr) == (0, "")
