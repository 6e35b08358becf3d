"""The tamper-evident log: encodings, Merkle tree, tiles, checkpoints, signing, verification.

What hashes (`encoding`, `entry`, `merkle`, `tiles`, `note`, `checkpoint`) knows no database and
no clock; `tile_table`, `signer` and `verify` bring the two together. Nothing here decides what is
logged: that is the store's.
"""
