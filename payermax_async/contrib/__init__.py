"""Hooks for observability tools, each imported only when its module is."""
