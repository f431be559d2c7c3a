"""What a notification means to a shop, as typed events."""
