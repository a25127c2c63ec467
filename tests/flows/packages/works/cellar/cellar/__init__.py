import toml

JARS = toml.loads("jars = 12")["jars"]
