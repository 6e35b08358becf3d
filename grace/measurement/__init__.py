"""Whether a change helped: the plan fixed beforehand, its blocks, and what they say."""
