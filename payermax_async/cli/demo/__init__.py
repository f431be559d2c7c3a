"""``payermax demo``: a payment link from creation to paid, shown as it happens."""
