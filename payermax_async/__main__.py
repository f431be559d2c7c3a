"""``python -m payermax_async``: the ``payermax`` command."""

from __future__ import annotations

import sys

from payermax_async.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
