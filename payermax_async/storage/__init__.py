"""Rows in a database: connections, limits, transactions and the tables' versions.

Whoever keeps something in SQL stands on this room, and none of it knows what is kept:

- :mod:`.sql`: steps that yield statements, one text for both databases;
- :mod:`.migrations`: numbered changes of a component's tables;
- :mod:`.deadlines`: how long the caller is going to wait;
- :mod:`.group_writer`: many small writes in one commit;
- :mod:`.lease_clock`: what leases in a file go by;
- :mod:`.sqlite` and :mod:`.postgres`: run the steps, each in one transaction.
"""

from __future__ import annotations

__all__: list[str] = []
