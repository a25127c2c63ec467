"""The files that declare requirements, one module for each format."""
