"""The signer and the verifier of the log: where the tree, the database and the key meet.

Writers never hold the key. Belongs here: signing the tree's head, and checking the rows, the tree
and the checkpoints against each other. Does not: hashing itself (`grace.ledger`).
"""
