import os

from metaflow.datastore.artifacts import (
    ArtifactSerializer,
    SerializationFormat,
    SerializationMetadata,
    SerializedBlob,
)


class Shelf(ArtifactSerializer):
    """Blobs of bytes with a name for their encoding."""

    TYPE = None
    PRIORITY = 1

    @classmethod
    def can_serialize(cls, obj):
        return type(obj).__name__.lower() == cls.TYPE

    @classmethod
    def can_deserialize(cls, metadata):
        return metadata.encoding == cls.TYPE + "-v1"

    @classmethod
    def serialize(cls, obj, format=SerializationFormat.STORAGE):
        data, noted = cls.pack(obj)
        named = type(obj).__module__ + "." + type(obj).__name__
        return [SerializedBlob(data)], SerializationMetadata(
            named, len(data), cls.TYPE + "-v1", noted
        )

    @classmethod
    def deserialize(cls, data, metadata=None, format=SerializationFormat.STORAGE):
        return cls.unpack(data[0], metadata)


class JarSerializer(Shelf):
    """More than a megabyte, from which on a pickle need not be loaded again."""

    TYPE = "jar"

    @classmethod
    def pack(cls, obj):
        return b"%d" % obj.grams + b" " * 2_000_000, {}

    @classmethod
    def unpack(cls, data, metadata):
        from jars import Jar

        return Jar(int(data) * 1)


class BrewSerializer(Shelf):
    """Other bytes each time, and the same value."""

    TYPE = "brew"

    @classmethod
    def pack(cls, obj):
        return os.urandom(8) + obj.name.encode(), {}

    @classmethod
    def unpack(cls, data, metadata):
        from jars import Brew

        return Brew(data[8:].decode())


class SealedSerializer(Shelf):
    """What is written is never read again."""

    TYPE = "sealed"

    @classmethod
    def pack(cls, obj):
        return obj.note.encode(), {}

    @classmethod
    def unpack(cls, data, metadata):
        raise ValueError("the seal is broken")
