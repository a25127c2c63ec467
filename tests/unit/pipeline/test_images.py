from __future__ import annotations

import pytest
from recordings import step

from pytest_flowrepro.model import Decorator
from pytest_flowrepro.pipeline.images import images_by_tag, with_images
from pytest_flowrepro.settings.variables import PassedThrough

DIGEST = "example.org/train@sha256:" + "0" * 64


def notes(name: str, image: str | None, **env: object) -> tuple[str, ...]:
    remote = Decorator(name=name, attributes={"image": image, "cpu": "1"})
    steps = (step("train", decorators=(remote,)),)
    return tuple(images_by_tag(with_images(steps, env)))


@pytest.mark.parametrize("name", ["kubernetes", "batch"])
def test_an_image_by_its_tag_is_reported_with_what_to_do(name: str) -> None:
    (note,) = notes(name, "example.org/train:7")
    assert note.startswith("step train: image example.org/train:7 is a tag, which may refer to")
    assert note.endswith("name a digest (@sha256:...)")


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("example.org/train", True),
        ("localhost:5000/train", True),
        ("train@sha256:0123", True),
        ("train@latest", True),
        (f"{DIGEST}:7", True),
        (DIGEST, False),
        (DIGEST.replace("@", ":7@"), False),
        (None, False),
    ],
)
def test_only_a_whole_digest_is_one_image_for_ever(image: str | None, told: bool) -> None:
    assert bool(notes("kubernetes", image)) == told


@pytest.mark.parametrize(
    ("env", "image"),
    [
        ({"METAFLOW_DEFAULT_CONTAINER_IMAGE": "all:1"}, "all:1"),
        ({"METAFLOW_BATCH_CONTAINER_IMAGE": "batch:1"}, "batch:1"),
        (
            {"METAFLOW_BATCH_CONTAINER_IMAGE": "b:1", "METAFLOW_DEFAULT_CONTAINER_IMAGE": "a:1"},
            "b:1",
        ),
        ({"METAFLOW_BATCH_CONTAINER_IMAGE": DIGEST}, None),
        ({"METAFLOW_KUBERNETES_CONTAINER_IMAGE": "other:1"}, None),
        ({"METAFLOW_DEFAULT_CONTAINER_IMAGE": PassedThrough()}, None),
    ],
)
def test_a_step_without_an_image_gets_the_one_of_the_configuration(
    env: dict[str, object], image: str | None
) -> None:
    found = notes("batch", None, **env)
    assert [note.split()[3] for note in found] == ([image] if image else [])


def test_the_image_of_the_configuration_is_what_the_manifest_names() -> None:
    named = Decorator(name="batch", attributes={"image": "own:1"})
    unnamed = Decorator(name="batch", attributes={"image": None, "cpu": "1"})
    steps = with_images(
        (step("train", decorators=(named,)), step("end", decorators=(unnamed,))),
        {"METAFLOW_DEFAULT_CONTAINER_IMAGE": "all:1"},
    )
    assert [one.decorators[0].attributes for one in steps] == [
        {"image": "own:1"},
        {"image": "all:1", "cpu": "1"},
    ]


def test_a_decorator_that_sends_nothing_elsewhere_has_no_image_to_tell() -> None:
    assert notes("card", "chart:1") == ()
