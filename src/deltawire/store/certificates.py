"""Certificates for TLS: from files, or self-signed for development."""

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deltawire.errors import UsageError
from deltawire.store.home import check_folder, make_folder, read_own, write_whole

SELF_SIGNED = "self-signed.pem"
LIFE = timedelta(days=365)
LOCAL = ("localhost", "127.0.0.1", "::1")


def load_tls(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """A context for TLS 1.2 and newer from a certificate (chain) and its key in PEM.

    Without `key` both are in one file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # Few clients resume TLS sessions, and `websockets.sync`, which reads in one thread and writes in another,
    # may lose what it sends while a ticket arrives.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_RENEGOTIATION
    for path in (certificate, key or certificate):
        if not path.is_file():
            raise UsageError(f"no such file: {path}; a certificate and its key in PEM are needed")
    check_key_file(key or certificate)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", "") or error.strerror or "no such PEM"
        raise UsageError(
            f"{certificate} and {key or certificate} are not a certificate and its key: {reason}"
        ) from error
    return context


def check_key_file(path: Path) -> None:
    """Raise `UsageError` if others can read a private key.

    A group may read a key that belongs to root (Debian's ssl-cert).
    """
    status = path.stat()
    forbidden = 0o027 if status.st_uid == 0 else 0o077
    if status.st_mode & forbidden:
        raise UsageError(f"{path} contains a private key that other users can read: run chmod 600 {path}")


def self_signed(folder: Path, host: str) -> Path:
    """A certificate for this machine and `host`, kept between runs while it is valid, so that clients can pin it."""
    make_folder(folder)
    path, names = folder / SELF_SIGNED, tuple(dict.fromkeys((*LOCAL, host)))
    if not _is_good(path, names):
        write_whole(path, _make(names))
    return path


def check_self_signed(folder: Path, host: str) -> None:
    """Raise the `UsageError` with which `self_signed` would fail; creates nothing."""
    check_folder(folder)
    _to_name(host)
    _is_good(folder / SELF_SIGNED, (host,))


def _is_good(path: Path, names: Sequence[str]) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(read_own(path))
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, x509.ExtensionNotFound):
        return False
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    return tomorrow < certificate.not_valid_after_utc and {*map(_to_name, names)} <= {*alternative}


def _make(names: Sequence[str]) -> bytes:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "deltawire self-signed")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + LIFE)
    for extension, critical in (
        (x509.SubjectAlternativeName([_to_name(host) for host in names]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
    ):
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    return certificate + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _to_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError as error:
        raise UsageError(f"no certificate can name {name!r}: {error}") from error


def _no_password() -> bytes:
    raise UsageError("the key is encrypted with a password: use an unencrypted one")
