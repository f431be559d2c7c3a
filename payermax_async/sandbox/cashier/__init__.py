"""The page behind a payment link: forms in, pages and redirections out.

The rules stay in the ledger and HTTP in the server; a page is a view rendered by a
template that lies beside it.
"""
