"""Mistakes planted in the product, and the simulated world that has to find them."""
