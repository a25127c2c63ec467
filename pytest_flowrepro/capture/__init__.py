"""What a run left in its datastore, as values."""
