"""The differences between two values of an artifact, as sentences with places."""
