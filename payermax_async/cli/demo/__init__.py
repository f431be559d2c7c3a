"""``payermax demo``: the whole story of a payment link, told as it happens."""
