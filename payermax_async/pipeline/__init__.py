"""What happens between a request model and the transport."""
