"""Certificates for a local server: an authority of its own, made at start, that signs the server's and a client's."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from muster.errors import MissingExtra

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["CLIENT", "Certificates", "certificates"]

CLIENT = "ada"
"""The common name in the client's certificate."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files: the authority's certificate, and certificates with their keys for the server and for a client."""

    authority: Path
    server: tuple[Path, Path]
    client: tuple[Path, Path]

    def context(self, *, ask: bool) -> ssl.SSLContext:
        """For the server; with `ask`, nobody is let in without a certificate of the authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.server)
        if ask:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority)
        return context


def certificates(folder: Path) -> Certificates:
    """Valid for a day, for `localhost` and this machine's own address."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID
    except ImportError:
        raise MissingExtra.named("testing", "a local server with TLS") from None
    root = ec.generate_private_key(ec.SECP256R1())
    issuer = _name("Muster local authority")
    authority = folder / "ca.pem"
    authority.write_bytes(_pem(_signed(issuer, issuer, root, root, [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (x509.SubjectKeyIdentifier.from_public_key(root.public_key()), False),
        (_usage(signs=True), True),
    ])))  # fmt: skip
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = _leaf(folder, "localhost", root, more=[names], purpose=ExtendedKeyUsageOID.SERVER_AUTH)
    client = _leaf(folder, CLIENT, root, more=[], purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
    return Certificates(authority, server, client)


def _name(text: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signs, crl_sign=signs, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _signed(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, signer: EllipticCurvePrivateKey,
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:  # fmt: skip
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(signer, hashes.SHA256())


def _leaf(
    folder: Path,
    name: str,
    root: EllipticCurvePrivateKey,
    *,
    more: list[x509.ExtensionType],
    purpose: x509.ObjectIdentifier,
) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), False),
        (x509.ExtendedKeyUsage([purpose]), False),
        (_usage(signs=False), True),
        *((one, False) for one in more),
    ]
    made = _signed(_name(name), _name("Muster local authority"), key, root, extensions)
    certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(_pem(made))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    private.chmod(0o600)
    return certificate, private


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM)
