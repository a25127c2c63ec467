"""The code package of a flow, and the stand-ins for git and local packages in its copy."""
