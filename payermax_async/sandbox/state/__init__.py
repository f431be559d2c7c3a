"""What the sandbox keeps: keys, and everything in a file."""
