"""Tests of the sandbox: a gateway of your own."""
