"""What could be better, found in the log and drawn up as a proposal.

Belongs here: the analysis of a frame, the evidence it gives, and the proposal that follows. Does
not: reading logs, asking people, or changing anything.
"""
