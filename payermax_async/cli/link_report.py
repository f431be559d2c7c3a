"""Links as the commands show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from payermax_async.cli.console import clean, output_console, present, print_facts, tell

if TYPE_CHECKING:
    from payermax_async.core.models.links import (
        CreatedLink,
        ExpiredLink,
        LinkDetails,
        LinkPayment,
    )

__all__ = ["tell_created", "tell_expired", "tell_link"]


def tell_created(link: CreatedLink, *, as_json: bool, qr: bool) -> None:
    """Show a link that was created.

    Args:
        link: The link.
        as_json: For another program.
        qr: With its QR code.
    """
    told = tell(
        link,
        ("Created ", "good"),
        (link.merchant_link_id, "title"),
        facts=(
            ("pay at", link.link_url),
            ("QR code", link.qr_code_url),
            ("status", link.link_status),
            ("expires", link.expires_at),
            ("PayerMax's id", link.link_id),
        ),
        as_json=as_json,
    )
    if told and qr:
        from payermax_async.cli.qrcode import print_code

        print_code(output_console(), link.link_url)


def tell_link(link: LinkDetails, *, as_json: bool) -> None:
    """Show a link and its payments; ``as_json`` for another program."""
    told = tell(
        link,
        (link.merchant_link_id, "title"),
        # By its payments: PayerMax says ACTIVE of links that were paid, too.
        ("  paid", "good") if link.is_paid else ("  not paid", "care"),
        facts=(
            ("amount", f"{link.total_amount} {link.currency}"),
            ("status", link.link_status),
            ("pay at", link.link_url),
            ("expires", link.expires_at),
            ("description", link.description),
            ("PayerMax's id", link.link_id),
        ),
        as_json=as_json,
        # It follows from the payments, which a script should not have to read.
        is_paid=link.is_paid,
    )
    for payment in link.pay_by_link_info if told else ():
        print_facts(
            output_console(),
            present(
                ("payment", f"{payment.out_trade_no}  {payment.status}"),
                ("paid at", payment.complete_at),
                ("paid with", _means(payment) or None),
            ),
        )


def _means(payment: LinkPayment) -> str:
    return ", ".join(
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
    )


def tell_expired(link: ExpiredLink, *, as_json: bool) -> None:
    """Show a link that was withdrawn; ``as_json`` for another program."""
    tell(
        link,
        ("Withdrawn ", "good"),
        (link.merchant_link_id, "title"),
        facts=(("status", link.link_status), ("ended", link.expires_at)),
        as_json=as_json,
    )
