"""What PayerMax's pages leave open, each with the switch that plays it either way."""

from __future__ import annotations

import attrs

__all__ = ["SWITCHES", "Switch"]


@attrs.frozen(kw_only=True)
class Switch:
    """One open question."""

    question: str
    """What nobody outside PayerMax knows."""
    table: str
    """The table of a scenario that holds it: ``sandbox`` or ``notifications``."""
    name: str
    """The setting."""
    values: tuple[str, ...]
    """What it may be, as it is written in TOML; the first one is the usual."""

    @property
    def setting(self) -> str:
        """Where it is written, such as ``[sandbox] check_sum``."""
        return f"[{self.table}] {self.name}"


_NO_YES = ("false", "true")
_USUAL = (
    '"PAYBYLINK", "REFUND", "DISPUTE", "CHARGEBACK", "CUSTOMER COMPLAINT", "FRAUD", '
    '"RFI", "CAPTURE", "CANCEL"'
)

SWITCHES: tuple[Switch, ...] = (
    Switch(
        question="Are refusals signed?",
        table="sandbox",
        name="sign_failures",
        values=("true", "false"),
    ),
    Switch(
        question="What answers a merchantLinkId that was used before?",
        table="sandbox",
        name="duplicate_links",
        values=('"repeat"', '"same"', '"second"'),
    ),
    Switch(
        question="What answers an outRefundNo that was used before?",
        table="sandbox",
        name="duplicate_refunds",
        values=('"repeat"', '"same"'),
    ),
    Switch(
        question="Can a paid link be withdrawn?",
        table="sandbox",
        name="refuse_paid_expiry",
        values=("true", "false"),
    ),
    Switch(
        question="Is withdrawing a link that is over refused?",
        table="sandbox",
        name="refuse_ended_expiry",
        values=_NO_YES,
    ),
    Switch(
        question="Is linkStatus of a paid link EXPIRED?",
        table="sandbox",
        name="expires_when_paid",
        values=_NO_YES,
    ),
    Switch(
        question="Does a paid link send PAYMENT beside PAYBYLINK?",
        table="notifications",
        name="kinds",
        values=(f"[{_USUAL}]", f'[{_USUAL}, "PAYMENT"]'),
    ),
    Switch(
        question="Is an expiresTime out of bounds moved into them?",
        table="sandbox",
        name="clamp_expiry",
        values=_NO_YES,
    ),
    Switch(
        question="Are merchantInfo and notifyUrl really required?",
        table="sandbox",
        name="waived",
        values=("[]", '["merchantInfo", "notifyUrl"]'),
    ),
    Switch(
        question="Must totalAmount be the sum of the goods?",
        table="sandbox",
        name="check_sum",
        values=_NO_YES,
    ),
    Switch(
        question='Is "40000.00" refused for a currency without decimals?',
        table="sandbox",
        name="refuse_zero_decimals",
        values=_NO_YES,
    ),
    Switch(
        question="May a merchantLinkId hold more than letters, digits, underscores?",
        table="sandbox",
        name="plain_ids",
        values=_NO_YES,
    ),
    Switch(
        question="Are ids that differ in case alone one?",
        table="sandbox",
        name="fold_ids",
        values=_NO_YES,
    ),
    Switch(
        question="How is a service provider's token header spelt?",
        table="sandbox",
        name="token_headers",
        values=(
            '["merchant_auth_token", "merchantAuthToken"]',
            '["merchant_auth_token"]',
            '["merchantAuthToken"]',
        ),
    ),
    Switch(
        question="How long does a notification wait for its answer?",
        table="notifications",
        name="answer_seconds",
        values=("10", "2"),
    ),
    Switch(
        question="Does the description of a link decide how a test payment ends?",
        table="sandbox",
        name="outcome_from_description",
        values=_NO_YES,
    ),
    Switch(
        question="Are currencies and countries that do not exist refused?",
        table="sandbox",
        name="known_codes",
        values=("true", "false"),
    ),
    Switch(
        question="How long after the payment can an order be refunded, in days?",
        table="sandbox",
        name="refund_days",
        values=("180", "365"),
    ),
    Switch(
        question="In which of the ways of its samples does PayerMax write answers?",
        table="sandbox",
        name="quirks",
        values=("[]", '["amounts-as-text"]', '["every-field"]'),
    ),
)
"""All of them; the guide to the sandbox has the same list."""
