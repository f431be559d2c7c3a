"""One inbox in SQL, whichever database keeps it."""

from __future__ import annotations

__all__: list[str] = []
