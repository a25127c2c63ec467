"""Which files start a flow, and what they import; nothing is run."""
