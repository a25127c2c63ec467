"""Artifacts and logs of a run, read from its datastore."""
