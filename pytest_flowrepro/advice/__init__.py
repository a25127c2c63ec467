"""What a failure means, from the words of a step or of Metaflow, and the lines to add."""
