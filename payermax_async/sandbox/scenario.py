"""A sandbox's behaviour from a TOML file: its choices, and what goes wrong.

Example:
    .. code-block:: toml

        [sandbox]
        duplicate_links = "same"
        quirks = ["amounts-as-text", "lower-case-status"]

        [notifications]
        kinds = ["PAYBYLINK", "PAYMENT", "REFUND"]

        [[fault]]
        kind = "done-no-answer"
        operation = "createPaybylink"
        link = "order-*"
        call = 2

        [[fault]]
        kind = "busy"
        probability = 0.1
        seed = 7
        status = 503
        retry_after = 3
"""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import attrs

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.quoting import shown
from payermax_async.files import read_file
from payermax_async.sandbox.engine import SandboxOptions
from payermax_async.sandbox.faults.rules import FaultRule, read_fault
from payermax_async.sandbox.gateway.merchants import (
    TOKEN_HEADERS,
    GatewayPolicy,
    SandboxAccount,
)
from payermax_async.sandbox.ledger.policy import Duplicates, LedgerPolicy
from payermax_async.sandbox.ledger.quirks import Quirk
from payermax_async.sandbox.notifications.notices import NoticeKind
from payermax_async.signing.keys import PublicKey

__all__ = ["LEDGER_FLAGS", "load_scenario", "read_scenario"]

ChoiceT = TypeVar("ChoiceT", bound=enum.Enum)
ItemT = TypeVar("ItemT")
_MAX_FILE = 1024 * 1024
_MOST = 1e9  # seconds; comparing takes infinity, nan and any whole number as they are
# Not SECOND: a refund that is made twice is money lost, whatever the scenario.
_REFUND_CHOICES = (Duplicates.REPEAT, Duplicates.SAME)
LEDGER_FLAGS = (
    "check_sum",
    "clamp_expiry",
    "expires_when_paid",
    "fold_ids",
    "known_codes",
    "outcome_from_description",
    "plain_ids",
    "refuse_ended_expiry",
    "refuse_zero_decimals",
)
"""Choices of the ledger that are yes or no."""
_WAIVABLE = frozenset({"merchantInfo", "notifyUrl"})


def load_scenario(file: Path, options: SandboxOptions | None = None) -> SandboxOptions:
    """The options that a file describes.

    Args:
        file: A TOML file; see the top of this module.
        options: What to start from.

    Raises:
        ConfigurationError: It cannot be read, or something in it makes no sense:
            every problem is told, with its table.
    """
    name = shown(file)
    content = read_file(file, _MAX_FILE)
    if isinstance(content, str):
        raise ConfigurationError(f"the scenario {name} cannot be read: {content}")
    try:
        # Editors on Windows start a file with a byte order mark.
        return read_scenario(content.decode("utf-8-sig"), options)
    except UnicodeDecodeError:
        raise ConfigurationError(f"the scenario {name} is not UTF-8") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"the scenario {name}: {error}") from None


def read_scenario(text: str, options: SandboxOptions | None = None) -> SandboxOptions:
    """The options that TOML text describes; see :func:`load_scenario`."""
    try:
        # Every problem is collected before any is told: a file is mended in one go.
        found: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"is no TOML: {error}") from None
    except RecursionError:
        raise ConfigurationError("is nested too deeply") from None
    except ValueError:
        raise ConfigurationError("holds a number that is too long") from None
    problems = [
        f"[{name}] is no table of a scenario"
        for name in found
        if name not in {"sandbox", "notifications", "fault", "merchant"}
    ]
    sandbox = _Table(found.get("sandbox", {}), "[sandbox]", problems)
    notifications = _Table(found.get("notifications", {}), "[notifications]", problems)
    rules = _read_faults(found.get("fault", []), problems)
    accounts = _read_accounts(found.get("merchant", []), problems)
    made = _options(sandbox, notifications, options or SandboxOptions())
    sandbox.finish()
    notifications.finish()
    if problems:
        raise ConfigurationError("; ".join(problems))
    return attrs.evolve(
        made,
        faults=(*made.faults, *rules),
        accounts=(*made.accounts, *accounts),
    )


def _read_accounts(tables: object, problems: list[str]) -> list[SandboxAccount]:
    if not isinstance(tables, list):
        problems.append("[merchant] must be written [[merchant]]: there may be several")
        return []
    accounts: list[SandboxAccount] = []
    for number, values in enumerate(cast("list[object]", tables), start=1):
        place = f"[[merchant]] number {number}"
        table = _Table(values, place, problems)
        merchant_no = table.text("merchant_no", None)
        key, text = None, table.text("public_key", None)
        if merchant_no is None:
            problems.append(f"{place}: merchant_no is missing")
        if text is not None:
            try:
                key = PublicKey.load(text)
            except ConfigurationError as error:
                problems.append(f"{place}: public_key: {error}")
        accounts.append(
            SandboxAccount(
                merchant_no=merchant_no or "",
                app_id=table.text("app_id", None),
                public_key=key,
                sp_merchant_no=table.text("sp_merchant_no", None),
                auth_token=table.text("auth_token", None),
                notify_url=table.text("notify_url", None),
            )
        )
        table.finish()
    return accounts


def _read_faults(tables: object, problems: list[str]) -> list[FaultRule]:
    if not isinstance(tables, list):
        problems.append("[fault] must be written [[fault]]: there may be several")
        return []
    rules: list[FaultRule] = []
    for number, table in enumerate(cast("list[object]", tables), start=1):
        place = f"[[fault]] number {number}"
        if not isinstance(table, dict):
            problems.append(f"{place} is no table")
            continue
        rule, wrong = read_fault(cast("dict[str, object]", table))
        problems.extend(f"{place}: {problem}" for problem in wrong)
        if rule is not None:
            rules.append(rule)
    return rules


