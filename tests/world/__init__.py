"""The whole product in one simulated world, one seed a run.

One event loop, one clock and one source of chance: several processes of a shop, each
with a client, a receiver with its worker, a reconciler and the parts of a hostile user;
PayerMax's side from the sandbox's own ledger and gateway; the way between them, the
notifications, and the shop's database. Whatever is drawn hangs on the seed and the
place alone, so the same seed tells the same story, byte by byte, for one minor version
of Python and one set of packages, and a fault that is left out moves no other.

Where things are:

*   ``world`` puts it together and plays it; ``settings`` says how a world differs from
    others; ``chance`` draws; ``loop`` knows whose step each one is, and lets a process
    die in place of any; ``trace`` tells the story, ``shrink`` makes it short.
*   ``deals`` is what shop and buyers do, ``process`` one process: a ``desk`` that asks
    PayerMax, a ``mailroom`` that hears from it, and further departments. A department
    is registered with ``Shop.departments``, a database with ``World.register``: it gets
    its tables from the components it is given, and fails like the others.
*   ``batch`` is the department that makes links in bulk, ``batch_agrees`` what must
    hold of it; ``line`` is a process's way to the network, which holds stamps, pauses
    and what is sent again against what the client promises, and ``resting`` whether a
    host that fails is left alone; ``abuse`` is what a shop should not do.
*   ``gateway``, ``ledger``, ``refunding`` and ``post`` are PayerMax; ``network``,
    ``ways`` and ``fates`` the way to it; ``disk`` and ``inbox`` the shop's database;
    ``parts`` what a user plugs in; ``trouble`` strikes hosts, gateway and databases.
*   ``agreement`` lists what must hold, checked after each step in which something
    happened and once all is well again: ``healing``.

What goes wrong, and where it is made to:

*   on the way: lost, late, doubled, out of order, cut short, an answer to somebody
    else, signed by a stranger or for another body, a wrong ``Date``, a page or a code
    of something in between (``ways``, carried out by ``network``); notices the same
    (``post``), and older states after newer ones (``abuse.tell_older``);
*   at PayerMax: codes that are ambiguous or that nobody knows, done and not answered
    (``ways``), questions that lag and a host that knows nothing of the other's links
    (``ledger``), no check for ids (``settings``), a dead host, throttling, a clock that
    is off, another key, questions without answers (``trouble``), refunds that fail at
    once or later (``refunding``);
*   in the database: slow, failing, half-open, an answer lost (``disk``), read-only,
    commits lost, a machine that starts anew (``trouble``), several processes on it;
*   at the host: death in place of any step (``loop.Life``), restarts, clock steps
    (``trouble``), tasks cancelled (``deals``);
*   by the user: parts that raise, hang, lie or take no notice (``parts``), an id sent
    twice at once, unasked or for another amount, refunds in parts, a withdrawal while
    somebody pays (``deals``, ``abuse``), a batch that is left (``batch``).

A seed that once failed is one of ``test_world.FAILED_ONCE``. Planted mistakes are in
``test_checks``, with what the world says of each, and some eighty more in
``python -m benchmarks.plants``, with the number of seeds that each takes.

What it cannot show, and what does:

*   real sockets, TLS and HTTP: ``tests/transport``, ``tests/faults``, and
    ``python -m benchmarks.soak``;
*   real SQL servers, their locks and poolers: ``tests/inbox``, ``tests/storage`` (the
    statements are the product's own here too, on SQLite in memory);
*   killed processes, torn files and full disks: ``tests/inbox/test_storm.py``,
    ``tests/storage``, ``tests/sandbox/test_state.py``;
*   threads and forks: ``tests/signing``;
*   other orders of callbacks that are ready at the same moment: here they run in the
    order of asyncio. A slot handed over in the moment of a cancellation is such a case:
    ``tests/pipeline/test_slots.py``.

Tried for it: ``detangle`` 0.1.0 explores the orders of ready tasks and shrinks what it
finds. It played the client's slots in 200 orders within a second, but missed a planted
loss of a slot at its hand-over; and nothing in it dies without being told, which is
what most faults here are about. ``frontrun`` 0.7.0 looks at bytecode, for threads above
all; between two awaits nothing else runs here, and three tasks over one slot did not
come to an end in 90 seconds. Hypothesis draws elsewhere: its choices would be a second
source of chance, and leaving faults out by their names shrinks well.
"""
