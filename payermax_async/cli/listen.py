"""``payermax listen``: shows notifications as they come, and hands them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from payermax_async.cli.merchant import MerchantSource
from payermax_async.cli.ports import Port

if TYPE_CHECKING:
    from payermax_async.config import MerchantConfig

__all__ = ["listen"]

_OPTIONS = Group("Options", sort_key=3)


def listen(
    *,
    forward_to: Annotated[str | None, Parameter(group=_OPTIONS)] = None,
    port: Annotated[Port, Parameter(group=_OPTIONS)] = 0,
    allow_host: Annotated[
        list[str] | None, Parameter(group=_OPTIONS, negative=())
    ] = None,
    merchant: MerchantSource | None = None,
) -> int:
    """Receive notifications on this machine until Ctrl-C.

    Prints each one, says whether its signature is right and, if not, why. Point
    PAYERMAX_NOTIFY_URL at the address that is printed first.

    Args:
        forward_to: Address of your own handler. It gets the same bytes and headers,
            also of notifications that do not verify, and its answer goes back; so
            it must check them itself.
        port: Port to listen on; a free one when left out.
        allow_host: Name of a tunnel that leads here, such as shop.tunnel.example.
            Requests for other names than this machine's, and from pages of other
            sites, are refused.
        merchant: Whose notifications they are.
    """
    import asyncio

    from payermax_async.cli.forwarding import check_target

    config = (merchant or MerchantSource()).read()
    target = None if forward_to is None else check_target(forward_to, "--forward-to")
    return asyncio.run(_listen(config, target, port, allow_host or []))


async def _listen(
    config: MerchantConfig, target: str | None, port: int, hosts: list[str]
) -> int:
    from payermax_async.cli.console import output_console
    from payermax_async.cli.failures import Exit
    from payermax_async.cli.listener import Listener
    from payermax_async.cli.stopping import stop_signal

    console = output_console()
    with stop_signal() as stop:
        async with Listener(
            config, console, target=target, port=port, hosts=hosts
        ) as listener:
            # Once it listens: a script that reads the line may send at once.
            console.print(f"Listening at {listener.url}", soft_wrap=True)
            if target is not None:
                console.print(f"Forwarding to {target}", soft_wrap=True)
            console.print("Press Ctrl-C to stop.")
            console.file.flush()
            await stop.wait()
        console.print(f"Stopped after {listener.count} notifications.")
    return Exit.DONE
