"""The readable form of a value, and the files that hold full values."""
