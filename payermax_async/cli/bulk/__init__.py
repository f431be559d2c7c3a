"""``payermax bulk``: from a spreadsheet to links, each exactly once."""
