"""The HTTP side of a webhook: headers, bodies, bounds, in any framework."""
