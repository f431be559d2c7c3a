"""What somebody should look at, told once and without secrets."""
