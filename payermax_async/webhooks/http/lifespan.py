"""A receiver that runs for as long as an ASGI server does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any

__all__ = ["AsgiApp", "Message", "Receive", "RunningBeside", "Scope", "Send"]

# ASGI's own types: the values of its dictionaries differ by key, and frameworks
# write them so.
Scope = MutableMapping[str, Any]
"""What ASGI says of a connection."""
Message = MutableMapping[str, Any]
"""An event of ASGI."""
Receive = Callable[[], Awaitable[Message]]
"""Where the server's events come from."""
Send = Callable[[Message], Awaitable[None]]
"""Where the application's events go."""
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
"""Any ASGI 3 application."""

_STARTED = {"type": "lifespan.startup.complete"}
_STOPPED = {"type": "lifespan.shutdown.complete"}


class RunningBeside:
    """An application beside which a receiver runs.

    The receiver is opened before the application starts and closed after it has
    stopped. For frameworks without a lifespan of their own, such as Django.

    Args:
        receiver: Opened and closed with ``async with``.
        app: Gets everything else; its own lifespan too, if it has one. Without
            one, the lifespan is the receiver's alone.

    Example:
        >>> application = RunningBeside(receiver, get_asgi_application())
    """

    def __init__(
        self, receiver: AbstractAsyncContextManager[object], app: AsgiApp | None
    ) -> None:
        self._receiver = receiver
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the lifespan, as ASGI calls it."""
        if scope["type"] != "lifespan":
            if self._app is not None:
                await self._app(scope, receive, send)
            return
        startup = await receive()
        inner = _Inner(startup, receive, send)
        try:
            async with self._receiver:
                await self._run(inner, scope)
        except Exception as error:
            phase = "shutdown" if inner.started else "startup"
            if not inner.failed:
                problem = f"{type(error).__name__}: {error}"
                await send({"type": f"lifespan.{phase}.failed", "message": problem})
            raise
        if not inner.failed:
            await send(inner.last or _STOPPED)

    async def _run(self, inner: _Inner, scope: Scope) -> None:
        """Be in service until the server says stop."""
        if self._app is not None:
            try:
                await self._app(scope, inner.receive, inner.send)
            except Exception:
                # The specification's way to say that there is no lifespan.
                if inner.spoke:
                    raise
        if not inner.spoke:
            await inner.send(_STARTED)
            await inner.wait_for_stop()


class _Inner:
    """The lifespan as the application sees it."""

    def __init__(self, startup: Message, receive: Receive, send: Send) -> None:
        self._startup: Message | None = startup
        self._receive = receive
        self._send = send
        self._stopping = False
        self.spoke = False
        self.started = False
        self.failed = False
        self.last: Message | None = None

    async def receive(self) -> Message:
        if self._startup is not None:
            startup, self._startup = self._startup, None
            return startup
        message = await self._receive()
        self._stopping = True
        return message

    async def send(self, message: Message) -> None:
        self.spoke = True
        if message["type"].startswith("lifespan.shutdown."):
            # Told only once the receiver has stopped as well: the server ends then.
            self.last = message
            return
        self.started = message["type"] == _STARTED["type"]
        self.failed = not self.started
        await self._send(message)

    async def wait_for_stop(self) -> None:
        if not self._stopping:
            await self._receive()
