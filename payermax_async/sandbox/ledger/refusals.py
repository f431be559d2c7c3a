"""The two ways in which the ledger says no: to a merchant, and to a payer."""

from __future__ import annotations

import enum

from payermax_async.core.errors import PayerMaxError

__all__ = ["NotPayableError", "Obstacle", "RefusedError"]


class RefusedError(PayerMaxError):
    """The gateway says no: a code and a message for the merchant."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        """The gateway's code, such as ``PARAMS_INVALID``."""
        self.message = message
        """The gateway's words. Names fields and limits, never a value."""


class Obstacle(enum.Enum):
    """Why a payer cannot go on."""

    UNKNOWN = "unknown"
    """There is no such link or trade."""
    EXPIRED = "expired"
    """The link's time is up."""
    WITHDRAWN = "withdrawn"
    """The merchant ended the link."""
    PAID = "paid"
    """The link was paid already."""
    OVER = "over"
    """This trade has ended; the link may be opened again."""


class NotPayableError(PayerMaxError):
    """A payer asked for something the link no longer allows."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(f"cannot be paid: {obstacle.value}")
        self.obstacle = obstacle
        """What stands in the way."""
