"""The run of ``payermax demo``: who takes part, and when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import attrs
from rich.console import Console
from rich.text import Text

from payermax_async.cli.console import clean
from payermax_async.cli.demo.buyer import Buyer
from payermax_async.cli.demo.capture import CapturingTransport
from payermax_async.cli.demo.example import published_example
from payermax_async.cli.demo.output import DemoOutput, StepFailedError
from payermax_async.cli.demo.steps import CLOSING, STEPS, DemoRun, run_steps
from payermax_async.cli.failures import Exit
from payermax_async.cli.receiver import LoopbackReceiver
from payermax_async.cli.stopping import stop_signal
from payermax_async.client import PayerMaxClient
from payermax_async.config import MerchantConfig
from payermax_async.core.models.notifications import LinkNotification
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.rsa import RsaVerifier
from payermax_async.transport.aiohttp import AiohttpTransport
from payermax_async.transport.threads import in_own_thread
from payermax_async.webhooks import NotificationVerifier

__all__ = ["run_demo"]

_MERCHANT_NO, _APP_ID = "010213834784554", "6666c8b036a24579974497c2f9a33333"
"""Those of PayerMax's published example."""
_LANGUAGES = (("en", "English"), ("zh", "Chinese"), ("ar", "Arabic"))


async def run_demo(console: Console, *, browse: bool, port: int) -> int:
    """Start everything, take every step, close everything.

    Args:
        console: Where to tell it.
        browse: Keep running until Ctrl-C afterwards.
        port: Port of the gateway, 0 for a free one.

    Returns:
        The exit code.
    """
    started = time.monotonic()
    output = DemoOutput(console, STEPS if browse else (*STEPS, CLOSING))
    ports: list[int] = []
    try:
        async with _everybody(output, port, ports) as run:
            await run_steps(run)
            if browse:
                output.close(time.monotonic() - started)
                await _browse(console, run)
        if not browse:
            await _check_closed(output, ports)
    except StepFailedError:
        output.close(time.monotonic() - started)
        return Exit.FAILED
    if not browse:
        output.close(time.monotonic() - started)
    return Exit.DONE


async def _check_closed(output: DemoOutput, ports: list[int]) -> None:
    with output.step("Nothing may be left behind."):
        left = asyncio.all_tasks() - {asyncio.current_task()}
        output.check("no task is left running", not left)
        for port in ports:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            # Only a refusal proves it closed; a time-out would be a firewall's.
            except ConnectionRefusedError:
                closed = True
            else:
                closed = False
                writer.close()
            output.check(f"port {port} is closed", closed)


@asynccontextmanager
async def _everybody(
    output: DemoOutput, port: int, ports: list[int]
) -> AsyncGenerator[DemoRun]:
    """All who take part; ``ports`` is told which they listen on."""
    credentials = await in_own_thread(
        lambda: SandboxCredentials.generate(merchant_no=_MERCHANT_NO, app_id=_APP_ID)
    )
    async with SandboxServer(credentials=credentials, port=port) as server:
        config = MerchantConfig.from_env(server.settings)
        output.open(
            "PayerMax payment links, end to end",
            [
                f"gateway   {server.base_url}",
                f"merchant  {config.merchant_no}, with keys made just now",
                "Everything below crosses a real socket on this machine.",
            ],
        )
        async with _merchant(output, config) as run:
            # Told to the caller, who looks whether they are closed in the end.
            urls = (server.origin, run.receiver.url)
            ports.extend(urlsplit(url).port or 0 for url in urls)
            yield run


@asynccontextmanager
async def _merchant(
    output: DemoOutput, config: MerchantConfig
) -> AsyncGenerator[DemoRun]:
    capture = CapturingTransport(AiohttpTransport())
    verifier = NotificationVerifier(
        RsaVerifier(*config.platform_keys),
        merchant_no=config.merchant_no,
        app_id=config.app_id,
    )
    async with (
        LoopbackReceiver(verifier) as receiver,
        Buyer() as buyer,
        PayerMaxClient(config, transport=capture) as client,
    ):
        yield DemoRun(
            output=output,
            config=config,
            client=client,
            capture=capture,
            receiver=receiver,
            buyer=buyer,
        )


async def _browse(console: Console, run: DemoRun) -> None:
    """Keep running with links to pay, and tell what the webhook receives."""
    with stop_signal() as stop:
        console.print(Text("Cashier pages to pay in a browser", style="title"))
        for language, label in _LANGUAGES:
            request = attrs.evolve(
                published_example(run.receiver.url),
                merchant_link_id=f"browse-{language}",
                language=language,
            )
            link = await run.client.create_link(request)
            line = Text(f"  {label:<8}  ", style="quiet")
            line.append(link.link_url, style="name")
            console.print(line, soft_wrap=True)
        console.print("Press Ctrl-C to stop.", style="quiet")
        telling = asyncio.create_task(_tell_deliveries(console, run))
        try:
            await stop.wait()
        finally:
            telling.cancel()
            # Not awaited itself, which would raise its cancellation here.
            await asyncio.wait([telling])
    console.print("Stopped.", style="quiet")


async def _tell_deliveries(console: Console, run: DemoRun) -> None:

    while True:
        delivery = await run.receiver.next()
        told = delivery.notification
        if isinstance(told, LinkNotification):
            state = "paid" if told.data.is_paid else "not paid"
            words = f"{told.data.merchant_link_id} {state}"
        elif told is not None:
            words = told.notify_type
        else:
            words = f"refused: {delivery.refusal}"
        console.print(f"  notification  {clean(words)}", markup=False)
