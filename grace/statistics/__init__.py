"""Statistics that stay true however often one looks: the evidence gate, switchbacks, discoveries.

Pure functions of numbers and times. No files, no database, no clock; what they are given is what
they judge. Change points stand apart: they tell since when, and judge nothing. Loading a stream,
and acting on a verdict, belong to other rooms.
"""
