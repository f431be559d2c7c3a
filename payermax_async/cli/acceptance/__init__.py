"""``payermax acceptance``: walks what a link merchant needs, and keeps the evidence."""
