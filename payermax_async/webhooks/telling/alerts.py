"""What somebody should look at: told to a hook and to the log, and counted."""

from __future__ import annotations

import enum
import logging
from collections import Counter
from collections.abc import Callable, Mapping

import attrs

from payermax_async.clock import Clock
from payermax_async.core.cleaning import MESSAGE_LIMIT, clean_id
from payermax_async.webhooks.telling.bursts import Bursts
from payermax_async.webhooks.telling.failures import (
    Failure,
    FailureHook,
    error_name,
    failure_of,
    part_name,
    raised_by,
)

__all__ = ["Alert", "AlertHook", "AlertKind", "Tally"]

# Without a handler on purpose: in a process that set up no logging, Python then
# prints warnings and errors to stderr.
_LOG = logging.getLogger("payermax_async.webhooks")


def _clean_problem(text: str) -> str:
    # An amount in it is to be read, so no number is masked.
    return clean_id(text, MESSAGE_LIMIT)


class AlertKind(enum.StrEnum):
    """Why somebody should look."""

    MISMATCHED = "mismatched"
    """Paid with another amount or currency than the order's. Not fulfilled."""
    PARKED = "parked"
    """Genuine, but unusable; the raw bytes are in the inbox."""
    INCOMPLETE = "incomplete"
    """Genuine and kept, but without something that its type cannot do without, so that
    it comes as :class:`UnknownEvent`, to the catch-all at most."""
    NOT_OURS = "not ours"
    """Genuine, but for another merchant or app: a wrong address, or a replay."""
    GAVE_UP = "gave up"
    """A handler failed as often as it may."""
    AMBIGUOUS = "ambiguous"
    """A payment that took effect, with another amount, or another payment of its
    link: one of the two came without its number. Not fulfilled."""
    PAID_AGAIN = "paid again"
    """A link was paid by a second payment; see :class:`LinkPaidAgain`."""
    REFUNDED_FIRST = "refunded first"
    """A payment was given back as a whole before a handler came to its end with it.

    One that failed may have fulfilled it all the same, unless it shares a transaction
    with the inbox."""
    REFUND_REVERSED = "refund reversed"
    """A refund failed after it was told of as successful: the money did not go."""
    REFUND_UNCLEAR = "refund unclear"
    """A payment is handled of which a refund is known that cannot be compared, or that
    is said to have succeeded and to have failed."""
    BODY_CHANGED = "body changed"
    """Something in this process takes or changes the bodies of notifications; PayerMax
    was asked to send again. Which link it is about is not said: of such a body nothing
    is known to be PayerMax's word."""
    INBOX_FAILED = "inbox failed"
    """The inbox could not be used; PayerMax was asked to send again."""
    VERIFIER_FAILED = "verifier failed"
    """What checks signatures raised, answered or never came back; PayerMax was asked
    to send again."""
    UNCLAIMED = "unclaimed"
    """No handler wants it, though money hangs on it or a time limit runs."""


_ADVICE = {
    AlertKind.MISMATCHED: "nothing was fulfilled: compare the payment with the order; "
    "replay the entry once what is expected was mended, or give the money back",
    AlertKind.PARKED: "look at its bytes; replay the entry once they can be used",
    AlertKind.INCOMPLETE: "look at its bytes, and do by hand what it asks for",
    AlertKind.NOT_OURS: "compare the notify URL, and the numbers the verifier was "
    "given, with the dashboard",
    AlertKind.GAVE_UP: "mend what failed, then replay the entry",
    AlertKind.REFUNDED_FIRST: "no handler came to its end with it: look at the refund",
    AlertKind.AMBIGUOUS: "nothing was fulfilled: look at the payments of the link; "
    "replay the entry by force if it is another payment",
    AlertKind.PAID_AGAIN: "give one of the payments back, or deliver once more",
    AlertKind.REFUND_REVERSED: "the money is back in your PayerMax balance: take back "
    "what was booked for the refund, and refund under a new id if it is still due",
    AlertKind.REFUND_UNCLEAR: "the payment is handled: look at its refunds",
    AlertKind.BODY_CHANGED: "no notification is taken until middleware and framework "
    "keep their hands off this route; PayerMax sends again for about half a day",
    AlertKind.INBOX_FAILED: "PayerMax sends again for about half a day: have the "
    "database work by then",
    AlertKind.VERIFIER_FAILED: "no notification is taken until it works; PayerMax "
    "sends again for about half a day",
    AlertKind.UNCLAIMED: "register a handler for it, then replay the entry",
}


