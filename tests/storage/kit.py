"""Servers that misbehave in front of, or instead of, a real PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_READY = 60.0


def at(address: str, **changes: str | int) -> str:
    """The same address with something changed."""
    return make_conninfo(address, **changes)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def execute(address: str, *statements: str) -> list[tuple[object, ...]]:
    """Run statements; the rows of the last one."""
    async with await psycopg.AsyncConnection.connect(
        address, autocommit=True
    ) as connection:
        rows: list[tuple[object, ...]] = []
        for statement in statements:
            cursor = await connection.execute(statement.encode())
            rows = await cursor.fetchall() if cursor.description else []
        return rows


class HalfOpen:
    """Passes bytes on until it swallows those of every connection it has."""

    def __init__(self, host: str, port: int) -> None:
        self._peer = (host, port)
        self._swallowing: set[int] = set()
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.address = ("127.0.0.1", 0)
        self.swallows_what: bytes | None = None
        """From the first connection on that sends this, its bytes are swallowed."""

        self.loses_a_commit = False
        """The next COMMIT gets through, and the answer to it does not."""
        self._losing: set[int] = set()
        self.mutes_all = False
        """New connections are taken, and nothing of theirs gets through."""

    def swallow(self) -> None:
        """From now on nothing of what is open gets through; what is new does."""
        self._swallowing |= set(range(self._number))

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        number, self._number = self._number, self._number + 1
        if self.mutes_all:
            self._swallowing.add(number)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        other_reader, other_writer = await asyncio.open_connection(*self._peer)
        try:
            await asyncio.gather(
                self._pass(number, reader, other_writer),
                self._pass(number, other_reader, writer, answers=True),
            )
        finally:
            for each in (writer, other_writer):
                each.close()
            self._tasks.discard(task)

    async def _pass(
        self,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        answers: bool = False,
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2**16):
                if self.swallows_what is not None and self.swallows_what in data:
                    self._swallowing.add(number)
                    self.swallows_what = None
                if answers and number in self._losing:
                    break
                if self.loses_a_commit and b"COMMIT\0" in data:
                    self._losing.add(number)
                    self.loses_a_commit = False
                if number not in self._swallowing:
                    writer.write(data)
                    await writer.drain()
            writer.close()

    async def aclose(self) -> None:
        for task in (left := set(self._tasks)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@asynccontextmanager
async def half_open(address: str) -> AsyncGenerator[tuple[HalfOpen, str]]:
    """A proxy before a server, and the address that leads through it."""
    parts = conninfo_to_dict(address)
    proxy = HalfOpen(str(parts["host"]), int(str(parts.get("port") or 5432)))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield proxy, at(address, host="127.0.0.1", port=port)
    finally:
        server.close()
        await proxy.aclose()


@asynccontextmanager
async def pgbouncer(address: str) -> AsyncGenerator[str]:
    """A PgBouncer in transaction mode with two connections to the server."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("there is no pgbouncer")
    parts = conninfo_to_dict(address)
    port = free_port()
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={parts['host']} port={parts.get('port') or 5432} "
        f"user={parts['user']}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = any\npool_mode = transaction\n"
        f"default_pool_size = 2\nunix_socket_dir =\nlogfile = {folder}/log\n"
    )
    settings.chmod(0o644)
    as_nobody = ("-u", "nobody") if os.geteuid() == 0 else ()
    child = await asyncio.create_subprocess_exec(
        program,
        *as_nobody,
        str(settings),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _listening(port)
        yield at(address, host="127.0.0.1", port=port)
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
        shutil.rmtree(folder)


async def _listening(port: int) -> None:
    async with asyncio.timeout(_READY):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.05)


class Cluster:
    """A PostgreSQL of the test's own, to be stopped and started."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._port = free_port()
        self.address = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    async def run(self, program: str, *words: str) -> None:
        before = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
        child = await asyncio.create_subprocess_exec(
            *before,
            str(self._programs / program),
            "-D",
            str(self._folder / "data"),
            *words,
            cwd="/",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert await child.wait() == 0, program

    async def start(self) -> None:
        options = f"-p {self._port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off"
        await self.run(
            "pg_ctl", "-w", "-l", f"{self._folder}/log", "-o", options, "start"
        )

    async def stop(self) -> None:
        await self.run("pg_ctl", "-w", "-m", "immediate", "stop")


@asynccontextmanager
async def cluster() -> AsyncGenerator[Cluster]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("there is no PostgreSQL to start below /usr/lib/postgresql")
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL does not run as root, and there is no runuser")
    folder = Path(tempfile.mkdtemp())
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    made = Cluster(found[-1].parent, folder)
    try:
        await made.run("initdb", "-U", "postgres", "-A", "trust", "--no-sync")
        await made.start()
        try:
            yield made
        finally:
            await made.stop()
    finally:
        shutil.rmtree(folder)


@contextmanager
def as_user(number: int) -> Generator[None]:
    """What files allow to another user than root."""
    os.seteuid(number)
    try:
        yield
    finally:
        os.seteuid(0)
