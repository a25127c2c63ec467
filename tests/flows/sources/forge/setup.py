from setuptools import setup

setup(
    name="forge",
    version="1.0",
    python_requires=">=3.11",
    install_requires=["metaflow", "toml==0.10.1", "six"],
)
