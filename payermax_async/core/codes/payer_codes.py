"""The gateway's codes about the payer, the payment channel and risk checks.

They arrive as the result of a payment, in notifications and order queries.
Sending the same request again never helps: the payer tries again on the link
while it is active, or the merchant makes a new one. From PayerMax's
"transaction status and error codes" appendix and its older flat list.
"""

from __future__ import annotations

from payermax_async.core.codes.info import CodeInfo, CodeKind, Resend, group

__all__ = ["PAYER_CODES"]

_REFUSALS = {
    "PAYMENT_FAILED": (
        "The provider could not process the payment, or it was not finished in time.",
        "Let the payer try again or choose another payment method.",
    ),
    "PAYMENT_CANCELED": (
        "The payer cancelled the payment at the wallet, bank or provider.",
        "Let the payer start again if the payment is still wanted.",
    ),
    "PAYMENT_REJECTED": (
        "The payment was denied for risk or because its data break a rule.",
        "Let the payer use another payment method, and ask PayerMax if it recurs.",
    ),
    "ISSUER_PAYMENT_REJECTED": (
        "The card's issuer refused the payment on grounds of risk.",
        "Ask the payer to contact the issuer, or to use another card.",
    ),
    "RISK_FAILED": (
        "PayerMax's risk check stopped the payment.",
        "Ask the payer to use another method or a local card without a VPN.",
    ),
    "RISK_BLACK_LIST_FAILED": (
        "The payer is on the merchant's own block list.",
        "Review the block list in the merchant portal.",
    ),
    "DECLINED_BY_MERCHANT_BLACKLIST": (
        "The payer is on the merchant's own block list (an older code).",
        "Review the block list in the merchant portal.",
    ),
    "BALANCE_INSUFFICIENT": (
        "The payer's balance is too small.",
        "Ask the payer to top up or to use another payment method.",
    ),
}

_CHECKS = {
    "AUTHENTICATE_FAILED": (
        "The payer did not pass 3-D Secure.",
        "Ask the payer to try again or to use another card.",
    ),
    "AUTH_FAILED": (
        "The payer's authorisation is missing or did not succeed.",
        "Have the payer authorise the payment method again.",
    ),
    "AUTH_EXPIRED": (
        "The payer's authorisation has expired.",
        "Have the payer bind the payment method again.",
    ),
    "OTP_VERIFY_FAILED": (
        "The one-time password was wrong.",
        "Ask the payer to enter the latest one-time password.",
    ),
    "OTP_VERIFY_LIMIT": (
        "Too many one-time passwords were asked for.",
        "Ask the payer to wait or to use another payment method.",
    ),
    "OVER_VERIFY_LIMIT": (
        "The payer has used up the attempts at verification.",
        "Ask the payer to wait or to use another payment method.",
    ),
    "PIN_INVALID": (
        "The PIN was wrong.",
        "Ask the payer to enter the PIN again.",
    ),
    "PIN_VERIFY_LIMIT": (
        "A wrong PIN was entered too often.",
        "Ask the payer to wait or to use another payment method.",
    ),
    "BARCODE_REFRESH_LIMIT": (
        "The payment barcode was refreshed too often.",
        "Ask the payer to start the payment again later.",
    ),
    "BARCODE_REFRESH_FAILED": (
        "The payment barcode could not be refreshed.",
        "Ask the payer to start the payment again.",
    ),
}

_MEANS = {
    "CARD_INVALID": (
        "The card number is wrong.",
        "Ask the payer to check the card number.",
    ),
    "CARD_EXPIRE_DATE_INVALID": (
        "The card's expiry date is wrong.",
        "Ask the payer to check the expiry date.",
    ),
    "CARD_HOLDER_NAME_INVALID": (
        "The card holder's name is wrong.",
        "Ask the payer to enter the name as printed on the card.",
    ),
    "CVV_INVALID": (
        "The card's security code is wrong.",
        "Ask the payer to check the security code.",
    ),
    "UNSUPPORT_CARD": (
        "This card is not supported.",
        "Ask the payer to use another card.",
    ),
    "ACCOUNT_INVALID": (
        "The payer's account is not valid or not active.",
        "Ask the payer to check the account or to use another one.",
    ),
    "ACCOUNT_BLOCKED": (
        "The payer's account is blocked or frozen.",
        "Ask the payer to use another account, or to contact the provider.",
    ),
}

_DETAILS = {
    "PHONE_NUM_INVALID": (
        "The payer's phone number is wrong.",
        "Ask the payer to correct the phone number.",
    ),
    "EMAIL_INVALID": (
        "The payer's email address is wrong.",
        "Ask the payer to correct the email address.",
    ),
    "UPI_INVALID": (
        "The payer's UPI id is wrong.",
        "Ask the payer to correct the UPI id.",
    ),
    "BANKCODE_INVALID": (
        "The bank code is wrong.",
        "Ask the payer to choose the bank again.",
    ),
    "ID_NUM_INVALID": (
        "The payer's identity number is wrong.",
        "Ask the payer to correct the identity number.",
    ),
    "DOCUMENT_INVALID": (
        "The payer's identity document is not valid.",
        "Ask the payer to correct the document's type and number.",
    ),
    "TCK_INVALID": (
        "The payer's Turkish identity number is wrong.",
        "Ask the payer to correct the TCK number.",
    ),
    "CNIC_INVALID": (
        "The payer's Pakistani identity number is wrong.",
        "Ask the payer to correct the CNIC number.",
    ),
    "DATE_INVALID": (
        "A date the payer gave is wrong.",
        "Ask the payer to correct the date.",
    ),
    "PAYEE_NAME_INVALID": (
        "The payer's name is wrong.",
        "Ask the payer to correct the name.",
    ),
    "REMARK_INVALID": (
        "The remark holds something that is not allowed.",
        "Correct the remark.",
    ),
}

PAYER_CODES: tuple[CodeInfo, ...] = group(
    CodeKind.PAYER, Resend.NO, {**_REFUSALS, **_CHECKS, **_MEANS, **_DETAILS}
)
"""Every known code about a payer's payment."""
