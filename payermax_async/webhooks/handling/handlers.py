"""The merchant's own code, by the event it is for."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import attrs

from payermax_async.core.errors import ConfigurationError
from payermax_async.webhooks.events.base import NotifiedEvent
from payermax_async.webhooks.telling.failures import part_name

__all__ = ["Handler", "Handlers", "Registered", "TransactionHandler"]

ConnectionT = TypeVar("ConnectionT")
EventT = TypeVar("EventT", bound=NotifiedEvent)

Handler = Callable[[EventT], Awaitable[None]]
"""Gets an event. That it returns means that the event is dealt with."""
TransactionHandler = Callable[[EventT, ConnectionT], Awaitable[None]]
"""Gets an event, and what :meth:`Inbox.work` yields for changes of its own."""


@attrs.frozen(kw_only=True)
class Registered:
    """A handler and how it wants to be called."""

    call: Callable[..., Awaitable[None]] = attrs.field(repr=False)
    """With the event, and the connection if it shares the transaction."""
    in_transaction: bool
    """Whether it shares the transaction."""

    @property
    def name(self) -> str:
        """What it is called in the merchant's code."""
        return part_name(self.call)


class Handlers(Generic[ConnectionT]):
    """Which handler gets which event; one for each kind of event.

    An event goes to the handler of its own class, or else to that of the nearest
    class above, or else to the catch-all.

    Example:
        >>> from payermax_async.webhooks import LinkPaid
        >>> handlers = Handlers()
        >>> @handlers.on(LinkPaid)
        ... async def paid(event: LinkPaid) -> None:
        ...     await shop.mark_as_paid(event.merchant_link_id)
    """

    def __init__(self) -> None:
        self._found: dict[type[NotifiedEvent], Registered] = {}

    def on(self, kind: type[EventT]) -> Callable[[Handler[EventT]], Handler[EventT]]:
        """Register a handler that runs outside of any transaction.

        It must bear being run again with the same event, with the same
        ``event.notification``: when the process dies after it returned and before
        that was noted, it is run once more.

        Raises:
            ConfigurationError: That kind has a handler, or it is no ``async def``.
        """

        def register(handler: Handler[EventT]) -> Handler[EventT]:
            self._add(kind, handler, in_transaction=False)
            return handler

        return register

    def in_transaction(
        self, kind: type[EventT]
    ) -> Callable[
        [TransactionHandler[EventT, ConnectionT]],
        TransactionHandler[EventT, ConnectionT],
    ]:
        """Register a handler whose changes are committed with the inbox's own.

        What it does with the connection happens exactly once, whenever the process
        dies. With PostgreSQL that is a connection within a transaction, with
        SQLite a :class:`SqliteChanges`; in memory there is none.

        Raises:
            ConfigurationError: That kind has a handler, or it is no ``async def``.
        """

        def register(
            handler: TransactionHandler[EventT, ConnectionT],
        ) -> TransactionHandler[EventT, ConnectionT]:
            self._add(kind, handler, in_transaction=True)
            return handler

        return register

    def otherwise(self, handler: Handler[NotifiedEvent]) -> Handler[NotifiedEvent]:
        """Register the catch-all: it gets every event that no other handler gets.

        Raises:
            ConfigurationError: There is one already, or it is no ``async def``.
        """
        self._add(NotifiedEvent, handler, in_transaction=False)
        return handler

    def find(self, event: NotifiedEvent) -> Registered | None:
        """The handler for an event."""
        for kind in type(event).__mro__:
            if kind in self._found:
                return self._found[kind]
        return None

    def _add(
        self,
        kind: type[NotifiedEvent],
        # What a handler takes is checked where it is registered.
        handler: Callable[..., Any],
        *,
        in_transaction: bool,
    ) -> None:
        called = getattr(handler, "__call__", None)  # noqa: B004 - its coroutine
        if not (
            inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(called)
        ):
            raise ConfigurationError(
                f"the handler for {kind.__name__} must be an 'async def'"
            )
        if kind in self._found:
            raise ConfigurationError(
                f"{kind.__name__} has a handler: let one handler do all of it, so "
                "that it is done as a whole or tried again as a whole"
            )
        self._found[kind] = Registered(call=handler, in_transaction=in_transaction)
