"""Measurements that print ratios against a floor taken in the same run."""
