"""The openssl command understands our keys and signatures, and we understand its."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from payermax_async.core.errors import ConfigurationError
from payermax_async.signing import PrivateKey, PublicKey, RsaSigner, RsaVerifier

OPENSSL = shutil.which("openssl")
BODY = '{"linkDescription":"支付链接 – été","amount":"40000"}'.encode()

pytestmark = [
    pytest.mark.skipif(OPENSSL is None, reason="the openssl command is not installed"),
    pytest.mark.usefixtures("backend"),
]


def openssl(folder: Path, *arguments: str) -> str:
    assert OPENSSL is not None
    done = subprocess.run(
        [OPENSSL, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_openssl_accepts_what_we_sign(tmp_path: Path, merchant: PrivateKey) -> None:
    signature = base64.b64decode(RsaSigner(merchant).sign_now(BODY))
    (tmp_path / "body").write_bytes(BODY)
    (tmp_path / "signature").write_bytes(signature)
    (tmp_path / "public.pem").write_text(merchant.public_key.to_pem())
    verify = ["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature"]
    assert "Verified OK" in openssl(tmp_path, *verify, "body")


def test_we_accept_what_openssl_signs(tmp_path: Path, merchant: PrivateKey) -> None:
    (tmp_path / "body").write_bytes(BODY)
    (tmp_path / "private.pem").write_text(merchant.to_pem())
    sign = ["dgst", "-sha256", "-sign", "private.pem", "-out", "signature"]
    openssl(tmp_path, *sign, "body")
    signature = base64.b64encode((tmp_path / "signature").read_bytes()).decode()
    RsaVerifier(merchant.public_key).verify_now(BODY, signature)
    assert signature == RsaSigner(merchant).sign_now(BODY)


def test_keys_made_as_payermaxs_page_says_load(tmp_path: Path) -> None:
    openssl(tmp_path, "genrsa", "-out", "made.pem", "2048")
    openssl(
        tmp_path, "pkcs8", "-topk8", "-nocrypt", "-in", "made.pem", "-out", "pkcs8.pem"
    )
    openssl(tmp_path, "rsa", "-in", "made.pem", "-pubout", "-out", "public.pem")
    openssl(tmp_path, "rsa", "-in", "made.pem", "-traditional", "-out", "pkcs1.pem")
    openssl(tmp_path, "rsa", "-in", "made.pem", "-RSAPublicKey_out", "-out", "rsa.pub")
    assert "RSA PRIVATE KEY" in (tmp_path / "pkcs1.pem").read_text()
    assert "RSA PUBLIC KEY" in (tmp_path / "rsa.pub").read_text()
    private = {
        PrivateKey.from_file(tmp_path / name)
        for name in ("made.pem", "pkcs8.pem", "pkcs1.pem")
    }
    public = {PublicKey.from_file(tmp_path / n) for n in ("public.pem", "rsa.pub")}
    assert len(private) == 1
    assert public == {private.pop().public_key}


def test_the_remedies_named_for_foreign_files_work(
    tmp_path: Path, merchant: PrivateKey
) -> None:
    (tmp_path / "plain.pem").write_text(merchant.to_pem())
    locked = ["pkcs8", "-topk8", "-passout", "pass:x", "-in", "plain.pem"]
    openssl(tmp_path, *locked, "-out", "locked.pem")
    request = ["req", "-x509", "-key", "plain.pem", "-subj", "/CN=x", "-out", "c.pem"]
    openssl(tmp_path, *request)
    bundle = ["pkcs12", "-export", "-inkey", "plain.pem", "-in", "c.pem"]
    openssl(tmp_path, *bundle, "-passout", "pass:x", "-out", "b.p12")

    with pytest.raises(ConfigurationError, match="'openssl pkcs8 -topk8 -nocrypt"):
        PrivateKey.from_file(tmp_path / "locked.pem")
    unlock = ["pkcs8", "-topk8", "-nocrypt", "-in", "locked.pem", "-passin", "pass:x"]
    assert PrivateKey.load(openssl(tmp_path, *unlock)) == merchant

    with pytest.raises(ConfigurationError, match="'openssl x509 -pubkey -noout"):
        PublicKey.from_file(tmp_path / "c.pem")
    extract = ["x509", "-pubkey", "-noout", "-in", "c.pem"]
    assert PublicKey.load(openssl(tmp_path, *extract)) == merchant.public_key

    with pytest.raises(ConfigurationError, match="'openssl pkcs12 -nodes -nocerts"):
        PrivateKey.from_file(tmp_path / "b.p12")
    unpack = ["pkcs12", "-nodes", "-nocerts", "-in", "b.p12", "-passin", "pass:x"]
    assert PrivateKey.load(openssl(tmp_path, *unpack)) == merchant
