"""Experiments that a person begins: arms of anything that asks `grace.assign` itself.

Belongs here: beginning and ending them, the flow runs they compare, and what they come to. Does
not: changes that Grace makes, which are proposals and measure themselves.
"""
