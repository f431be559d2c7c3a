"""Look into the sandbox and act on it, for this machine alone."""
