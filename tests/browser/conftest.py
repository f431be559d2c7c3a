"""Keys for the whole session, as for the sandbox's own tests."""

from __future__ import annotations

from tests.sandbox.conftest import credentials

__all__ = ["credentials"]
