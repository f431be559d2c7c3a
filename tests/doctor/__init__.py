"""The doctor: each check, and what it says."""
