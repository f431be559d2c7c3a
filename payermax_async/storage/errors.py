"""What a database did not do, in words that name it and hold no password."""

from __future__ import annotations

from payermax_async.core.errors import PayerMaxError

__all__ = ["StorageError"]


class StorageError(PayerMaxError):
    """The database did not do what was asked, or not in time.

    Says which file or server it was and what to do. What was asked for is not
    stored, unless the words say that it cannot be told.
    """
