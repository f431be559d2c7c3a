"""Tests of the hooks for observability tools."""
