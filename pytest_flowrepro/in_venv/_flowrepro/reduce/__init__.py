"""Any other object as named parts, by its pickle reduction or its source code."""
