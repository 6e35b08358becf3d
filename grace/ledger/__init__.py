"""The transparency log as mathematics: row encoding, entries, tree, tiles, signed checkpoints.

Belongs here: bytes in, bytes out, each after a cited specification. Does not: a database, a file or
a clock. The store grows the tree; `grace.notary` signs it and checks it.
"""
