"""Where notifications are kept: what is stored, in which order, who handles it."""
