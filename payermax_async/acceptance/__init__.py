"""From the test environment to PayerMax's acceptance: what is tried, and its evidence.

``payermax acceptance`` is made of it. :data:`CASES` is the table of what is tried,
:func:`walk_cases` tries it, :func:`write_evidence` and :func:`write_pack` write what
was seen, without persons and secrets.
"""

from __future__ import annotations

from payermax_async.acceptance.cases import CASES
from payermax_async.acceptance.evidence import (
    CaseResult,
    CaseVerdict,
    Evidence,
    read_evidence,
    write_evidence,
)
from payermax_async.acceptance.helpers import BuyerAsked, LinkPayer, PaymentEnd, Witness
from payermax_async.acceptance.pack import headline_of, write_pack
from payermax_async.acceptance.recorder import EvidenceTransport
from payermax_async.acceptance.walk import AcceptanceOrder, AcceptanceWalk, walk_cases
from payermax_async.acceptance.witnesses import InboxWitness

__all__ = [
    "CASES",
    "AcceptanceOrder",
    "AcceptanceWalk",
    "BuyerAsked",
    "CaseResult",
    "CaseVerdict",
    "Evidence",
    "EvidenceTransport",
    "InboxWitness",
    "LinkPayer",
    "PaymentEnd",
    "Witness",
    "headline_of",
    "read_evidence",
    "walk_cases",
    "write_evidence",
    "write_pack",
]
