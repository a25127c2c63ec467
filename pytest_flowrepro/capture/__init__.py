"""Artifacts and logs of a run, read back from its datastore."""