@attrs.frozen(kw_only=True)
class Alert:
    """Something somebody should look at. Holds no body, key, card or person."""

    kind: AlertKind
    """Why."""
    merchant_key: str = attrs.field(default="", converter=clean_id)
    """The id of the link, order or refund, where one is known."""
    number: int | None = None
    """The entry's number in the inbox, where there is one."""
    problem: str = attrs.field(default="", converter=_clean_problem)
    """What is wrong."""
    part: str = attrs.field(default="", converter=clean_id)
    """What your code calls the handler or look-up that it is about, if it is."""
    failure: Failure | None = attrs.field(default=None, repr=False)
    """Where and how it failed, if it did."""


AlertHook = Callable[[Alert], None]
"""Gets alerts, at once and on the event loop: hand over, do not wait.

Every one of an entry of the inbox; of those that are of none, which a stranger's
requests could multiply, a few a minute, as in the log."""


class Tally:
    """Counts by reason, and passes on what somebody should see."""

    def __init__(
        self,
        hook: AlertHook | None,
        *,
        clock: Clock,
        failure_hook: FailureHook | None = None,
    ) -> None:
        self._hook = hook
        self._failure_hook = failure_hook
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._bursts = Bursts()
        self._levels: dict[str, int] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each thing happened."""
        return dict(self._counts)

    def count(self, what: str, times: int = 1) -> None:
        """Something happened."""
        if times:
            self._counts[what] += times

    def alert(self, alert: Alert) -> None:
        """Somebody should look; what the hook raises reaches nobody else."""
        self.count(f"alert: {alert.kind}")
        what, problem = f"notification {alert.kind}", f": {alert.problem or '-'}"
        if alert.kind is AlertKind.UNCLAIMED:
            # Many payments must not hide the one dispute. Its types are bounded, but
            # what else it says may be as various as what comes.
            kind, until, deadline = problem.partition(": until ")
            what, problem = f"{what}{kind}", f"{until}{deadline}"
        told = self._log(
            logging.ERROR,
            what,
            "%s (entry %s, %s)%s: %s",
            problem,
            alert.number or "-",
            alert.merchant_key or "-",
            f" by {alert.part}" if alert.part else "",
            _ADVICE[alert.kind],
        )
        if self._hook is None or not (told or alert.number is not None):
            return
        error = raised_by(self._hook, alert)
        if error is not None:
            name = part_name(self._hook)
            self.failed(failure_of("the alert hook", error, name=name))

    def failed(self, failure: Failure) -> None:
        """Somebody else's code failed."""
        self._log(
            logging.WARNING,
            f"{failure.part} failed",
            ": %s (%s, entry %s, %s)%s",
            failure.error,
            failure.name or "-",
            failure.number or "-",
            failure.merchant_key or "-",
            _what_next(failure),
        )
        _LOG.debug(
            "%s failed: %s%s, raised at %s",
            failure.part,
            failure.error,
            "".join(f", from {cause}" for cause in failure.causes),
            " > ".join(failure.frames) or "an unknown place",
        )
        if self._failure_hook is None:
            return
        error = raised_by(self._failure_hook, failure)
        if error is not None:
            _LOG.warning(
                "the failure hook failed: %s (%s)",
                error_name(error),
                part_name(self._failure_hook),
            )

    def warn(self, kind: str, text: str, *facts: object) -> None:
        """Somebody may want to look: a line in the log, no alert."""
        self._log(logging.WARNING, kind, text, *facts)

    def sum_up(self, *, early: bool = False) -> None:
        """Tell how many lines were held back, where their time is over."""
        for kind, more in self._bursts.over(self._clock.monotonic(), early=early):
            _LOG.log(
                self._levels[kind],
                "%s: %d more within a minute, not told one by one",
                kind,
                more,
            )

    def _log(self, level: int, kind: str, text: str, *facts: object) -> bool:
        self.sum_up()
        self._levels[kind] = level
        if not self._bursts.admit(kind, self._clock.monotonic()):
            return False
        _LOG.log(level, f"%s{text}", kind, *facts)
        return True


def _what_next(failure: Failure) -> str:
    if failure.retry_in is None:
        return ""
    attempt = "" if failure.attempt is None else f"attempt {failure.attempt}, "
    return (
        f"; {attempt}the next in {failure.retry_in:.0f} s: mend it, nothing is lost "
        "until then"
    )
