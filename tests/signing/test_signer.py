"""Signing off the loop: one thread, cancellation, closing, forks."""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable

import pytest
from Crypto.Hash import SHA256
from Crypto.PublicKey import RSA
from Crypto.Signature import pkcs1_15

from payermax_async.core.errors import ClientStateError, PayerMaxError
from payermax_async.signing import (
    PrivateKey,
    RsaSigner,
    RsaVerifier,
    Signer,
    openssl,
)
from payermax_async.signing.arithmetic import CheckSignature

from .secrecy import rendered, shared_pieces
from .test_verifier import spelled

pytestmark = pytest.mark.usefixtures("backend")

PATIENCE = 30  # seconds; only a broken signer ever waits that long


class Gate:
    """Stands in for the slow part of a signature, and opens when told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        self.threads: list[threading.Thread] = []
        self.payloads: list[bytes] = []
        genuine = RsaSigner._sign  # pyright: ignore[reportPrivateUsage]

        def sign(signer: RsaSigner, payload: bytes) -> str:
            self.threads.append(threading.current_thread())
            self.payloads.append(payload)
            self.entered.set()
            if not self.open.wait(PATIENCE):
                raise AssertionError("the gate was never opened")
            return genuine(signer, payload)

        monkeypatch.setattr(RsaSigner, "_sign", sign)

    async def until_entered(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, PATIENCE)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


def signing_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("payermax-sign")]


async def test_a_signature_is_the_one_pycryptodome_makes(
    merchant: PrivateKey, merchant_rsa: RSA.RsaKey
) -> None:
    signer = RsaSigner(merchant)
    expected = spelled(pkcs1_15.new(merchant_rsa).sign(SHA256.new(b"{}")))
    assert await signer.sign(b"{}") == expected
    assert signer.sign_now(b"{}") == expected
    assert isinstance(signer, Signer)
    await RsaVerifier(merchant.public_key).verify(b"{}", expected)
    await signer.aclose()


def test_making_a_signer_starts_nothing(merchant: PrivateKey) -> None:
    before = threading.enumerate()
    RsaSigner(merchant).sign_now(b"{}")
    assert threading.enumerate() == before


async def test_the_loop_runs_on_while_a_signature_is_made(
    merchant: PrivateKey, gate: Gate
) -> None:
    signer = RsaSigner(merchant)
    signing = asyncio.create_task(signer.sign(b"{}"))
    # Only this loop opens the gate: a signature made on it would never end.
    await gate.until_entered()
    assert not signing.done()
    gate.open.set()
    await RsaVerifier(merchant.public_key).verify(b"{}", await signing)
    assert gate.threads != [threading.current_thread()]
    await signer.aclose()


async def test_many_signatures_share_one_thread(
    merchant: PrivateKey, gate: Gate
) -> None:
    gate.open.set()
    signer = RsaSigner(merchant)
    bodies = [b"%d" % number for number in range(50)]
    signatures = await asyncio.gather(*map(signer.sign, bodies))
    assert len(set(gate.threads)) == 1
    assert signatures == [signer.sign_now(body) for body in bodies]
    await signer.aclose()


async def test_a_cancelled_signature_leaves_the_signer_usable(
    merchant: PrivateKey, gate: Gate
) -> None:
    signer = RsaSigner(merchant)
    running = asyncio.create_task(signer.sign(b"running"))
    await gate.until_entered()
    queued = asyncio.create_task(signer.sign(b"queued"))
    await asyncio.sleep(0)
    for task in (running, queued):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    gate.open.set()
    assert await signer.sign(b"next") == spelled(merchant.sign_raw(b"next"))
    assert b"queued" not in gate.payloads
    await signer.aclose()
    assert signing_threads() == []


async def test_closing_ends_the_thread_and_can_be_repeated(
    merchant: PrivateKey,
) -> None:
    signer = RsaSigner(merchant)
    await signer.sign(b"{}")
    assert len(signing_threads()) == 1
    await asyncio.gather(signer.aclose(), signer.aclose())
    assert signing_threads() == []
    await signer.aclose()


async def test_a_signer_that_never_signed_can_be_closed(merchant: PrivateKey) -> None:
    signer = RsaSigner(merchant)
    await signer.aclose()
    await signer.aclose()
    with pytest.raises(ClientStateError):
        await signer.sign(b"{}")


async def test_a_closed_signer_says_so(merchant: PrivateKey) -> None:
    signer = RsaSigner(merchant)
    await signer.sign(b"{}")
    await signer.aclose()
    with pytest.raises(ClientStateError, match="signer is closed"):
        await signer.sign(b"{}")
    with pytest.raises(ClientStateError, match="signer is closed"):
        signer.sign_now(b"{}")
    assert signing_threads() == []


async def test_closing_lets_signatures_already_asked_for_finish(
    merchant: PrivateKey, gate: Gate
) -> None:
    signer = RsaSigner(merchant)
    signing = [asyncio.create_task(signer.sign(b"%d" % n)) for n in range(3)]
    await gate.until_entered()
    closing = asyncio.create_task(signer.aclose())
    await asyncio.sleep(0)
    with pytest.raises(ClientStateError):
        await signer.sign(b"too late")
    assert not closing.done()
    gate.open.set()
    await closing
    expected = [spelled(merchant.sign_raw(b"%d" % n)) for n in range(3)]
    assert await asyncio.gather(*signing) == expected


async def test_a_cancelled_close_can_be_taken_up_again(
    merchant: PrivateKey, gate: Gate
) -> None:
    signer = RsaSigner(merchant)
    signing = asyncio.create_task(signer.sign(b"{}"))
    await gate.until_entered()
    closing = asyncio.create_task(signer.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    gate.open.set()
    await signer.aclose()
    assert signing_threads() == []
    assert await signing == spelled(merchant.sign_raw(b"{}"))


def test_one_signer_serves_several_event_loops(merchant: PrivateKey) -> None:
    signer = RsaSigner(merchant)
    first, second = (asyncio.run(signer.sign(b"{}")) for _ in range(2))
    assert first == second == signer.sign_now(b"{}")
    asyncio.run(signer.aclose())
    assert signing_threads() == []


@pytest.mark.parametrize("copy_of", [bytearray, memoryview])
async def test_other_kinds_of_bytes_are_signed(
    copy_of: Callable[[bytes], bytes], merchant: PrivateKey
) -> None:
    signer = RsaSigner(merchant)
    expected = signer.sign_now(b"{}")
    assert signer.sign_now(copy_of(b"{}")) == expected
    assert await signer.sign(copy_of(b"{}")) == expected
    await signer.aclose()


async def test_a_buffer_changed_later_does_not_change_the_signature(
    merchant: PrivateKey, gate: Gate
) -> None:
    signer, buffer = RsaSigner(merchant), bytearray(b"asked for")
    blocking = asyncio.create_task(signer.sign(b"in front"))
    await gate.until_entered()
    signing = asyncio.create_task(signer.sign(buffer))
    await asyncio.sleep(0)
    buffer[:] = b"corrupted"
    gate.open.set()
    assert await signing == spelled(merchant.sign_raw(b"asked for"))
    await blocking
    await signer.aclose()


@pytest.mark.parametrize("payload", ["{}", {"a": 1}, None, 7])
async def test_a_payload_that_is_no_bytes_is_the_developers_mistake(
    payload: object, merchant: PrivateKey
) -> None:
    signer = RsaSigner(merchant)
    with pytest.raises(TypeError, match="a signature covers the raw body"):
        await signer.sign(payload)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=type(payload).__name__):
        signer.sign_now(payload)  # type: ignore[arg-type]
    assert signing_threads() == []


def test_a_signer_shows_its_key_by_fingerprint_alone(merchant: PrivateKey) -> None:
    assert repr(RsaSigner(merchant)) == f"RsaSigner({merchant!r})"


def test_a_signer_cannot_be_pickled(merchant: PrivateKey) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(RsaSigner(merchant))


def test_a_faulty_signature_is_an_error_that_does_not_show_it(
    merchant: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    # From a faulty RSA-CRT signature anybody can compute the private key.
    faulty = os.urandom(256)

    def sign(scheme: object, digest: object) -> bytes:
        signature = faulty
        raise ValueError(f"Fault detected in {signature.hex()}")

    monkeypatch.setattr(pkcs1_15.PKCS115_SigScheme, "sign", sign)
    with pytest.raises(PayerMaxError, match="hardware fault") as caught:
        RsaSigner(merchant, backend="pycryptodome").sign_now(b"{}")
    assert caught.value.__context__ is None
    assert not shared_pieces(rendered(caught.value), faulty)


def checking_with(check: CheckSignature) -> Callable[[object], CheckSignature]:
    return lambda _: check


def test_what_openssl_signs_is_checked_before_it_leaves(
    merchant: PrivateKey, platform: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def check(body: bytes, signature: bytes) -> bool:
        seen.append(signature)
        return False

    monkeypatch.setattr(openssl, "check_with", checking_with(check))
    with pytest.raises(PayerMaxError, match="hardware fault") as caught:
        RsaSigner(merchant, backend="cryptography").sign_now(b"{}")
    assert caught.value.__context__ is None
    assert seen == [merchant.sign_raw(b"{}")]
    assert not shared_pieces(rendered(caught.value), seen[0])


def test_a_signature_by_another_key_does_not_leave(
    merchant: PrivateKey, platform: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = platform.public_key.modulus, platform.public_key.exponent
    other = openssl.checks(*numbers)
    monkeypatch.setattr(openssl, "check_with", checking_with(other))
    with pytest.raises(PayerMaxError, match="hardware fault"):
        RsaSigner(merchant, backend="cryptography").sign_now(b"{}")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_signs_with_a_thread_of_its_own() -> None:
    # The parent's thread does not exist in the child: work given to it never ends.
    script = textwrap.dedent("""
        import asyncio, os, sys
        from payermax_async.signing import PrivateKey, RsaSigner
        signer = RsaSigner(PrivateKey.generate())
        expected = asyncio.run(signer.sign(b"{}"))

        async def in_child():
            async with asyncio.timeout(20):
                assert await signer.sign(b"{}") == expected
            await signer.aclose()

        if (child := os.fork()) == 0:
            try:
                asyncio.run(in_child())
            except BaseException as error:
                os.write(2, repr(error).encode())
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        asyncio.run(signer.aclose())
        sys.exit(os.waitstatus_to_exitcode(status))
    """)
    # From Python 3.12 on a fork beside threads warns, which is what is tested here.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
