"""Signatures made by several threads, by processes, and in an executor of one's own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from payermax_async.core.errors import ConfigurationError, PayerMaxError
from payermax_async.options import ClientOptions
from payermax_async.signing import PrivateKey, RsaSigner, in_processes
from payermax_async.signing.backends import BackendName
from payermax_async.signing.in_processes import SigningProcess
from payermax_async.signing.in_threads import InThreads, Made, OneByOne
from payermax_async.signing.places import PlaceName

from .test_verifier import spelled

posix = pytest.mark.skipif(sys.platform == "win32", reason="it is refused on Windows")

BODIES = [b'{"n":%d}' % number for number in range(40)]


@pytest.mark.parametrize("backend", ["pycryptodome", "cryptography"])
@pytest.mark.parametrize("place", ["threads", pytest.param("processes", marks=posix)])
async def test_every_body_gets_its_own_signature(
    merchant: PrivateKey, place: PlaceName, backend: BackendName
) -> None:
    signer = RsaSigner(merchant, place=place, workers=2, backend=backend)
    try:
        made = await asyncio.gather(*map(signer.sign, BODIES))
    finally:
        await signer.aclose()
    assert made == [spelled(merchant.sign_raw(body)) for body in BODIES]


async def test_several_threads_sign_at_once() -> None:
    met = threading.Barrier(3)

    def sign(body: bytes) -> str:
        met.wait(30)
        return body.decode()

    place = InThreads(lambda: OneByOne(sign), 3)
    assert await asyncio.gather(*map(place.sign, (b"1", b"2", b"3"))) == ["1", "2", "3"]
    await place.aclose()


async def test_closing_waits_for_all_that_was_asked_for() -> None:
    go_on = threading.Event()

    def sign(body: bytes) -> str:
        assert go_on.wait(30)
        return body.decode()

    place = InThreads(lambda: OneByOne(sign), 2)
    asked = [asyncio.create_task(place.sign(b"%d" % n)) for n in range(7)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(place.aclose())
    await asyncio.sleep(0)
    go_on.set()
    await closing
    assert await asyncio.gather(*asked) == [str(n) for n in range(7)]


class Batches:
    """Notes what it is given at once."""

    most = 4

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.go_on = threading.Event()
        self.ended: list[bool] = []

    def sign(self, bodies: Sequence[bytes]) -> list[Made]:
        assert self.go_on.wait(30)
        self.seen.append(len(bodies))
        if b"bad" in bodies:
            raise OSError("it broke")
        return [body.decode() for body in bodies]

    def end(self, *, here: bool) -> None:
        self.ended.append(here)


async def test_a_worker_is_given_several_at_once_and_no_one_waits_for_ever() -> None:
    worker = Batches()
    place = InThreads(lambda: worker, 1)
    asked = [asyncio.create_task(place.sign(b"%d" % n)) for n in range(9)]
    await asyncio.sleep(0)
    worker.go_on.set()
    assert await asyncio.gather(*asked) == [str(n) for n in range(9)]
    assert max(worker.seen) == 4
    with pytest.raises(OSError, match="it broke"):
        await place.sign(b"bad")
    assert await place.sign(b"good") == "good"
    await place.aclose()
    assert worker.ended == [True]


async def test_an_executor_of_ones_own_signs_and_stays_open(
    merchant: PrivateKey,
) -> None:
    with ThreadPoolExecutor(2, thread_name_prefix="mine") as mine:
        signer = RsaSigner(merchant, place=mine)
        assert await signer.sign(b"{}") == spelled(merchant.sign_raw(b"{}"))
        await signer.aclose()
        assert mine.submit(int, "7").result(30) == 7


def test_an_option_for_each() -> None:
    with ThreadPoolExecutor(1) as mine:
        assert ClientOptions(sign_in=mine).sign_in is mine
    assert ClientOptions(sign_in="processes", sign_workers=2).sign_workers == 2
    with pytest.raises(ConfigurationError, match="sign_workers must be at least 1"):
        ClientOptions(sign_workers=0)


def test_a_place_that_is_none(merchant: PrivateKey) -> None:
    with pytest.raises(ConfigurationError, match="thread, threads, processes, loop"):
        RsaSigner(merchant, place=cast("Any", "moon"))
    with pytest.raises(ConfigurationError, match="at least 1"):
        RsaSigner(merchant, place="threads", workers=0)


def test_processes_are_refused_where_they_cannot_be(
    merchant: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(ConfigurationError, match='take "threads"'):
        RsaSigner(merchant, place="processes")


# --- processes -------------------------------------------------------------------


def child_of(process: SigningProcess) -> subprocess.Popen[bytes]:
    child = process._child  # pyright: ignore[reportPrivateUsage]
    assert child is not None
    return child.process


@posix
def test_a_process_that_is_killed_is_replaced(merchant: PrivateKey) -> None:
    process = SigningProcess(merchant, "pycryptodome")
    try:
        assert process.sign([b"1"]) == [spelled(merchant.sign_raw(b"1"))]
        first = child_of(process)
        first.kill()
        first.wait()
        assert process.sign([b"2"]) == [spelled(merchant.sign_raw(b"2"))]
        assert child_of(process).pid != first.pid
    finally:
        process.end(here=True)


@posix
def test_a_process_that_hangs_is_replaced(
    merchant: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = SigningProcess(merchant, "pycryptodome")
    try:
        process.sign([b"1"])
        first = child_of(process)
        os.kill(first.pid, signal.SIGSTOP)
        monkeypatch.setattr(in_processes, "_SIGN_LIMIT", 0.05)
        # Only the first one is to be given so little.
        genuine = SigningProcess._start  # pyright: ignore[reportPrivateUsage]

        def start(self: SigningProcess) -> object:
            monkeypatch.setattr(in_processes, "_SIGN_LIMIT", 30.0)
            return genuine(self)

        monkeypatch.setattr(SigningProcess, "_start", start)
        assert process.sign([b"2"]) == [spelled(merchant.sign_raw(b"2"))]
        assert first.returncode == -signal.SIGKILL
    finally:
        process.end(here=True)


@posix
async def test_a_process_that_cannot_start_fails_each_call_and_no_more(
    merchant: PrivateKey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    no_python = tmp_path / "python"
    no_python.write_text("#!/bin/sh\nexit 7\n")
    no_python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(no_python))
    signer = RsaSigner(merchant, place="processes", workers=1)
    for _ in range(2):
        with pytest.raises(PayerMaxError, match="nothing was sent") as caught:
            await signer.sign(b"{}")
        assert merchant.to_base64()[:40] not in str(caught.value)
    await signer.aclose()


@posix
def test_a_faulty_signature_is_none(
    merchant: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    patched = in_processes._COMMAND.replace(  # pyright: ignore[reportPrivateUsage]
        "from payermax_async.signing.in_processes",
        "from payermax_async.signing.keys import PrivateKey as K; "
        "K.sign_raw = lambda self, body: int('no'); "
        "from payermax_async.signing.in_processes",
    )
    monkeypatch.setattr(in_processes, "_COMMAND", patched)
    process = SigningProcess(merchant, "pycryptodome")
    try:
        (made,) = process.sign([b"{}"])
    finally:
        process.end(here=True)
    assert isinstance(made, PayerMaxError)
    assert "failed its own check" in str(made)


@posix
def test_the_key_is_in_no_argument_environment_or_file(merchant: PrivateKey) -> None:
    process = SigningProcess(merchant, "pycryptodome")
    try:
        process.sign([b"1"])
        folder = Path("/proc") / str(child_of(process).pid)
        if not folder.is_dir():
            pytest.skip("only Linux shows what a process was started with")
        seen = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        for start in (0, 60, 300):
            assert merchant.to_base64()[start : start + 30].encode() not in seen
        # Beside the standard ones, which are the test's own.
        opened = {
            str(one.readlink()).partition(":")[0]
            for one in (folder / "fd").iterdir()
            if int(one.name) > 2
        }
        assert opened == {"pipe"}
    finally:
        process.end(here=True)


_LEFT_BEHIND = """
    import sys
    from payermax_async.signing import PrivateKey, in_processes

    process = in_processes.SigningProcess(PrivateKey.load(sys.stdin.read()), "auto")
    process.sign([b"1"])
    print(process._child.process.pid, flush=True)
    sys.stdin.close()
    import time
    time.sleep(60)
