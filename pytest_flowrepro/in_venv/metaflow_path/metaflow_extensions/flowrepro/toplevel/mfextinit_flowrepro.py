"""Names the module that Metaflow imports once the rest of it is there."""

toplevel = "flowrepro_select"
