"""From the inbox to the merchant's handlers, and how each entry ends."""
