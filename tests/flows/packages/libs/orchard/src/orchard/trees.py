from dataclasses import dataclass

import toml


@dataclass
class Tree:
    fruit: str
    rows: int


def pear():
    return Tree("pear", toml.loads("rows = 3")["rows"])
