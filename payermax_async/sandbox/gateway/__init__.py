"""From a request's bytes to the reply's: authenticate, read, decide, sign."""
