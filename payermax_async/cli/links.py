"""``payermax links``: create, query and withdraw payment links."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import App, Group, Parameter

from payermax_async.cli.failures import Exit, in_options
from payermax_async.cli.link_report import tell_created, tell_expired, tell_link
from payermax_async.cli.merchant import Flag, MerchantSource, Seconds, ask
from payermax_async.core.durations import read_duration
from payermax_async.core.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    Problem,
    ValidationError,
)

if TYPE_CHECKING:
    from payermax_async.client import PayerMaxClient
    from payermax_async.config import MerchantConfig
    from payermax_async.core.models.link_request import CreateLink
    from payermax_async.core.models.links import ExpiredLink

__all__ = ["app", "create", "expire", "query"]

app: App = App(name="links", help="Create, query and withdraw payment links.")

_LINK = Group("Link", sort_key=1)
_SHOWN = Group("Buyer's page", help="Defaults come from the settings.", sort_key=2)

_OPTIONS = {
    "merchant_link_id": "--id",
    "total_amount": "--amount",
    "currency": "--currency",
    "country": "--country",
    "description": "--description",
    "user_info.user_id": "--user-id",
    "user_info.username": "--user-name",
    "expires_in": "--expires-in",
    "notify_url": "--notify-url",
    "language": "--language",
    "link_description": "--note",
    "merchant_info.contact_email": "--contact-email",
    "merchant_info.logo_url": "--logo-url",
    "goods_details[0].show_url": "--show-url",
}
"""How the fields of a request are called on the command line."""

_Json = Annotated[bool, Flag, Parameter(name="--json")]


@Parameter(name="*", group=_SHOWN)
@attrs.frozen(kw_only=True)
class Appearance:
    """What may be left to the settings."""

    notify_url: Annotated[
        str | None, Parameter(help="Where PayerMax posts that the link was paid.")
    ] = None
    """Where the notification goes."""
    contact_email: Annotated[
        str | None, Parameter(help="Where the buyer can write to.")
    ] = None
    """The merchant's address."""
    logo_url: Annotated[str | None, Parameter(help="Your logo.")] = None
    """Picture of the merchant."""
    show_url: Annotated[
        str | None, Parameter(help="Page or picture of what is sold.")
    ] = None
    """Page or picture of the goods."""
    language: Annotated[str | None, Parameter(help="Language, such as en.")] = None
    """Language of the page."""

    def over(self, config: MerchantConfig) -> MerchantConfig:
        """The configuration with what was given here in place of its own."""
        given = {
            name: value
            for name in attrs.fields_dict(Appearance)
            if (value := getattr(self, name)) is not None
        }
        # Over the settings' defaults: the client checks both in one way.
        return attrs.evolve(config, defaults=attrs.evolve(config.defaults, **given))


