"""The container images of remote steps, which a rerun on this machine does not use."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_flowrepro.model import Decorator, Step

REMOTE = frozenset({"batch", "kubernetes"})

_DIGEST = re.compile(r"@sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$")


def with_images(steps: tuple[Step, ...], env: Mapping[str, object]) -> tuple[Step, ...]:
    """Return the steps with the configured image for each remote decorator without one.

    `env` is the configured environment of the flow. Metaflow takes the image from there
    (metaflow/metaflow_config.py); its default is Metaflow's own choice.
    """

    def complete(decorator: Decorator) -> Decorator:
        variable = f"METAFLOW_{decorator.name.upper()}_CONTAINER_IMAGE"
        default = env.get(variable) or env.get("METAFLOW_DEFAULT_CONTAINER_IMAGE")
        if decorator.name not in REMOTE or not isinstance(default, str):
            return decorator
        if not isinstance(decorator.attributes, dict) or decorator.attributes.get("image"):
            return decorator
        return replace(decorator, attributes={**decorator.attributes, "image": default})

    return tuple(replace(step, decorators=tuple(map(complete, step.decorators))) for step in steps)


def images_by_tag(steps: tuple[Step, ...]) -> Iterator[str]:
    """Yield a sentence for each remote step whose image is named by a tag, or by its name only."""
    for step in steps:
        for decorator in step.decorators:
            if decorator.name in REMOTE and isinstance(decorator.attributes, dict):
                image = decorator.attributes.get("image")
                if isinstance(image, str) and not _DIGEST.search(image):
                    what = f"step {step.name}: image {image} is a tag"
                    why = "which may refer to another image later"
                    yield f"{what}, {why}; name a digest (@sha256:...)"
