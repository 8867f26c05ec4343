"""What is made of the kernel's words: layout, fallbacks, sums."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.edge import TransferMethod, scheduled, together
from joulesplit.edge._acknowledged import acknowledged_ns
from joulesplit.edge._answer_head import Headers, parse_head
from joulesplit.edge._kept_connection import Exchange
from joulesplit.edge._tcp_info import decode_tcp_info, read_tcp_info, unacknowledged_bytes
from joulesplit.edge._transfer_facts import facts_of
from joulesplit.edge.errors import ProtocolError

# struct tcp_info of include/uapi/linux/tcp.h, field by field, up to tcpi_bytes_retrans.
LAYOUT = struct.Struct("=8B24I4Q6I4Q2I2Q")
OPTIONS = [1, 0, 0, 0, 0, 7, 0x77, 0b1]
TIMES = [200_000, 40_000, 1448, 536, *[0] * 5, *[0] * 4, 1500, 65_483, 52_345, 900, 2**31 - 1]
REST = [10, 1448, 3, 0, 14_600, 2]
START, END = 1_700_000_000_000_000_000, 5_000_000_000


def tcp_info(*, busy_us=0, sent=0, again=0, confirmed=1, unsent=0) -> bytes:
    """Lay out a tcp_info with telling values."""
    return LAYOUT.pack(
        *OPTIONS, *TIMES, *REST, 0, 0, confirmed, 0, 70, 0, unsent, 50_123, 0, 0,
        250_000, busy_us, 1_000, 2_000, 0, 0, sent, again,
    )  # fmt: skip


def exchange(**changes: object) -> Exchange:
    """An exchange of 0.42 s whose server took 0.02 s to answer; the kernel told nothing."""
    head = parse_head(b"HTTP/1.1 200 OK\r\nX-JouleSplit-Receive-S: 0.41\r\n\r\n", 46)
    plain = Exchange(
        head=head, content=b"", sent_whole=True, began_ns=END, taken_ns=END + 1_000_000,
        answered_ns=END + 440_000_000, began_real_ns=START, answered_real_ns=START + 440_000_000,
        stamp=[], sent_bytes=1000, head_bytes=100, before=b"", after=b"", stalled_ns=0,
        connection_ns=0,
    )  # fmt: skip
    return plain._replace(**changes)


def stamp(time_ns: int, last_byte: int) -> list[tuple[int, int, bytes]]:
    """A stamp as the kernel gives it: scm_timestamping and sock_extended_err."""
    times = struct.pack("@6l", *divmod(time_ns, 10**9), 0, 0, 0, 0)
    error = struct.pack("=IBBBBII", 42, 4, 0, 0, 0, 2, last_byte)
    return [(socket.SOL_SOCKET, 37, times), (socket.IPPROTO_IP, 11, error)]


def test_the_kernel_s_struct_is_read_by_its_documented_layout():
    info = decode_tcp_info(tcp_info(busy_us=420_000, sent=9_000, again=1_448, confirmed=5_001))
    assert (info.rtt_s, info.min_rtt_s) == (0.052345, 0.050123)
    assert (info.busy_s, info.receiver_limited_s, info.buffer_limited_s) == (0.42, 1e-3, 2e-3)
    assert (info.bytes_sent, info.bytes_retransmitted, info.segments_out) == (9_000, 1_448, 70)
    assert (info.delivery_rate_bit_per_s, info.application_limited) == (2e6, True)
    assert (info.segments_retransmitted, info.bytes_acknowledged) == (2, 5_001)
    assert info.bytes_unacknowledged == 9_000 - 1_448 - 5_000


@given(length=st.integers(0, LAYOUT.size))
def test_an_older_kernel_s_shorter_struct_leaves_out_only_what_it_lacks(length):
    whole, info = decode_tcp_info(tcp_info(sent=7)), decode_tcp_info(tcp_info(sent=7)[:length])
    assert info.rtt_s == (whole.rtt_s if length >= 72 else None)
    assert info.min_rtt_s == (whole.min_rtt_s if length >= 152 else None)
    assert info.busy_s == (whole.busy_s if length >= 176 else None)
    assert info.bytes_sent == (7 if length >= 208 else None)


def test_a_round_trip_that_was_never_seen_is_none():
    raw = bytearray(tcp_info())
    struct.pack_into("=I", raw, 148, 2**32 - 1)
    assert decode_tcp_info(bytes(raw)).min_rtt_s is None


def test_a_real_connection_s_queue_is_the_same_by_both_ways():
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as connection,
        listener.accept()[0],
    ):
        # Nobody reads: what the receiver has no room for stays in the queue.
        connection.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                connection.send(bytes(1 << 20))
        queue = unacknowledged_bytes(connection)
        assert queue is not None
        assert queue > 0
        assert read_tcp_info(connection).bytes_unacknowledged == queue


def test_the_stamp_of_the_last_byte_s_acknowledgement_is_the_end_of_the_transfer():
    facts = facts_of(exchange(stamp=stamp(START + 420_000_000, 999)), 800)
    assert facts.method is TransferMethod.ACKNOWLEDGEMENT
    assert facts.transfer_s == pytest.approx(0.42, abs=1e-9)
    assert facts.rate_bit_per_s == pytest.approx(6400 / 0.42)


@pytest.mark.parametrize(
    "changes",
    [
        {"stamp": stamp(START + 420_000_000, 998)},
        {"stamp": stamp(START + 420_000_000, 999), "answered_real_ns": START + 3 * 10**9},
    ],
    ids=["of another byte", "a clock that was set meanwhile"],
)
def test_a_stamp_that_cannot_be_right_is_not_used(changes):
    facts = facts_of(exchange(before=tcp_info(), after=tcp_info(busy_us=416_000), **changes), 800)
    assert (facts.method, facts.transfer_s) == (TransferMethod.BUSY_TIME, 0.416)
    assert facts.resolution_s == 0.01


def test_without_a_stamp_a_paced_transfer_lasts_as_long_as_its_pace():
    facts = facts_of(
        exchange(before=tcp_info(), after=tcp_info(busy_us=80_000), taken_ns=END + 400_000_000),
        800,
    )
    assert facts.transfer_s == pytest.approx(0.4)
    assert facts.resolution_s >= 0.04


def test_where_the_kernel_tells_nothing_the_server_s_own_time_counts_and_is_named():
    facts = facts_of(exchange(), 800)
    assert (facts.method, facts.transfer_s) == (TransferMethod.SERVER, 0.41)
    assert facts.resolution_s == pytest.approx(0.03)
    assert facts.min_rtt_s is None
    assert facts.retransmitted_bytes is None


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "-1"])
def test_a_server_that_says_nothing_of_use_leaves_the_answer_as_the_bound(text):
    raw = f"HTTP/1.1 200 OK\r\nX-JouleSplit-Receive-S: {text}\r\n\r\n".encode()
    facts = facts_of(exchange(head=parse_head(raw, len(raw) - 4)), 800)
    assert (facts.method, facts.transfer_s) == (TransferMethod.ANSWER, 0.44)
    assert facts.resolution_s == 0.44


def test_counters_are_those_of_this_transfer_alone():
    facts = facts_of(
        exchange(
            before=tcp_info(busy_us=1_000_000, sent=50_000, again=1_000, confirmed=49_001),
            after=tcp_info(busy_us=1_420_000, sent=60_000, again=2_448, confirmed=57_553),
        ),
        800,
    )
    assert (facts.sent_bytes, facts.retransmitted_bytes) == (10_000, 1_448)
    assert facts.busy_s == pytest.approx(0.42)
    assert facts.unacknowledged_bytes == 0


def test_a_stamp_s_number_wraps_with_the_sequence_space():
    assert acknowledged_ns(stamp(7, 4), 2**32 + 5) == 7
    assert acknowledged_ns(stamp(7, 5), 2**32 + 5) is None
    assert acknowledged_ns([], 5) is None


def test_transfers_add_up_to_a_window():
    facts = [scheduled(8_000, 0.1), scheduled(16_000, 0.3)]
    summary = together(facts)
    assert (summary.transfers, summary.payload_bits) == (2, 24_000)
    assert (summary.transfer_s, summary.longest_s) == (pytest.approx(0.4), 0.3)
    assert summary.methods == (TransferMethod.SCHEDULE,)
    assert summary.retransmitted_bytes is None
    assert together([]) is None


def test_the_clocks_uncertainty_of_a_window_is_that_of_independent_rectangles():
    one = facts_of(exchange(before=tcp_info(), after=tcp_info(busy_us=100_000)), 800)
    summary = together([one] * 12)
    assert summary.transfer_s == pytest.approx(1.2)
    assert summary.u_transfer_s == pytest.approx(0.01 * (12 / 3) ** 0.5)


def test_a_header_is_found_whatever_its_case_and_only_by_its_whole_name():
    headers = Headers(b"HTTP/1.1 200 OK\r\nContent-LENGTH:  12 \r\nx-content-length: 3")
    assert headers.get("content-length") == headers["Content-Length"] == "12"
    assert headers.get("length", "none") == "none"
    assert "X-Content-Length" in headers
    assert sorted(headers) == ["content-length", "x-content-length"]
    with pytest.raises(KeyError):
        headers["length"]


@pytest.mark.parametrize("raw", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc d\r\n", b"HTTP/1.1"])
def test_what_is_not_http_is_told(raw):
    with pytest.raises(ProtocolError, match="not a JouleSplit edge server"):
        parse_head(raw + b"\r\n\r\n", len(raw))
