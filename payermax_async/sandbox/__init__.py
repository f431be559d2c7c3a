"""PayerMax's gateway from the other side, on your own machine.

Import from the modules: ``server`` needs aiohttp, the others do not.
"""
