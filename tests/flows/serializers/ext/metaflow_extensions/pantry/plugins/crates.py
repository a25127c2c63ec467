from jars import Crate  # the flow's own module: Metaflow waits until it can be imported

from .shelves import Shelf


class CrateSerializer(Shelf):
    """The shape is no part of the blob."""

    TYPE = "crate"

    @classmethod
    def pack(cls, obj):
        return bytes(obj.cells), {"shape": list(obj.shape)}

    @classmethod
    def unpack(cls, data, metadata):
        return Crate(list(data), tuple(metadata.serializer_info["shape"]))
