"""The client against a real server on loopback, and against things that are not one."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from joulesplit.edge import EdgeClient, NamedTensor, Pacer
from joulesplit.edge._admission import source_rate
from joulesplit.edge._pacing import CHUNK_DURATION_S, HostClock
from joulesplit.edge._protocol import checksum
from joulesplit.edge.errors import (
    AuthenticationError,
    EdgeConfigurationError,
    EdgeError,
    ProtocolError,
    RequestRefusedError,
    ServerRefusedError,
    ServerUnreachableError,
    UploadCorruptedError,
)


@pytest.fixture(scope="module")
def sink_server(start_server):
    with start_server() as running:
        yield running


@pytest.fixture
def sink(sink_server, token) -> Iterator[EdgeClient]:
    with EdgeClient(sink_server.url, token=token) as client:
        yield client


@contextmanager
def answering(*answers: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """A TCP server that reads one request per connection and answers with given bytes.

    For None it reads only the head and resets the connection.
    """
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    request = b""
                    while b"\r\n\r\n" not in request:
                        request += connection.recv(65536)
                    if answer is None:
                        no_linger = struct.pack("ii", 1, 0)
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
                        continue
                    head, _, body = request.partition(b"\r\n\r\n")
                    length = int(
                        (head.lower() + b"\r\n")
                        .partition(b"content-length: ")[2]
                        .partition(b"\r\n")[0]
                        or 0
                    )
                    while len(body) < length:
                        body += connection.recv(65536)
                    requests.append(head + b"\r\n\r\n" + body)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
        thread.join(timeout=20)


def raw_answer(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


VERSION = "X-JouleSplit-Protocol: 1"


@pytest.mark.parametrize("count", [1, 65_536, 1_000_003])
def test_a_download_brings_exactly_the_bytes_that_were_asked_for(sink, count):
    receipt = sink.download(count)

    assert receipt.payload_bytes == count
    assert 0 < receipt.http_overhead_bytes < 500


@pytest.mark.parametrize("rate_bit_per_s", [4e6, 2e7])
def test_a_paced_download_is_whole_and_never_ahead_of_its_schedule(sink, rate_bit_per_s):
    """All chunks but the last are due before the last one: 10 ms of airtime each."""
    count = 100_000
    started_ns = time.monotonic_ns()
    receipt = sink.download(count, rate_bit_per_s=rate_bit_per_s)
    lasted_s = (time.monotonic_ns() - started_ns) * 1e-9

    assert receipt.payload_bytes == count
    assert lasted_s >= 8 * count / rate_bit_per_s - CHUNK_DURATION_S
    assert started_ns < receipt.began_ns <= receipt.ended_ns


@pytest.mark.parametrize("rate", ["", "0", "-1", "nan", "inf", "fast", "1e999"])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(RequestRefusedError, match="rate="):
        source_rate({"bytes": "10", "rate": rate})
    assert source_rate({"bytes": "10"}) is None


def test_a_rate_that_is_none_is_told_to_the_client(sink):
    with pytest.raises(ServerRefusedError, match="positive number of bit/s"):
        sink.download(10, rate_bit_per_s=-1.0)
    assert sink.download(10).payload_bytes == 10


def test_a_download_that_is_empty_or_too_long_is_refused(sink, max_body_bytes):
    with pytest.raises(EdgeConfigurationError, match="one at least"):
        sink.download(0)
    with pytest.raises(ServerRefusedError, match="ask for less"):
        sink.download(max_body_bytes + 1)
    assert sink.download(10).payload_bytes == 10


def test_a_download_without_the_token_is_refused(sink_server):
    with (
        EdgeClient(sink_server.url, token="wrong") as client,
        pytest.raises(AuthenticationError),
    ):
        client.download(10)


def test_a_download_that_breaks_off_or_is_too_long_is_an_error():
    short = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n" + VERSION.encode() + b"\r\n\r\nabc"
    with (
        answering(short) as (url, _),
        EdgeClient(url) as client,
        pytest.raises(ServerUnreachableError),
    ):
        client.download(100)
    with (
        answering(raw_answer(b"x" * 101, VERSION)) as (url, _),
        EdgeClient(url) as client,
        pytest.raises(ProtocolError, match="at most 100 bytes"),
    ):
        client.download(100)


def test_the_server_tells_its_limits(sink, max_body_bytes):
    health = sink.health()
    assert (health.tool, health.protocol_version) == ("joulesplit", 1)
    assert health.max_body_bytes == max_body_bytes
    assert health.models == sink.models() == ()


@pytest.mark.parametrize("size_bytes", [1, 65_536, 65_537, 4_000_000])
def test_an_upload_of_any_size_up_to_the_limit_is_confirmed(sink, size_bytes):
    payload = bytes(i % 251 for i in range(size_bytes))
    receipt = sink.upload(payload)
    assert receipt.payload_bytes == size_bytes
    assert receipt.started_ns <= receipt.ended_ns <= receipt.answered_ns


def test_a_paced_upload_lasts_what_the_schedule_says(sink, tick_clock):
    heard = []
    pacer = Pacer(2e6, clock=tick_clock(), on_chunk=lambda bits, _: heard.append(bits))
    receipt = sink.upload(bytes(100_000), pacer=pacer)
    assert receipt.duration_s == 100_000 * 8 / 2e6
    assert sum(heard) == 800_000
    assert receipt.answered_ns == receipt.ended_ns  # nothing else takes virtual time


def test_connection_set_up_is_counted_apart_and_only_when_it_happens(sink_server, token):
    with EdgeClient(sink_server.url, token=token) as client:
        before_ns = HostClock().now_ns()
        first = client.upload(b"x" * 1000)
        assert 0 < first.connection_s <= (first.started_ns - before_ns) / 1e9
        assert client.upload(b"x" * 1000).connection_s == 0
        client.close()
        assert client.upload(b"x" * 1000).connection_s > 0


def test_the_http_overhead_is_the_request_head_byte_for_byte():
    payload = bytes(70_000)
    answer = raw_answer(
        b"{}",
        VERSION,
        f"X-JouleSplit-Received-Bytes: {len(payload)}",
        f"X-JouleSplit-Received-CRC32: {checksum(payload)}",
    )
    with answering(answer) as (url, requests), EdgeClient(url) as client:
        receipt = client.upload(payload)
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert body == payload
    assert b"Content-Length: 70000" in head
    assert b"Transfer-Encoding" not in head
    assert receipt.http_overhead_bytes == len(head) + 4


@pytest.mark.parametrize(
    ("count", "crc"), [("999", None), (None, "00000000"), ("1e3", None), (None, "")]
)
def test_an_upload_that_arrived_differently_is_an_error(count, crc):
    payload = b"x" * 1000
    answer = raw_answer(
        b"{}",
        VERSION,
        f"X-JouleSplit-Received-Bytes: {count or len(payload)}",
        f"X-JouleSplit-Received-CRC32: {checksum(payload) if crc is None else crc}",
    )
    with (
        answering(answer) as (url, _),
        EdgeClient(url) as client,
        pytest.raises(UploadCorruptedError, match="discard"),
    ):
        client.upload(payload)


@pytest.mark.parametrize("wrong", ["wrong", None])
def test_a_wrong_or_missing_token_is_an_authentication_error(sink_server, wrong):
    with EdgeClient(sink_server.url, token=wrong) as client:
        for call in (client.health, client.models, lambda: client.upload(bytes(1_000_000))):
            with pytest.raises(AuthenticationError, match="token") as caught:
                call()
            assert isinstance(caught.value, PermissionError)
            assert caught.value.status == 401


def test_a_payload_over_the_limit_is_refused_with_the_reason(sink, max_body_bytes):
    for excess in (1, 8_000_000):
        with pytest.raises(ServerRefusedError, match="restart the server") as caught:
            sink.upload(bytes(max_body_bytes + excess))
        assert (caught.value.code, caught.value.status) == ("too-large", 413)
    assert sink.upload(b"after").payload_bytes == 5


@pytest.mark.parametrize(
    ("size_bytes", "kind"), [(8_000_001, ServerRefusedError), (8_000_000, ServerUnreachableError)]
)
def test_when_the_refusal_is_lost_with_the_connection_the_limit_is_asked_for(size_bytes, kind):
    health = b'{"tool":"joulesplit","protocol_version":1,"max_body_bytes":8000000,"models":[]}'
    with answering(None, raw_answer(health, VERSION)) as (url, requests):
        with EdgeClient(url) as client, pytest.raises(kind) as caught:
            client.upload(bytes(size_bytes))
        assert type(caught.value) is kind
    assert requests[0].startswith(b"GET /v1/health")


def test_an_empty_payload_is_refused_before_anything_is_sent(sink):
    with pytest.raises(EdgeConfigurationError, match="at least one byte"):
        sink.upload(b"")


def test_a_server_that_is_gone_is_unreachable_and_the_error_says_what_to_do(start_server, token):
    with start_server() as running, EdgeClient(running.url, token=token) as client:
        client.upload(b"x")
        running.process.kill()
        running.process.wait()
        for call in (client.health, lambda: client.upload(bytes(1_000_000))):
            with pytest.raises(ServerUnreachableError, match="joulesplit serve MODEL") as caught:
                call()
            assert isinstance(caught.value, ConnectionError)
            assert running.url in str(caught.value)
            assert "\n" not in str(caught.value)


def test_a_host_that_cannot_exist_is_unreachable():
    with EdgeClient("http://pi..local:8517") as client, pytest.raises(ServerUnreachableError):
        client.health()


def test_a_silent_server_times_out():
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        EdgeClient(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.05) as client,
        pytest.raises(ServerUnreachableError, match="timed out"),
    ):
        client.health()


@contextmanager
def trickling(answer: bytes, every_s: float) -> Iterator[str]:
    """A TCP server that answers one byte at a time, each before any time-out of a read."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(ConnectionError):
                connection.recv(65536)
                for byte in answer:
                    if over.wait(every_s):
                        return
                    connection.sendall(bytes([byte]))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        thread.join(timeout=20)


