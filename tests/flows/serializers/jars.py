"""What the pantry keeps: each class has a serializer in `ext`."""


class Jar:
    def __init__(self, grams):
        self.grams = grams


class Crate:
    def __init__(self, cells, shape):
        self.cells, self.shape = cells, shape


class Brew:
    def __init__(self, name):
        self.name = name


class Sealed:
    def __init__(self, note):
        self.note = note
