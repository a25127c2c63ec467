ARTIFACT_SERIALIZERS_DESC = [
    ("jar", ".shelves.JarSerializer"),
    ("crate", ".crates.CrateSerializer"),
    ("brew", ".shelves.BrewSerializer"),
    ("sealed", ".shelves.SealedSerializer"),
]
