"""What a sandbox knows, as one value: to put back later, or to keep in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import cast

from payermax_async.clock import Clock
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.faults.injector import Faults
from payermax_async.sandbox.ledger.ledger import Ledger
from payermax_async.sandbox.ledger.repository import Repository
from payermax_async.sandbox.notifications.deliveries import Delivery, DeliveryState
from payermax_async.sandbox.notifications.notifier import Notifier
from payermax_async.sandbox.state.store import SandboxStore

__all__ = ["Snapshots", "read_repository"]

_FORMAT = 1
_BOOK = ("links", "trades", "refunds", "disputes", "papers")
_DELIVERIES = "deliveries"


def read_repository(store: SandboxStore) -> Repository:
    """The records in a file.

    Raises:
        ConfigurationError: One cannot be read.
    """
    found: dict[str, list[JsonValue]] = {kind: [] for kind in _BOOK}
    for kind, value in store.records():
        if kind in found:
            found[kind].append(value)
    return Repository.from_state({"format": 1, **found})


class Snapshots:
    """Snapshots of a sandbox's parts, and their file if there is one."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        notifier: Notifier,
        faults: Faults,
        clock: Clock,
        store: SandboxStore | None,
        forget: Callable[[], None],
    ) -> None:
        """Watch over the parts.

        Args:
            ledger: Links, trades and refunds.
            notifier: Notifications.
            faults: Faults.
            clock: Is put back too when it is a virtual one.
            store: Where changes are kept.
            forget: Drops what is not kept: the requests that came in.
        """
        self._ledger = ledger
        self._notifier = notifier
        self._faults = faults
        self._clock = clock
        self._store = store
        self._forget = forget
        self._unwritten: dict[tuple[str, str], JsonObject | None] = {}
        self._settings: dict[str, JsonValue] = {}
        # What came from the file need not be written into it again.
        ledger.repository.take_changes()

    def snapshot(self) -> JsonObject:
        """Links, trades, refunds, notifications, faults and the time."""
        return {
            "format": _FORMAT,
            "now": self._clock.now().isoformat(),
            "ledger": self._ledger.repository.to_state(),
            "deliveries": [item.to_state() for item in self._notifier.deliveries],
            "faults": self._faults.to_state(),
        }

    async def restore(self, state: Mapping[str, JsonValue]) -> None:
        """Put everything back; the requests that came in are forgotten.

        A virtual clock goes back to the time of the snapshot. Whoever waits for it
        waits as long as before.

        Raises:
            ConfigurationError: It is no snapshot; nothing was changed.
        """
        repository, deliveries, faults, now = _read(state)
        # Tried on one that is thrown away: nothing is touched before all of it can be
        # read.
        Faults().restore(faults)
        await self._notifier.halt()
        if isinstance(self._clock, VirtualClock):
            self._clock.set(now)
        self._ledger.load(repository)
        self._faults.restore(faults)
        self._forget()
        self._notifier.resume(deliveries)
        self._rewrite()

    async def reset(self) -> None:
        """Forget everything but the keys and the time."""
        await self.restore(
            {
                "format": _FORMAT,
                "now": self._clock.now().isoformat(),
                "ledger": Repository().to_state(),
                "deliveries": [],
                "faults": Faults().to_state(),
            }
        )

    # The file

    def resume(self, *, faults: bool) -> None:
        """Go on with the notifications and faults in the file.

        Args:
            faults: Whether the faults in it come back.

        Raises:
            ConfigurationError: They cannot be read.
        """
        if self._store is None:
            return
        kept = self._store.setting("faults")
        if faults and isinstance(kept, dict):
            self._faults.restore(kept)
        self._notifier.resume(
            [
                Delivery.from_state(value)
                for kind, value in self._store.records()
                if kind == _DELIVERIES
            ]
        )

    def note(self, delivery: Delivery) -> None:
        """A notification is new or has changed."""
        if self._store is None:
            return
        key = (_DELIVERIES, str(delivery.number))
        self._unwritten[key] = delivery.to_state()
        # A new one is written together with the change that it tells of.
        if delivery.attempts or delivery.state is not DeliveryState.WAITING:
            self.save()

    def dropped(self, delivery: Delivery) -> None:
        """A notification is not remembered any more."""
        if self._store is not None and delivery.state is not DeliveryState.WAITING:
            # One that waits stays in the file: it has still to be told after a restart.
            self._unwritten[_DELIVERIES, str(delivery.number)] = None

    def save(self) -> None:
        """Write what has changed, in one transaction.

        Raises:
            ConfigurationError: It cannot be written; it will be tried again.
        """
        if self._store is None:
            return
        for kind, number, value in self._ledger.repository.take_changes():
            self._unwritten[kind, number] = value
        settings = self._changed_settings()
        if not self._unwritten and not settings:
            return
        changes = [(*key, value) for key, value in self._unwritten.items()]
        self._store.write(changes, settings)
        # Only after writing: what could not be written is tried again.
        self._unwritten.clear()
        self._settings |= settings

    def _rewrite(self) -> None:
        if self._store is None:
            return
        repository = self._ledger.repository.take_changes()
        deliveries = [
            (_DELIVERIES, str(item.number), item.to_state())
            for item in self._notifier.deliveries
        ]
        self._unwritten.clear()
        settings = self._changed_settings()
        self._store.write([*repository, *deliveries], settings, afresh=True)
        self._settings |= settings

    def _changed_settings(self) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {"faults": self._faults.to_state()}
        if isinstance(self._clock, VirtualClock):
            found["now"] = self._clock.now().isoformat()
        return {
            name: value
            for name, value in found.items()
            if self._settings.get(name) != value
        }


def _read(
    state: Mapping[str, JsonValue],
) -> tuple[Repository, list[Delivery], JsonObject, datetime]:
    if state.get("format") != _FORMAT:
        raise ConfigurationError(f"this is no snapshot of format {_FORMAT}")
    try:
        repository = Repository.from_state(cast("JsonObject", state["ledger"]))
        deliveries = [
            Delivery.from_state(item)
            for item in cast("list[JsonObject]", state["deliveries"])
        ]
        now = datetime.fromisoformat(cast("str", state["now"]))
        faults = cast("JsonObject", state["faults"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ConfigurationError("the snapshot cannot be read") from None
    if now.tzinfo is None:
        raise ConfigurationError("the snapshot's time lacks its time zone")
    return repository, deliveries, faults, now
