"""The review of a failed check without a rerun: its changes, accepted into the baseline or not."""
