"""What the gateway can do, as data, and how the outcome of a write is found out."""