"""


@posix
def test_no_process_outlives_the_one_that_started_it(merchant: PrivateKey) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_LEFT_BEHIND)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stderr is not None
        parent.stdin.write(merchant.to_base64())
        parent.stdin.close()
        signing = int(parent.stdout.readline())
        # What everybody on the terminal is told does not end it: its pipe does.
        os.kill(signing, signal.SIGTERM)
        os.kill(signing, 0)
        parent.kill()
        # Its standard error is the parent's: at an end only when both are.
        assert parent.stderr.read() == ""


@posix
def test_a_script_without_a_guard_is_not_run_again(
    merchant: PrivateKey, tmp_path: Path
) -> None:
    script = tmp_path / "shop.py"
    script.write_text(
        "import asyncio, sys\n"
        "from payermax_async.signing import PrivateKey, RsaSigner\n"
        "print('once', flush=True)\n"
        "async def main():\n"
        "    key = PrivateKey.load(sys.stdin.read())\n"
        "    signer = RsaSigner(key, place='processes', workers=1)\n"
        "    print(len(await signer.sign(b'{}')), flush=True)\n"
        "    await signer.aclose()\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        input=merchant.to_base64(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("once\n344\n", "")


@posix
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_forked_process_signs_with_processes_of_its_own(
    merchant: PrivateKey,
) -> None:
    signer = RsaSigner(merchant, place="processes", workers=1)
    expected = spelled(merchant.sign_raw(b"{}"))

    async def sign() -> bool:
        return await signer.sign(b"{}") == expected

    assert asyncio.run(sign())
    child = os.fork()
    if child == 0:
        code = 1
        try:

            async def here() -> bool:
                made = await sign()
                await signer.aclose()
                return made

            code = 0 if asyncio.run(here()) else 1
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    # The one of this process is as it was.
    assert asyncio.run(sign())
    asyncio.run(signer.aclose())
