"""Where the server listens, and which addresses need a token."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from joulesplit.edge._certificate import ServerCertificate
from joulesplit.edge.errors import EdgeConfigurationError, PortUnavailableError

MAX_PORT = 2**16 - 1


def open_listener(host: str, port: int, *, has_token: bool) -> socket.socket:
    """Return a listening TCP socket.

    Args:
        host: Name or address to bind.
        port: TCP port; 0 lets the system choose.
        has_token: Whether clients will have to show a token.

    Raises:
        EdgeConfigurationError: No such port, or not a loopback address and no token.
        PortUnavailableError: The system refuses that host or port.
    """
    if not 0 <= port <= MAX_PORT:
        raise EdgeConfigurationError(f"there is no port {port}; choose one from 0 to {MAX_PORT}")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # A name may have several addresses: judge and bind the same one.
        if not has_token and not ip_address(str(address[0]).partition("%")[0]).is_loopback:
            raise EdgeConfigurationError(
                f"refusing to listen on {host} without a token, because anyone who reaches it "
                "could use it; give a token or listen on 127.0.0.1"
            )
        listener = socket.create_server((str(address[0]), port), family=family)
    except (OSError, UnicodeError) as error:
        raise PortUnavailableError(
            f"cannot listen on {host} port {port} ({error}); choose another port or host"
        ) from error
    # Connections inherit it. asyncio sets it only on sockets that name their protocol, and
    # without it an answer's body waits for the client's delayed acknowledgement: 40 ms each.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def listener_url(listener: socket.socket, *, certificate: ServerCertificate | None = None) -> str:
    """Return the URL of a listening socket, with the port it really has.

    Args:
        listener: The socket.
        certificate: What it speaks TLS with; one that nobody signed is named by its fingerprint.
    """
    host, port = listener.getsockname()[:2]
    scheme = "https" if certificate else "http"
    known = f"#sha256={certificate.fingerprint()}" if certificate and certificate.is_own else ""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{known}"