@app.command
def create(
    *,
    link_id: Annotated[str, Parameter(name="--id", group=_LINK)],
    amount: Annotated[str, Parameter(group=_LINK)],
    currency: Annotated[str, Parameter(group=_LINK)],
    country: Annotated[str, Parameter(group=_LINK)],
    description: Annotated[str, Parameter(group=_LINK)],
    user_id: Annotated[str, Parameter(group=_LINK)],
    user_name: Annotated[str | None, Parameter(group=_LINK)] = None,
    expires_in: Annotated[str | None, Parameter(group=_LINK)] = None,
    note: Annotated[str | None, Parameter(group=_LINK)] = None,
    appearance: Appearance | None = None,
    qr: Annotated[bool, Flag] = False,
    as_json: _Json = False,
    timeout: Seconds = 60.0,
    source: MerchantSource | None = None,
) -> int:
    """Create a payment link, once, whatever happens on the way.

    When no answer came, PayerMax is asked whether the link exists before anything
    is sent again.

    Args:
        link_id: Your own id of the link, never used twice.
        amount: What is to be paid, in major units, such as 19.90.
        currency: ISO 4217 code, such as USD.
        country: The buyer's country as an ISO 3166-1 code, such as US.
        description: What the buyer reads.
        user_id: The buyer's id at your shop, one for each person.
        user_name: The buyer's name.
        expires_in: How long it can be paid, 1h to 30d; 24h when left out.
        note: A note for yourself, repeated in notifications.
        appearance: What may be left to the settings.
        qr: Draw the QR code of the link.
        as_json: Print JSON for another program.
        timeout: Seconds for the whole call.
        source: Where the merchant's settings are.
    """
    from payermax_async.core.models.link_parts import UserInfo

    try:
        request = _request(
            expires_in,
            merchant_link_id=link_id,
            total_amount=amount,
            currency=currency,
            country=country,
            description=description,
            user_info=UserInfo(user_id=user_id, username=user_name),
            link_description=note,
        )
        config = (source or MerchantSource()).read()
        # After the request: what is wrong with it is told without any settings.
        config = (appearance or Appearance()).over(config)
        ask(
            config,
            timeout,
            lambda client: client.create_link(request),
            lambda link: tell_created(link, as_json=as_json, qr=qr),
        )
    except ValidationError as error:
        raise in_options(error, _OPTIONS) from None
    # The second Ctrl-C: whoever is in a hurry shall still learn what may be.
    except KeyboardInterrupt:
        raise OutcomeUnknownError(
            "interrupted before PayerMax answered",
            operation="createPaybylink",
            merchant_key=link_id,
        ) from None
    return Exit.DONE


def _request(expires_in: str | None, **fields: object) -> CreateLink:
    """The request; a span that cannot be read is one problem among the others.

    Raises:
        ValidationError: With every problem at once.
    """
    from typing import Any, cast

    from payermax_async.core.models.link_request import CreateLink

    problems: tuple[Problem, ...] = ()
    valid_for = None
    try:
        valid_for = None if expires_in is None else read_duration(expires_in)
    except ConfigurationError as error:
        # One among the others: all that is wrong is told in one go.
        problems = (Problem("expires_in", str(error)),)
    try:
        request = CreateLink(expires_in=valid_for, **cast("dict[str, Any]", fields))
    except ValidationError as error:
        problems = (*error.problems, *problems)
    else:
        if not problems:
            return request
    raise ValidationError(problems, subject="CreateLink")


@app.command
def query(
    link_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    as_json: _Json = False,
    timeout: Seconds = 60.0,
    source: MerchantSource | None = None,
) -> int:
    """Ask about a link: its state, and whether it was paid.

    Args:
        link_id: Your own id of the link.
        as_json: Print JSON for another program.
        timeout: Seconds for the whole call.
        source: Where the merchant's settings are.
    """
    config = (source or MerchantSource()).read()
    ask(
        config,
        timeout,
        lambda client: client.query_link(link_id),
        lambda link: tell_link(link, as_json=as_json),
    )
    return Exit.DONE


@app.command
def expire(
    link_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    book: Annotated[Path | None, Parameter(group=_LINK)] = None,
    as_json: _Json = False,
    timeout: Seconds = 60.0,
    source: MerchantSource | None = None,
) -> int:
    """Withdraw a link, so that it can no longer be paid.

    Args:
        link_id: Your own id of the link.
        book: Money book to note the withdrawal in, so that 'payermax money late' lists
            what is paid after it.
        as_json: Print JSON for another program.
        timeout: Seconds for the whole call.
        source: Where the merchant's settings are.
    """
    config = (source or MerchantSource()).read()

    async def withdraw(client: PayerMaxClient) -> ExpiredLink:
        if book is None:
            return await client.expire_link(link_id)
        from payermax_async.money import MoneyBook

        # Opened before anything is sent: what is withdrawn can be noted.
        async with MoneyBook(book) as opened:
            withdrawn = await client.expire_link(link_id)
            await opened.withdrawn(link_id)
            return withdrawn

    ask(config, timeout, withdraw, lambda link: tell_expired(link, as_json=as_json))
    return Exit.DONE
