"""``payermax trigger``: posts a signed notification, as the sandbox would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from payermax_async.cli.merchant import MerchantSource
from payermax_async.cli.sandbox import PLATFORM_KEY

if TYPE_CHECKING:
    from payermax_async.config import MerchantConfig
    from payermax_async.signing.keys import PrivateKey
    from payermax_async.webhooks.samples import FieldValue, SignedNotification

__all__ = ["trigger"]

_TRADE = "out_trade_no"
_LOOK = 3.0
"""Seconds that a sandbox gets to tell of a link."""
_OPTIONS = Group("Options", sort_key=3)
_CONTENT = Group("Content", help="What is left out is made up.", sort_key=2)

Event = Literal[
    "PAYBYLINK",
    "PAYMENT",
    "REFUND",
    "CAPTURE",
    "CANCEL",
    "DISPUTE",
    "CHARGEBACK",
    "COMPLAINT",
    "CUSTOMER_COMPLAINT",
    "FRAUD",
    "FRAUD_CASE",
    "RFI",
    "TOKENIZATION",
    "SUBSCRIPTION",
    "SUBSCRIPTION_PAYMENT",
    "PAYOUT",
    "DEPOSIT",
    "EXCHANGE",
    "WITHDRAW",
    "TRANSFER",
    "RECEIVE",
    "REPAYMENT_RECEIPT",
]
"""Every type that has a model, with an underscore for a blank."""


def trigger(
    event: Annotated[Event, Parameter(negative=())],
    /,
    *,
    to: Annotated[str, Parameter(group=_OPTIONS)],
    number: Annotated[str | None, Parameter(name="--id", group=_CONTENT)] = None,
    amount: Annotated[str | None, Parameter(group=_CONTENT)] = None,
    currency: Annotated[str | None, Parameter(group=_CONTENT)] = None,
    status: Annotated[str | None, Parameter(group=_CONTENT)] = None,
    trade: Annotated[str | None, Parameter(group=_CONTENT)] = None,
    deadline: Annotated[str | None, Parameter(group=_CONTENT)] = None,
    key: Annotated[Path | None, Parameter(group=_OPTIONS)] = None,
    merchant: MerchantSource | None = None,
) -> int:
    """Post one signed notification to your handler and show its answer.

    It is signed with the platform key of 'payermax sandbox'. Exits with 0 only when
    the handler acknowledges it as PayerMax wants it.

    Args:
        event: PAYBYLINK (a link was paid), PAYMENT (an order ended), REFUND, DISPUTE,
            FRAUD, RFI (PayerMax asks for information), or any other type.
        to: Address of your handler.
        number: The id it is about: of the link, the order, the refund, the case. A
            running sandbox is asked what its link asks for.
        amount: Amount, such as 19.90.
        currency: ISO 4217 code, such as USD.
        status: Such as SUCCESS, FAILED, REFUND_SUCCESS, DISPUTE_END.
        trade: Number of the payment of a link; a new one each time when left out, as
            the same twice is a repetition, which handlers rightly ignore.
        deadline: Until when it has to be answered, as text, if it has to be.
        key: File with the private key to sign with, in place of the variable
            PAYERMAX_SANDBOX_PLATFORM_KEY, which 'payermax sandbox' prints.
        merchant: Whom the notification is for.
    """
    import asyncio

    from payermax_async.cli.forwarding import check_target
    from payermax_async.webhooks.samples import to_merchant

    source = merchant or MerchantSource()
    config = source.read()
    target = check_target(to, "--to")
    if event == "PAYBYLINK" and number and amount is None and currency is None:
        amount, currency = asyncio.run(_asked_for(config, number))
    fields = _fields(event, number, amount, currency, status, deadline)
    fields |= _payment(event, trade, fields)
    # From the settings, or the handler would refuse it as another merchant's.
    fields |= to_merchant(event, config.merchant_no, config.app_id)
    signed = _sign(event, _key(key, source), fields)
    about = " ".join(word for word in (number, amount, currency, status) if word)
    return asyncio.run(_post(target, signed, f"{event} {about}".rstrip()))


async def _asked_for(
    config: MerchantConfig, number: str
) -> tuple[str | None, str | None]:
    """Amount and currency of a link of a sandbox; none where it cannot be found."""
    from payermax_async.cli.console import clean, error_console
    from payermax_async.client import PayerMaxClient
    from payermax_async.core.addresses import is_own_machine
    from payermax_async.core.errors import PayerMaxError

    # Nobody is asked about it elsewhere: a real link is told of by PayerMax alone.
    if not is_own_machine(config.environment.base_url):
        return None, None
    try:
        async with PayerMaxClient(config) as client:
            link = await client.query_link(number, timeout=_LOOK)
    except PayerMaxError:
        error_console().print(
            f"The sandbox does not tell of a link {clean(number)}: amount and currency "
            "are made up. Give --amount and --currency.",
            style="care",
            soft_wrap=True,
        )
        return None, None
    return f"{link.total_amount:f}", link.currency


def _key(file: Path | None, source: MerchantSource) -> PrivateKey:
    from payermax_async.core.errors import ConfigurationError
    from payermax_async.signing.keys import PrivateKey

    if file is not None:
        return PrivateKey.from_file(file)
    try:
        # Never the merchant's own key: PayerMax does not sign with that.
        return PrivateKey.from_env(PLATFORM_KEY, source.variables())
    except ConfigurationError as error:
        error.add_note("'payermax sandbox' prints it. Or name a file with --key.")
        raise


def _fields(
    event: Event,
    number: str | None,
    amount: str | None,
    currency: str | None,
    status: str | None,
    deadline: str | None,
) -> dict[str, FieldValue]:
    from payermax_async.core.errors import ConfigurationError
    from payermax_async.core.money import parse_amount
    from payermax_async.core.notices import notice_type
    from payermax_async.webhooks.samples import is_sent_as_number

    row = notice_type(event)
    given: list[tuple[str, str, FieldValue]] = [
        ("--id", row.id_field, number),
        ("--currency", row.currency_field, currency),
        # Of a link that of its one payment.
        ("--status", "status" if row.sample_part else row.status_field, status),
        ("--deadline", row.deadline_field, deadline),
    ]
    if amount is not None:
        try:
            exact = parse_amount(amount)
        except ValueError:
            raise ConfigurationError("--amount must be such as 19.90") from None
        # Text or number, as PayerMax writes it.
        as_number = is_sent_as_number(event, row.amount_field)
        given.append(("--amount", row.amount_field, exact if as_number else amount))
    fields: dict[str, FieldValue] = {}
    for option, name, value in given:
        if value is None:
            continue
        if not name:
            raise ConfigurationError(f"{event} has no {option.removeprefix('--')}")
        fields[name.replace(".", "__")] = value
    return fields


def _payment(
    event: Event, trade: str | None, fields: dict[str, FieldValue]
) -> dict[str, FieldValue]:
    """The number of the payment that it is about, where it is about one.

    Raises:
        ConfigurationError: It is about none besides its own id.
    """
    import secrets

    from payermax_async.core.errors import ConfigurationError
    from payermax_async.core.notices import notice_type

    row = notice_type(event)
    if trade is not None and not row.sample_part:
        raise ConfigurationError(f"{event} has no trade besides its --id")
    if _TRADE in fields or not (row.sample_part or row.id_field == _TRADE):
        return {}
    return {_TRADE: trade or f"T{secrets.token_hex(10)}"}


def _sign(
    event: Event, key: PrivateKey, fields: dict[str, FieldValue]
) -> SignedNotification:
    from payermax_async.webhooks.samples import sign_notification

    # The fields are checked there by their names, which types cannot say.
    make: Callable[..., SignedNotification] = sign_notification
    return make(key, event, **fields)


async def _post(target: str, notification: SignedNotification, what: str) -> int:
    from payermax_async.cli.console import output_console, print_facts
    from payermax_async.cli.failures import Exit
    from payermax_async.cli.forwarding import new_session, post_on
    from payermax_async.sandbox.notifications.notices import is_acknowledged

    async with new_session() as session:
        answer = await post_on(
            session, target, tuple(notification.headers.items()), notification.body
        )
    console = output_console()
    # The sandbox's own rule, so that both say the same of a handler.
    good = is_acknowledged(answer.status, answer.body)
    console.print("acknowledged" if good else "NOT ACKNOWLEDGED")
    facts = [
        ("posted", what),
        ("posted to", target),
        ("status", str(answer.status)),
        ("answer", answer.body[:400].decode("utf-8", "replace")),
    ]
    print_facts(console, facts)
    if good:
        # Which it answers before it acts: else PayerMax would wait for it.
        console.print(
            "  Your handler has it. Whether it was handled, 'payermax inbox list' "
            "tells of an inbox.",
            soft_wrap=True,
        )
    else:
        console.print(
            '  PayerMax wants HTTP 200 and {"code":"SUCCESS","msg":"Success"}.'
        )
    return Exit.DONE if good else Exit.FAILED
