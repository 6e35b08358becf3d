"""Statistics that stay true however often one looks: the evidence gate, switchbacks, discoveries.

Pure functions of numbers and times. No files, no database, no clock, no pandas; what they are
given is what they judge. Loading a stream, and acting on a verdict, belong to other rooms.
"""