def _options(
    sandbox: _Table, notifications: _Table, options: SandboxOptions
) -> SandboxOptions:
    ledger: LedgerPolicy = options.ledger
    gateway: GatewayPolicy = options.gateway
    ledger = attrs.evolve(
        ledger,
        duplicate_links=sandbox.choice("duplicate_links", ledger.duplicate_links),
        duplicate_refunds=sandbox.choice(
            "duplicate_refunds", ledger.duplicate_refunds, _REFUND_CHOICES
        ),
        waived=sandbox.words("waived", ledger.waived, _WAIVABLE),
        quirks=sandbox.choices("quirks", Quirk, ledger.quirks),
        refuse_paid_expiry=sandbox.flag(
            "refuse_paid_expiry", ledger.refuse_paid_expiry
        ),
        trade_seconds=int(sandbox.number("trade_seconds", ledger.trade_seconds)),
        refund_seconds=int(sandbox.number("refund_seconds", ledger.refund_seconds)),
        refund_days=int(sandbox.number("refund_days", ledger.refund_days)),
    )
    flags: dict[str, Any] = {
        name: sandbox.flag(name, getattr(ledger, name)) for name in LEDGER_FLAGS
    }
    ledger = attrs.evolve(ledger, **flags)
    gateway = attrs.evolve(
        gateway,
        sign_failures=sandbox.flag("sign_failures", gateway.sign_failures),
        window=sandbox.number("window", gateway.window),
        token_headers=sandbox.words(
            "token_headers", gateway.token_headers, frozenset(TOKEN_HEADERS)
        ),
    )
    return attrs.evolve(
        options,
        ledger=ledger,
        gateway=gateway,
        kinds=notifications.choices("kinds", NoticeKind, options.kinds),
        schedule=notifications.schedule("schedule", options.schedule),
        notify_url=notifications.text("url", options.notify_url),
        answer_seconds=notifications.number("answer_seconds", options.answer_seconds),
        allowed_hosts=notifications.words("allowed_hosts", options.allowed_hosts),
    )


class _Table:
    """A table that is read name by name and collects what is wrong with it."""

    def __init__(self, values: object, label: str, problems: list[str]) -> None:
        self._label = label
        self._problems = problems
        # What was asked for; the rest must be misspelt.
        self._read: set[str] = set()
        self._values: Mapping[str, object] = {}
        if isinstance(values, dict):
            self._values = cast("dict[str, object]", values)
        else:
            problems.append(f"{label} is no table")

    def finish(self) -> None:
        """Complain of every name that nobody asked for."""
        for name in self._values:
            if name not in self._read:
                self._wrong(f"{name} is no setting")

    def _wrong(self, words: str) -> None:
        self._problems.append(f"{self._label}: {words}")

    def _value(self, name: str) -> object:
        self._read.add(name)
        return self._values.get(name)

    def flag(self, name: str, default: bool) -> bool:
        value = self._value(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self._wrong(f"{name} must be true or false")
        return default

    def number(self, name: str, default: float) -> float:
        value = self._value(name)
        if value is None:
            return default
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and 0 < value <= _MOST
        ):
            return float(value)
        self._wrong(f"{name} must be a number above zero")
        return default

    def text(self, name: str, default: str | None) -> str | None:
        value = self._value(name)
        if value is None or (isinstance(value, str) and value):
            return value or default
        self._wrong(f"{name} must be text")
        return default

    def schedule(self, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
        value = self._value(name)
        if value is None:
            return default
        items = cast("list[object]", value) if isinstance(value, list) else []
        numbers = [
            float(item)
            for item in items
            if isinstance(item, int | float)
            and not isinstance(item, bool)
            and 0 <= item <= _MOST
        ]
        # An attempt before the one before it would never come.
        rising = numbers == sorted(numbers)
        if numbers and len(numbers) == len(items) and rising:
            return tuple(numbers)
        self._wrong(f"{name} must be seconds, from 0 on, rising")
        return default

    def words(
        self,
        name: str,
        default: frozenset[str],
        known: frozenset[str] = frozenset(),
    ) -> frozenset[str]:
        return self._set(name, default, lambda text: text, sorted(known))

    def choice(
        self, name: str, default: ChoiceT, known: tuple[ChoiceT, ...] = ()
    ) -> ChoiceT:
        value = self._value(name)
        if value is None:
            return default
        kind = type(default)
        choices = {item.value: item for item in known or tuple(kind)}
        if isinstance(value, str) and value in choices:
            return choices[value]
        self._wrong(f"{name} must be one of {', '.join(choices)}")
        return default

    def choices(
        self, name: str, kind: type[ChoiceT], default: frozenset[ChoiceT]
    ) -> frozenset[ChoiceT]:
        return self._set(name, default, kind, [item.value for item in kind])

    def _set(
        self,
        name: str,
        default: frozenset[ItemT],
        make: Callable[[str], ItemT],
        known: list[str],
    ) -> frozenset[ItemT]:
        value = self._value(name)
        if value is None:
            return default
        if not isinstance(value, list):
            self._wrong(f"{name} must be a list")
            return default
        made: set[ItemT] = set()
        for item in cast("list[object]", value):
            if isinstance(item, str) and (not known or item in known):
                made.add(make(item))
            else:
                among = f"one of {', '.join(known)}" if known else "text"
                self._wrong(f"each of {name} must be {among}")
        return frozenset(made)
