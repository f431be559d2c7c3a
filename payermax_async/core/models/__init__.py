"""The gateway's requests, replies and notifications as attrs classes."""
