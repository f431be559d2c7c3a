"""What the gateway posts to the merchant, and how often."""