@pytest.mark.parametrize("call", [lambda c: c.upload(b"x"), lambda c: c.health()])
@pytest.mark.parametrize("body", [b"", b"x" * 5000])
def test_a_server_that_trickles_its_answer_is_given_up_in_time(call, body):
    # Whole, the answer would take 50 s at least: each byte resets what waits for one.
    answer = raw_answer(body, VERSION, "X-Long: " + "y" * 1000)
    with (
        trickling(answer, 0.05) as url,
        EdgeClient(url, timeout_s=0.4) as client,
        pytest.raises(ServerUnreachableError, match="timed out"),
    ):
        call(client)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (raw_answer(b"<html>", status="404 Not Found"), "not a JouleSplit edge server"),
        (raw_answer(b"", "Location: http://other/", status="302 Found"), "not a JouleSplit"),
        (raw_answer(b"{}", "X-JouleSplit-Protocol: 2"), "same JouleSplit"),
        (raw_answer(b"{}", VERSION), "does not understand"),
        (raw_answer(b"oops", VERSION, status="502 Bad Gateway"), "502"),
        (b"HTTP/1.1 200 OK\r\n" + VERSION.encode() + b"\r\n\r\n{}", "length unknown"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n" + VERSION.encode() + b"\r\n\r\n",
            "length 99999999999",
        ),
    ],
    ids=["404", "redirect", "version", "json", "502", "no-length", "too-long"],
)
def test_an_answer_outside_the_wire_format_is_a_protocol_error(answer, reason):
    with (
        answering(answer) as (url, _),
        EdgeClient(url) as client,
        pytest.raises(ProtocolError, match=reason) as caught,
    ):
        client.health()
    assert url in str(caught.value)


