"""The module that Metaflow imports once the rest of it is loaded."""

toplevel = "flowrepro_select"
