"""The differences between two values of an artifact, as lines that name the places."""
