"""A sandbox of a process of its own that keeps its state: there to be killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from payermax_async.sandbox.engine import SandboxOptions
from payermax_async.sandbox.server import SandboxServer


async def main(state: Path, notify_url: str) -> None:
    options = SandboxOptions(notify_url=notify_url, schedule=(0, 3600))
    async with SandboxServer(state=state, options=options) as server:
        sys.stdout.write(server.env_file_text() + "READY\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