def test_an_answer_that_breaks_off_is_unreachable():
    answer = raw_answer(b"{}" * 50, VERSION)[:-10]
    with (
        answering(answer) as (url, _),
        EdgeClient(url) as client,
        pytest.raises(ServerUnreachableError),
    ):
        client.health()


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8517", "ftp://h:1", "http://", "http://h:x", "http://h/v1", "http://u@h:1"],
)
def test_a_url_that_is_no_edge_server_is_refused_at_once(url):
    with pytest.raises(EdgeConfigurationError, match="http://HOST:PORT"):
        EdgeClient(url)


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), float("inf")])
def test_a_timeout_must_be_a_positive_number(timeout_s):
    with pytest.raises(EdgeConfigurationError, match="timeout"):
        EdgeClient("http://127.0.0.1:1", timeout_s=timeout_s)


def test_proxies_from_the_environment_are_ignored(sink_server, token, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with EdgeClient(sink_server.url, token=token) as client:
        assert client.upload(b"direct").payload_bytes == 6


@pytest.mark.parametrize(
    ("tensors", "compute", "reason"),
    [
        ('[{"name":"y","dtype":"int8","shape":[2]}]', "0.5", None),
        ('[{"name":"y","dtype":"int8","shape":[3]}]', "0.5", "broken tensors"),
        ("{}", "0.5", "broken tensors"),
        ('[{"name":"y","dtype":"int8","shape":[2]}]', "-1", "compute time"),
        ('[{"name":"y","dtype":"int8","shape":[2]}]', "nan", "compute time"),
        ('[{"name":"y","dtype":"int8","shape":[2]}]', "soon", "compute time"),
    ],
)
def test_a_tails_answer_must_be_a_bundle_with_a_compute_time(tensors, compute, reason):
    payload = NamedTensor(name="x", data=np.array([1, 2, 3], dtype=np.int8))
    answer = raw_answer(
        b"\x05\xfb",
        VERSION,
        "X-JouleSplit-Received-Bytes: 3",
        f"X-JouleSplit-Received-CRC32: {checksum(payload.data.tobytes())}",
        f"X-JouleSplit-Tensors: {tensors}",
        f"X-JouleSplit-Compute-S: {compute}",
    )
    with answering(answer) as (url, _), EdgeClient(url) as client:
        if reason is None:
            result = client.run_tail("0" * 64, 4, [payload])
            assert result.outputs[0].data.tolist() == [5, -5]
            assert result.server_compute_s == 0.5
        else:
            with pytest.raises(ProtocolError, match=reason) as caught:
                client.run_tail("0" * 64, 4, [payload])
            assert url in str(caught.value)


def test_a_servers_words_reach_the_terminal_as_one_harmless_line():
    body = b'{"error":"other","message":"two\\nlines \\u001b[31m","hint":"h"}'
    answer = raw_answer(body, VERSION, status="400 Bad Request")
    with (
        answering(answer) as (url, _),
        EdgeClient(url) as client,
        pytest.raises(ServerRefusedError) as caught,
    ):
        client.health()
    assert str(caught.value) == f"{url} refuses: two lines [31m; h"
    assert caught.value.code == "other"


def test_every_error_of_this_room_has_one_root():
    for kind in (AuthenticationError, ProtocolError, UploadCorruptedError, ServerUnreachableError):
        assert issubclass(kind, EdgeError)
