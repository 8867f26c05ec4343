"""The head of an HTTP/1.1 answer, read as strictly as this wire format allows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple, TypeVar, overload

from joulesplit.edge.errors import ProtocolError

Default = TypeVar("Default")

HEAD_END = b"\r\n\r\n"
LINE_END = "\r\n"


class Headers(Mapping[str, str]):
    """Headers by name, whose case does not matter, each looked for when it is asked for.

    An upload's answer has a dozen and a handful is wanted; to take all of them apart would cost as
    much as the rest of the upload does here.

    Args:
        head: Bytes of the answer's head, without its empty line.
    """

    __slots__ = ("_lowered", "_text")

    def __init__(self, head: bytes) -> None:
        self._text = head.decode("latin-1") + LINE_END
        self._lowered = self._text.lower()

    @overload
    def get(self, name: str, default: None = None) -> str | None: ...

    @overload
    def get(self, name: str, default: Default) -> str | Default: ...

    def get(self, name: str, default: object = None) -> object:
        """Return a header, or ``default``."""
        before = _before(name)
        at = self._lowered.find(before)
        if at < 0:
            return default
        begin = at + len(before)
        return self._text[begin : self._text.index(LINE_END, begin)].strip()

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _before(name) in self._lowered

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        for line in self._lowered.split(LINE_END)[1:-1]:
            yield line.partition(":")[0]

    def __len__(self) -> int:
        return sum(1 for _ in self)


@cache
def _before(name: str) -> str:
    """Return what stands before a header's value, in lower case."""
    return f"{LINE_END}{name.lower()}:"


class AnswerHead(NamedTuple):
    """Status and headers.

    Attributes:
        status: HTTP status.
        headers: Of the answer.
        closes: The connection ends with this answer.
    """

    status: int
    headers: Headers
    closes: bool


def parse_head(received: bytes, end: int) -> AnswerHead:
    """Return the head that ends at ``end``.

    Args:
        received: What came.
        end: Where its empty line is; negative if there is none.

    Raises:
        ProtocolError: That is not the head of an HTTP answer.
    """
    status = received[9:12]
    if end < 12 or not received.startswith(b"HTTP/1.") or not status.isdigit():
        raise ProtocolError(
            f"what answers is not a JouleSplit edge server (it begins with {received[:20]!r}); "
            "check host and port of the one started with `joulesplit serve MODEL`"
        )
    headers = Headers(received[:end])
    closes = received[7:8] == b"0" or headers.get("Connection") == "close"
    return AnswerHead(int(status), headers, closes)
