"""The server process: where it may listen, how it ends, what it refuses before reading."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from joulesplit.edge import EdgeClient, EdgeServer
from joulesplit.edge._listening import listener_url, open_listener
from joulesplit.edge.errors import EdgeConfigurationError, PortUnavailableError


@pytest.fixture(scope="module")
def sink_server(start_server):
    with start_server() as running:
        yield running


def exchange(url: str, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send raw bytes and read one answer; the body may stay unsent."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(request)
        answer = connection.makefile("rb")
        status = int(answer.readline().split()[1])
        headers = {}
        while line := answer.readline().strip().decode():
            name, _, text = line.partition(": ")
            headers[name.lower()] = text
        return status, headers, answer.read(int(headers["content-length"]))


def head(path: str, token: str, *lines: str, method: str = "POST") -> bytes:
    first = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}"]
    return ("\r\n".join([*first, *lines]) + "\r\n\r\n").encode()


def test_a_body_over_the_limit_is_refused_without_being_read(sink_server, token, max_body_bytes):
    status, headers, body = exchange(
        sink_server.url, head("/v1/sink", token, f"Content-Length: {max_body_bytes + 1}")
    )
    assert status == 413
    assert headers["connection"] == "close"
    assert json.loads(body).keys() == {"error", "message", "hint"}
    assert json.loads(body)["error"] == "too-large"


@pytest.mark.parametrize(
    "lines",
    [
        ["Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 4"],
        ["X-Nothing: 0"],
    ],
    ids=lambda lines: lines[-1],
)
def test_a_body_without_one_clear_length_is_refused(sink_server, token, lines):
    status, _, body = exchange(sink_server.url, head("/v1/sink", token, *lines))
    assert (status, json.loads(body)["error"]) == (411, "no-length")


@pytest.mark.parametrize("path", ["/v1/health", "/v1/models"])
def test_every_page_wants_the_token(sink_server, path):
    status, headers, body = exchange(sink_server.url, head(path, "wrong", method="GET"))
    assert (status, json.loads(body)["error"]) == (401, "bad-token")
    assert headers["x-joulesplit-protocol"] == "1"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v3/health", 404), ("GET", "/v1/sink", 405), ("GET", "/", 404)],
)
def test_a_page_that_is_not_served_is_refused_as_json(sink_server, token, method, path, status):
    got, _, body = exchange(sink_server.url, head(path, token, method=method))
    assert (got, json.loads(body)["error"]) == (status, "no-such-page")


@pytest.mark.parametrize(
    "query", ["", "?after=", "?after=x", "?after=1.5", "?after=--1", f"?after={'9' * 5000}"]
)
def test_a_tail_without_a_whole_cut_position_is_malformed(sink_server, token, query):
    path = f"/v1/models/{'0' * 64}/tail{query}"
    status, _, body = exchange(sink_server.url, head(path, token, "Content-Length: 4") + b"abcd")
    assert (status, json.loads(body)["error"]) == (400, "malformed")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_cleanly_even_during_an_upload(start_server, token, number):
    with start_server() as running, EdgeClient(running.url, token=token) as client:
        parts = urlsplit(running.url)
        with socket.create_connection((parts.hostname, parts.port)) as unfinished:
            unfinished.sendall(head("/v1/sink", token, "Content-Length: 100") + b"half")
            client.health()  # accepted after the unfinished one
            running.process.send_signal(number)
            _, stderr = running.process.communicate(timeout=60)
    assert (running.process.returncode, stderr) == (0, "")


def test_a_client_that_goes_away_mid_upload_leaves_no_trace(start_server, token):
    with start_server() as running, EdgeClient(running.url, token=token) as client:
        parts = urlsplit(running.url)
        with socket.create_connection((parts.hostname, parts.port)) as unfinished:
            unfinished.sendall(head("/v1/sink", token, "Content-Length: 100") + b"half")
        assert client.upload(b"still there").payload_bytes == 11
        running.process.send_signal(signal.SIGINT)
        _, stderr = running.process.communicate(timeout=60)
    assert (running.process.returncode, stderr) == (0, "")


def test_the_server_ends_with_its_parent(start_server):
    with start_server() as running:
        running.process.stdin.close()
        assert (running.process.wait(timeout=60), running.process.stderr.read()) == (0, "")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_others_can_reach_needs_a_token(host):
    with pytest.raises(EdgeConfigurationError, match="without a token"):
        EdgeServer([], host=host, port=0).serve(lambda url: pytest.fail(f"listens on {url}"))


def test_with_a_token_every_address_is_allowed_and_the_real_port_is_told():
    with open_listener("0.0.0.0", 0, has_token=True) as listener:
        assert listener_url(listener) == f"http://0.0.0.0:{listener.getsockname()[1]}"


def test_loopback_needs_no_token_and_ipv6_is_bracketed():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")
    with open_listener("::1", 0, has_token=False) as listener:
        assert listener_url(listener) == f"http://[::1]:{listener.getsockname()[1]}"


def test_accepted_connections_send_answers_without_waiting_for_acknowledgements():
    with (
        open_listener("127.0.0.1", 0, has_token=False) as listener,
        socket.create_connection(listener.getsockname()[:2]),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_in_use_is_named_in_the_error():
    with open_listener("127.0.0.1", 0, has_token=False) as first:
        port = first.getsockname()[1]
        with pytest.raises(PortUnavailableError, match=rf"127\.0\.0\.1 port {port} "):
            open_listener("127.0.0.1", port, has_token=False)


def test_a_host_or_port_that_cannot_exist_is_an_error():
    with pytest.raises(EdgeConfigurationError, match="no port 70000"):
        open_listener("127.0.0.1", 70_000, has_token=False)
    with pytest.raises(PortUnavailableError, match="cannot listen"):
        open_listener("pi..local", 0, has_token=False)


@pytest.mark.parametrize("token", ["", "two words", "schön", "line\nbreak"])
def test_a_token_that_cannot_travel_in_a_header_is_refused(token):
    with pytest.raises(EdgeConfigurationError, match="token"):
        EdgeServer([], token=token)
    with pytest.raises(EdgeConfigurationError, match="token"):
        EdgeClient("http://127.0.0.1:1", token=token)


def test_importing_client_and_server_loads_no_web_framework_and_no_runtime():
    program = (
        "import sys, joulesplit.edge._client, joulesplit.edge._server; "
        "print([m for m in ('starlette', 'uvicorn', 'ai_edge_litert', 'psutil')"
        " if m in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"
