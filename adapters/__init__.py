"""How we speak with mailing platforms and suppliers of contacts: the middle floor.

Invariant: it may import state and never console. Importing this package
loads no adapter; the registry imports one when it is needed.
"""
