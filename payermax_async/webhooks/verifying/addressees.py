"""For whom a notification is: PayerMax's one key signs every merchant's."""

from __future__ import annotations

from collections.abc import Collection
from typing import Self, cast

import attrs

from payermax_async.core.codec import from_wire
from payermax_async.core.errors import (
    ConfigurationError,
    WebhookError,
    WebhookReason,
)
from payermax_async.core.models.common import DECISIVE, Received
from payermax_async.core.models.notifications import Notification
from payermax_async.core.notices import notice_type
from payermax_async.core.scalars import ShapeError
from payermax_async.core.strict_json import JsonValue
from payermax_async.webhooks.verifying.parsing import merchant_within, read_outline

__all__ = ["Addressees"]


@attrs.frozen(kw_only=True)
class _Addressee(Received):
    """Read as the models read it, but never guessed."""

    merchant_no: str | None = attrs.field(default=None, metadata=DECISIVE)
    app_id: str | None = attrs.field(default=None, metadata=DECISIVE)


@attrs.frozen
class Addressees:
    """The merchants and apps whose notifications may come to one endpoint."""

    merchant_nos: frozenset[str] | None
    """All merchant numbers; ``None`` for not compared."""
    app_ids: frozenset[str] | None
    """All app ids; ``None`` for not compared."""

    @classmethod
    def of(
        cls,
        merchant_no: str | Collection[str] | None,
        app_id: str | Collection[str] | None,
    ) -> Self:
        """As they were configured.

        Raises:
            ConfigurationError: Neither is given, or one has no sensible meaning.
        """
        found = cls(_names("merchant_no", merchant_no), _names("app_id", app_id))
        if found.merchant_nos is None and found.app_ids is None:
            raise ConfigurationError(
                "give merchant_no, app_id or both: PayerMax signs every merchant's "
                "notifications, so a right signature alone does not make one yours"
            )
        return found

    def check(self, content: JsonValue) -> None:
        """Refuse what is for somebody else, or for nobody in particular.

        Raises:
            WebhookError: It is.
            ShapeError: Its merchant or app cannot be read.
        """
        named = from_wire(content, _Addressee)
        if named.merchant_no is None and named.app_id is None:
            self._check_unaddressed(content)
            return
        compared = [
            name in allowed
            for name, allowed in (
                (named.merchant_no, self.merchant_nos),
                (named.app_id, self.app_ids),
            )
            if name is not None and allowed is not None
        ]
        if not compared or not all(compared):
            raise _not_ours()

    def addressed(self, notification: Notification) -> Notification:
        """The notification with its merchant, where it names none and one is meant.

        Optional in some notifications; without it, two about one payment would
        seem to be about two.
        """
        if notification.merchant_no is not None:
            return notification
        merchant = _sole(self.merchant_nos)
        app = notification.app_id
        if app is None:
            merchant = merchant_within(notification) or merchant
            app = _sole(self.app_ids)
        return attrs.evolve(notification, merchant_no=merchant, app_id=app)

    def _check_unaddressed(self, content: JsonValue) -> None:
        """Only cases may name nobody, and only where one merchant can be meant."""
        try:
            outline = read_outline(content)
        except ShapeError:
            raise _not_ours() from None
        if not notice_type(outline.notify_type).names_nobody:
            raise _not_ours()
        merchant = merchant_within(outline)
        if merchant is not None and self.merchant_nos is not None:
            if merchant not in self.merchant_nos:
                raise _not_ours()
            return
        # Apps tell merchants apart only where no merchant number is configured.
        served = self.app_ids if self.merchant_nos is None else self.merchant_nos
        if _sole(served) is None:
            raise _not_ours(
                "the notification names neither merchant nor app, and this endpoint "
                "serves several: give each merchant an endpoint of its own"
            )


def _sole(names: frozenset[str] | None) -> str | None:
    return next(iter(names)) if names is not None and len(names) == 1 else None


def _not_ours(
    problem: str = "the notification is for another merchant or app",
) -> WebhookError:
    # Not marked as authentic: what belongs to somebody else is not kept.
    return WebhookError(problem, reason=WebhookReason.NOT_OURS, status=403)


def _names(setting: str, given: str | Collection[str] | None) -> frozenset[str] | None:
    if given is None:
        return None
    names = frozenset([given] if isinstance(given, str) else given)
    # None comes in where a setting was looked up and not found.
    found = cast("frozenset[object]", names)
    whole = all(isinstance(one, str) and one and one == one.strip() for one in found)
    if not names or not whole:
        raise ConfigurationError(
            f"{setting} is the text from PayerMax's dashboard without blanks, or "
            "several of them, or None"
        )
    return names
