"""The gateway's codes: what each means, and what to do about it."""
