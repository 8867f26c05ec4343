"""Servers that cannot be reached: URLs that are none, and what an error really says."""

from __future__ import annotations

from urllib.parse import urlsplit

from joulesplit.edge._tls import FINGERPRINT
from joulesplit.edge.errors import EdgeConfigurationError


def checked_url(url: str) -> str:
    """Return the URL of a server without a slash at its end.

    Raises:
        EdgeConfigurationError: It is not one.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.path not in ("", "/") or parts.query or parts.username:
        raise EdgeConfigurationError(
            f"{url!r} is not the URL of an edge server; give http://HOST:PORT as "
            "`joulesplit serve` prints it"
        )
    if parts.fragment and not (parts.scheme == "https" and FINGERPRINT.fullmatch(parts.fragment)):
        raise EdgeConfigurationError(
            f"{url!r} ends in no fingerprint of a certificate; give "
            "https://HOST:PORT#sha256=… as `joulesplit serve --tls` prints it"
        )
    return url.rstrip("/")


def innermost(error: BaseException) -> str:
    """Return the text of the first cause: the others wrap it in their own addresses."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error) or type(error).__name__
