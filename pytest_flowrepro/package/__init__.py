"""The code package of a flow, and what stands for git and for local packages in its copy."""
