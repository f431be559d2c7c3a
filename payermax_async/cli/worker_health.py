"""What orchestrators and Prometheus ask a worker, on this machine alone."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from payermax_async.fleet import FleetWorker

__all__ = ["served_health"]


@asynccontextmanager
async def served_health(worker: FleetWorker, port: int) -> AsyncGenerator[None]:
    """``/live``, ``/ready`` and ``/metrics`` of a worker, while the block lasts.

    ``/live`` answers as long as the loop turns. ``/ready`` is 200 while the worker has
    its database and takes chunks, else 503.
    """

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"alive": True, "at": time.time()})

    async def ready(_: web.Request) -> web.Response:
        health = worker.health
        told = {
            "ready": health.ready,
            "worker": worker.name,
            "chunks": health.chunks,
            "settled": health.settled,
            "error": health.error,
        }
        return web.json_response(told, status=200 if health.ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        health = worker.health
        # By hand: four numbers of one process, in the format that everybody reads.
        lines = [
            "# TYPE payermax_worker_ready gauge",
            f"payermax_worker_ready {int(health.ready)}",
            "# TYPE payermax_worker_settled_total counter",
            f"payermax_worker_settled_total {health.settled}",
            "# TYPE payermax_worker_rows_per_second gauge",
            f"payermax_worker_rows_per_second {health.rate:.3f}",
            "# TYPE payermax_worker_chunks gauge",
            f"payermax_worker_chunks {health.chunks}",
            "",
        ]
        return web.Response(text="\n".join(lines))

    served = web.Application()
    served.add_routes(
        [
            web.get("/live", live),
            web.get("/ready", ready),
            web.get("/metrics", metrics),
        ]
    )
    runner = web.AppRunner(served, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        # For this machine alone: whoever asks needs no key.
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()
