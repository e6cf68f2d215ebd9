"""Certificates for servers of tests: an authority of our own, and what it signs."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs for whom it is told to; `trust` is a client's context that believes it and nobody else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._signed("parley tests", self._key, is_authority=True)
        self.trust = ssl.create_default_context(cadata=_pem(self.certificate))

    def server(
        self, *hosts: str, ends: timedelta = timedelta(days=90), sends_chain: bool = True, self_signed: bool = False
    ) -> ssl.SSLContext:
        """A server's context with a certificate for `hosts` that is valid until then."""
        key = ec.generate_private_key(ec.SECP256R1())
        own = self._signed(hosts[0], key, hosts, ends, by_itself=self_signed)
        chain = [own] if self_signed or not sends_chain else [own, self.certificate]
        stem = f"{len(list(self._folder.iterdir()))}"
        shown, secret = self._folder / f"{stem}.crt", self._folder / f"{stem}.key"
        shown.write_text("".join(_pem(each) for each in chain))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown, secret)
        return context

    def _signed(
        self,
        subject: str,
        key: ec.EllipticCurvePrivateKey,
        hosts: tuple[str, ...] = (),
        ends: timedelta = timedelta(days=365),
        *,
        is_authority: bool = False,
        by_itself: bool = False,
    ) -> x509.Certificate:
        alone = is_authority or by_itself
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(subject if alone else "parley tests"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=400))
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if hosts:
            made = made.add_extension(x509.SubjectAlternativeName([_host(each) for each in hosts]), critical=False)
        return made.sign(key if alone else self._key, hashes.SHA256())


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
