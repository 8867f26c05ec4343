"""The certificate that a server shows: a user's own, or one that is made here and kept."""

from __future__ import annotations

import os
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from joulesplit.edge._tls import fingerprint_of
from joulesplit.edge.errors import EdgeConfigurationError

VALID_DAYS = 3650
CERTIFICATE_NAME = "joulesplit"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """Files in PEM form.

    Attributes:
        certificate: With those of the authorities that signed it, if any did.
        key: Its private key.
        is_own: Made here, so that clients know it by its fingerprint.
    """

    certificate: Path
    key: Path
    is_own: bool = False

    def fingerprint(self) -> str:
        """Return the SHA-256 of the certificate, hexadecimal.

        Raises:
            EdgeConfigurationError: The file cannot be read, or holds none.
        """
        try:
            text = self.certificate.read_text(encoding="ascii")
            begin = text.index("-----BEGIN CERTIFICATE-----")
            return fingerprint_of(ssl.PEM_cert_to_DER_cert(text[begin:].split("-----\n\n")[0]))
        except (OSError, ValueError) as error:
            raise EdgeConfigurationError(
                f"{self.certificate} holds no certificate ({error}); give one in PEM form"
            ) from error

    def context(self) -> ssl.SSLContext:
        """Return what a server shows and asks for.

        Raises:
            EdgeConfigurationError: The files cannot be used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Tickets would come unasked, between two uploads whose energy is measured.
        context.num_tickets = 0
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ValueError) as error:
            raise EdgeConfigurationError(
                f"{self.certificate} and {self.key} cannot be used ({error}); give a certificate "
                "and its key in PEM form"
            ) from error
        return context


def kept_certificate(folder: Path) -> ServerCertificate:
    """Return the certificate of a folder; one is made where there is none.

    Raises:
        EdgeConfigurationError: It cannot be made.
    """
    found = ServerCertificate(
        certificate=folder / "server.crt", key=folder / "server.key", is_own=True
    )
    if not (found.certificate.exists() and found.key.exists()):
        _make(found)
    return found


def _make(wanted: ServerCertificate) -> None:
    """Make a key that nobody else can read, and a certificate of it."""
    key, certificate = (
        path.with_name(f".{path.name}.new") for path in (wanted.key, wanted.certificate)
    )
    try:
        wanted.key.parent.mkdir(parents=True, exist_ok=True)
        key.unlink(missing_ok=True)
        os.close(os.open(key, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        subprocess.run(_command(key, certificate), check=True, capture_output=True, text=True)
        key.replace(wanted.key)
        certificate.replace(wanted.certificate)
    except FileNotFoundError as error:
        raise EdgeConfigurationError(
            "making a certificate takes openssl, which is not here: apt install openssl, or give "
            "your own with --tls-certificate and --tls-key"
        ) from error
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", "") or str(error)
        raise EdgeConfigurationError(
            f"no certificate could be made in {wanted.key.parent}: {said.strip().splitlines()[-1]}"
        ) from error


def _command(key: Path, certificate: Path) -> list[str]:
    """Return what makes both files."""
    return [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", str(VALID_DAYS), "-subj", f"/CN={CERTIFICATE_NAME}",
        "-addext", f"subjectAltName=DNS:{CERTIFICATE_NAME}",
        "-keyout", str(key), "-out", str(certificate),
    ]  # fmt: skip
