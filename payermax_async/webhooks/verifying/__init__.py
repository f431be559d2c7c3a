"""Whether it is PayerMax's word, for this endpoint, and what it says."""
