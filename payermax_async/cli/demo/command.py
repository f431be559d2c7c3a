"""``payermax demo``: a payment link from creation to paid, on this machine."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from payermax_async.cli.console import output_console
from payermax_async.cli.merchant import Flag
from payermax_async.cli.ports import Port

__all__ = ["demo"]


def demo(
    *,
    browse: Annotated[bool, Flag] = False,
    port: Annotated[Port, Parameter(show_default=False)] = 0,
) -> int:
    """Walk a payment link from creation to paid, on a gateway of your own.

    Starts a sandbox gateway and a webhook receiver on this machine, creates the
    link of PayerMax's published example, draws its QR code, pays it, verifies the
    notification, asks for the order and withdraws a second link. Every message
    crosses a real socket, and every signature is checked on both sides. Nothing
    leaves this machine.

    Args:
        browse: Keep running afterwards, with fresh links to pay in a browser.
        port: Port of the gateway; a free one when left out.
    """
    import asyncio

    from payermax_async.cli.demo.runner import run_demo

    return asyncio.run(run_demo(output_console(), browse=browse, port=port))
