"""What is true of the gateway: values, rules and wire forms, without any I/O."""
