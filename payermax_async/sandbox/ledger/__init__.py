"""The gateway's rules: values in, values and events out."""
