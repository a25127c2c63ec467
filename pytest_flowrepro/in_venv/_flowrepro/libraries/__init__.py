"""Rules for the values of libraries: one module for each kind of library."""
