"""The formats of locks and requirements as values: parsed, checked, written."""
