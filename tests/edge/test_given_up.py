"""Of an upload that was given up, what left is what the other side's socket holds."""

from __future__ import annotations

import array
import fcntl
import select
import socket
import termios
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

from joulesplit.edge import EdgeClient, NamedTensor
from joulesplit.edge.errors import EdgeError


def run_tail(client, elements):
    with suppress(EdgeError):
        tensors = [NamedTensor(name="x", data=np.zeros(elements, np.float32))]
        client.run_tail("00" * 32, 3, tensors)


def test_nothing_left_for_a_server_that_is_not_there():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    client = EdgeClient(f"http://127.0.0.1:{port}", timeout_s=1.0)
    run_tail(client, 1000)
    assert client.payload_left_bytes() == 0


def waiting_bytes(peer):
    """Return what a socket has received and nobody has read."""
    count = array.array("i", [0])
    fcntl.ioctl(peer, termios.FIONREAD, count)
    return count[0]


def head_bytes(peer):
    return peer.recv(4096, socket.MSG_PEEK).index(b"\r\n\r\n") + 4


@pytest.mark.live
@pytest.mark.parametrize("elements", [1000, 10_000_000])
def test_what_a_deaf_server_holds_is_what_left_and_nothing_follows(elements):
    """10⁷ numbers are more than any socket takes in; 1000 all leave."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = EdgeClient(f"http://127.0.0.1:{listener.getsockname()[1]}")
        sending = threading.Thread(target=run_tail, args=(client, elements), daemon=True)
        sending.start()
        peer, _ = listener.accept()
        with peer:
            until = time.monotonic() + 10.0
            held = -1
            while held != waiting_bytes(peer) or held <= 0:
                held = waiting_bytes(peer)
                assert time.monotonic() < until, "the sender never came to rest"
                sending.join(timeout=0.2)
            head = head_bytes(peer)
            client.close()
            assert client.payload_left_bytes() == held - head
            assert (held - head == 4 * elements) == (elements == 1000)
            # What had not left is dropped with the connection, and costs nothing afterwards.
            ended = select.poll()
            ended.register(peer, select.POLLRDHUP)
            assert ended.poll(5000), "the connection was not ended"
            assert waiting_bytes(peer) == held
