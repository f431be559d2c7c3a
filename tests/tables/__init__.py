"""Tables that code is written from, and the scripts that write it."""
