"""Over TLS all is as without it, and a server that is not the one asked for gets nothing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from stat import S_IMODE
from urllib.parse import urlsplit

import numpy as np
import pytest

from joulesplit.edge import (
    EdgeClient,
    NamedTensor,
    Pacer,
    ServerCertificate,
    TransferMethod,
    kept_certificate,
    reachable_urls,
)
from joulesplit.edge._pacing import HostClock
from joulesplit.edge._tls import fingerprint_of
from joulesplit.edge._unreachable import checked_url
from joulesplit.edge.errors import (
    EdgeConfigurationError,
    ServerNotTrustedError,
    ServerUnreachableError,
)
from joulesplit.partition import Runner
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import read_network

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="no openssl: apt install openssl"
)
ROOT = Path(__file__).parents[2]
INT8 = ROOT / "data" / "models" / "mobilenet_v2_1.0_224_int8.tflite"
PROGRAM = """
import sys
from pathlib import Path
from joulesplit.edge import EdgeServer, ServerCertificate, ServerLimits
certificate, key, own, connections, head_s, *models = sys.argv[1:]
server = EdgeServer(
    [Path(model) for model in models], port=0, exit_when_stdin_closes=True,
    limits=ServerLimits(connections=int(connections), head_s=float(head_s)),
    certificate=ServerCertificate(
        certificate=Path(certificate), key=Path(key), is_own=own == "own"
    ),
)
server.serve(lambda url: print(url, flush=True))
"""


@contextmanager
def serving(certificate, *models, connections=64, head_s=10.0):
    own = "own" if certificate.is_own else "signed"
    arguments = (certificate.certificate, certificate.key, own, connections, head_s, *models)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            assert process.wait(timeout=60) == 0
            assert process.stderr.read() == ""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return kept_certificate(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def url(certificate):
    with serving(certificate, INT8) as found:
        yield found


@pytest.fixture
def client(url):
    with EdgeClient(url) as found:
        yield found


def openssl(*arguments):
    said = subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
    return said.stdout.decode()


def test_the_url_holds_the_fingerprint_that_openssl_finds_and_the_key_is_nobody_elses(
    url, certificate
):
    found = openssl("x509", "-in", certificate.certificate, "-noout", "-fingerprint", "-sha256")
    expected = found.strip().split("=")[1].replace(":", "").lower()
    assert url.endswith(f"#sha256={expected}")
    assert S_IMODE(certificate.key.stat().st_mode) == 0o600
    assert kept_certificate(certificate.key.parent).fingerprint() == expected
    # What the server prints for other machines keeps it.
    for one in reachable_urls(url.replace("127.0.0.1", "0.0.0.0"), {"eth0": ["192.0.2.7"]}):
        assert one == url.replace("127.0.0.1", "192.0.2.7")


@pytest.mark.parametrize("size", [1, 1000, 65_536 - 97, 65_536, 65_537, 300_000])
def test_uploads_arrive_are_timed_by_the_kernel_and_cost_a_few_bytes_more(client, size):
    payload = os.urandom(size)
    for _ in range(2):
        receipt = client.upload(payload)
        assert receipt.payload_bytes == size
        facts = receipt.facts
        assert facts.method is TransferMethod.ACKNOWLEDGEMENT
        assert facts.transfer_s > 0
        assert client.payload_left_bytes() == size
        # A record of 16 KiB takes 22 bytes; head and payload are all that is in them.
        plain_bytes = receipt.http_overhead_bytes + size
        assert facts.sent_bytes - facts.retransmitted_bytes == plain_bytes
        records = -(-size // 16_384) + 4
        assert 60 + 22 <= receipt.http_overhead_bytes <= 160 + 22 * records


def test_downloads_tails_and_paced_uploads_are_as_without(client):
    assert client.download(200_000).payload_bytes == 200_000
    network = read_network(INT8)
    (first, *_) = residual_blocks(network)
    tensor = network.tensors[network.operators[first.last_operator].outputs[0]]
    crossing = np.random.default_rng(0).integers(-128, 127, tensor.shape, dtype=np.int8)
    sent = [NamedTensor(name=tensor.name, data=crossing)]
    result = client.run_tail(network.sha256, first.last_operator, sent)
    with Runner(extract(INT8, first.last_operator + 1, len(network.operators) - 1)) as tail:
        np.testing.assert_array_equal(result.outputs[0].data, tail.run([crossing])[0])
    paced = client.upload(bytes(50_000), pacer=Pacer(8e6, clock=HostClock()))
    assert paced.payload_bytes == 50_000


@pytest.mark.parametrize("ask", [lambda c: c.upload(b"secret"), lambda c: c.health()])
def test_another_certificate_than_asked_for_gets_nothing(url, tmp_path, ask):
    base, _, known = url.partition("#")
    other = known[:-1] + ("0" if known[-1] != "0" else "1")
    for wrong in (f"{base}#{other}", base):
        with EdgeClient(wrong) as client, pytest.raises(ServerNotTrustedError, match="--tls"):
            ask(client)


def test_a_client_of_plain_http_and_a_server_of_it_are_told_apart_from_one_that_is_gone(url):
    plainly = url.partition("#")[0].replace("https", "http")
    with EdgeClient(plainly, timeout_s=5) as client, pytest.raises(ServerUnreachableError):
        client.upload(b"x")
    with socket.create_server(("127.0.0.1", 0)) as plain:
        fingerprint = url.partition("#")[2]
        asked = f"https://127.0.0.1:{plain.getsockname()[1]}#{fingerprint}"

        def answer():
            for _ in range(2):
                peer, _ = plain.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with EdgeClient(asked, timeout_s=5) as client, pytest.raises(ServerUnreachableError):
            client.upload(b"x")


def test_a_certificate_that_a_trusted_authority_signed_needs_no_fingerprint(tmp_path, monkeypatch):
    key, made = tmp_path / "own.key", tmp_path / "own.crt"
    openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=edge", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", key, "-out", made,
    )  # fmt: skip
    with serving(ServerCertificate(certificate=made, key=key)) as url:
        assert "#" not in url
        with EdgeClient(url) as client, pytest.raises(ServerNotTrustedError):
            client.upload(b"x")
        monkeypatch.setenv("SSL_CERT_FILE", str(made))
        with EdgeClient(url) as client:
            assert client.upload(b"x").payload_bytes == 1
            assert client.health().tool == "joulesplit"
        another = url.replace("127.0.0.1", "localhost")
        with (
            EdgeClient(another) as client,
            pytest.raises(ServerNotTrustedError, match="trusted here"),
        ):
            client.upload(b"x")


def test_connections_that_never_agree_on_keys_lock_nobody_out_and_end_in_time(certificate):
    with serving(certificate, connections=20, head_s=1.0) as url, ExitStack() as stack:
        parts = urlsplit(url)
        crowd = [
            stack.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=30))
            for _ in range(60)
        ]
        said = (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01")
        for number, connection in enumerate(crowd):
            connection.sendall(said[number % len(said)])
        with EdgeClient(url, timeout_s=20) as client:
            assert uploaded(client, bytes(1000)) == 1000
        began_s = time.monotonic()
        for connection in crowd:
            while ended(connection) is False:
                pass
        assert time.monotonic() - began_s < 20


@contextmanager
def saying(*words, every_s=0.0):
    """A server that takes connections, says some bytes one after the other, and then nothing."""
    over = threading.Event()
    threads = []

    def say(peer):
        with peer, suppress(OSError):
            for word in words:
                if over.wait(every_s):
                    return
                peer.sendall(word)
            over.wait()

    def serve():
        while not over.is_set():
            peer, _ = listener.accept()
            threads.append(threading.Thread(target=say, args=(peer,), daemon=True))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving_all = threading.Thread(target=serve, daemon=True)
        serving_all.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}#sha256={'0' * 64}"
        over.set()
        socket.create_connection(listener.getsockname()[:2]).close()
        for thread in (serving_all, *threads):
            thread.join(timeout=30)


RECORD = b"\x16\x03\x03\x40\x00"
"""The head of a record of a handshake, of 16 KiB."""


@pytest.mark.parametrize("words", [(), (RECORD, *([b"\x02"] * 200))])
@pytest.mark.parametrize("ask", [lambda c: c.upload(bytes(9000)), lambda c: c.health()])
def test_a_handshake_that_stands_still_or_trickles_ends_in_time_and_nothing_left(words, ask):
    with saying(*words, every_s=0.05) as url, EdgeClient(url, timeout_s=1.0) as client:
        began_s = time.monotonic()
        with pytest.raises(ServerUnreachableError, match=r"timed out|not over"):
            ask(client)
        assert time.monotonic() - began_s < 8
        assert client.payload_left_bytes() == 0


def test_of_a_server_that_is_not_trusted_nothing_of_the_payload_left(url):
    with EdgeClient(url.partition("#")[0]) as client:
        with suppress(ServerNotTrustedError):
            client.upload(bytes(9000))
        assert client.payload_left_bytes() == 0


def uploaded(client, payload):
    """Upload as a client in good faith does: one that had to give its place connects again."""
    for _ in range(20):
        try:
            return client.upload(payload).payload_bytes
        except ServerUnreachableError:
            continue
    raise AssertionError("locked out")


def ended(connection):
    try:
        return connection.recv(4096) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "url",
    [
        "http://x:1#sha256=" + "0" * 64, "https://x:1#sha256=0", "https://x:1#md5=" + "0" * 64,
        "https://x:1#sha256=" + "G" * 64, "https://x:1/path",
    ],
)  # fmt: skip
def test_a_fragment_that_is_no_fingerprint_is_refused(url):
    with pytest.raises(EdgeConfigurationError):
        checked_url(url)


def test_files_that_are_no_certificate_are_refused_before_anything_listens(tmp_path, certificate):
    (tmp_path / "no.crt").write_text("none", encoding="ascii")
    for found in (
        ServerCertificate(certificate=tmp_path / "no.crt", key=certificate.key),
        ServerCertificate(certificate=tmp_path / "gone.crt", key=certificate.key),
        ServerCertificate(certificate=certificate.certificate, key=tmp_path / "no.crt"),
    ):
        with pytest.raises(EdgeConfigurationError, match="PEM form"):
            found.context()
    with pytest.raises(EdgeConfigurationError, match="holds no certificate"):
        ServerCertificate(certificate=tmp_path / "no.crt", key=certificate.key).fingerprint()


def test_where_there_is_no_openssl_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EdgeConfigurationError, match="apt install openssl"):
        kept_certificate(tmp_path / "own")
    assert not list((tmp_path / "own").glob("server.*"))


def test_the_fingerprint_is_that_of_the_bytes():
    assert fingerprint_of(b"").startswith("e3b0c44298fc1c14")
