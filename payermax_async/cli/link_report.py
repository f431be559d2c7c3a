"""Links as the commands show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from payermax_async.cli.console import (
    clean,
    output_console,
    plain,
    present,
    print_facts,
    print_json,
)

if TYPE_CHECKING:
    from payermax_async.core.models.links import CreatedLink, ExpiredLink, LinkDetails

__all__ = ["tell_created", "tell_expired", "tell_link"]


def tell_created(link: CreatedLink, *, as_json: bool, qr: bool) -> None:
    """Show a link that was created.

    Args:
        link: The link.
        as_json: For another program.
        qr: With its QR code.
    """
    if as_json:
        print_json(plain(link))
        return
    console = output_console()
    headline = Text("Created ", style="good")
    headline.append(clean(link.merchant_link_id), style="title")
    console.print(headline)
    print_facts(
        console,
        present(
            ("pay at", link.link_url),
            ("QR code", link.qr_code_url),
            ("status", link.link_status),
            ("expires", link.expires_at),
            ("PayerMax's id", link.link_id),
        ),
    )
    if qr:
        from payermax_async.cli.qrcode import print_code

        print_code(console, link.link_url)


def tell_link(link: LinkDetails, *, as_json: bool) -> None:
    """Show a link and its payments; ``as_json`` for another program."""
    if as_json:
        found = plain(link)
        fields = found if isinstance(found, dict) else {}
        # It follows from the payments, which a script should not have to read.
        print_json({**fields, "is_paid": link.is_paid})
        return
    console = output_console()
    headline = Text(clean(link.merchant_link_id), style="title")
    headline.append("  ")
    headline.append(*(("paid", "good") if link.is_paid else ("not paid", "care")))
    console.print(headline)
    print_facts(
        console,
        present(
            ("amount", f"{link.total_amount} {link.currency}"),
            ("status", link.link_status),
            ("pay at", link.link_url),
            ("expires", link.expires_at),
            ("description", link.description),
            ("PayerMax's id", link.link_id),
        ),
    )
    for payment in link.pay_by_link_info:
        means = [
            " ".join(
                clean(part)
                for part in (
                    detail.payment_method_type,
                    detail.card_info and detail.card_info.card_org,
                    detail.target_org,
                )
                if part
            )
            for detail in payment.payment_details
        ]
        print_facts(
            console,
            present(
                ("payment", f"{payment.out_trade_no}  {payment.status}"),
                ("paid at", payment.complete_at),
                ("paid with", ", ".join(means) or None),
            ),
        )


def tell_expired(link: ExpiredLink, *, as_json: bool) -> None:
    """Show a link that was withdrawn; ``as_json`` for another program."""
    if as_json:
        print_json(plain(link))
        return
    console = output_console()
    headline = Text("Withdrawn ", style="good")
    headline.append(clean(link.merchant_link_id), style="title")
    console.print(headline)
    print_facts(
        console,
        present(("status", link.link_status), ("ended", link.expires_at)),
    )
