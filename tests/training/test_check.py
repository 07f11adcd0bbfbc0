"""What is said about data before a training; each finding with what causes it, and without."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from napari_umis_fusion.preprocess._grey import itu601_grey
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.training import Preparing, TrainingConfig
from napari_umis_fusion.training.data import ImageSet, check_images, iter_check
from napari_umis_fusion.training.data._duplicates import iter_duplicates
from napari_umis_fusion.training.data._findings import MIN_SHARPNESS
from napari_umis_fusion.training.data._image_quality import measure_quality, sharpness, thumbnail

RNG = np.random.default_rng(0)


def picture(seed=0, shape=(256, 300)):
    """Return a sharp picture: discs of every size and shade, one over the other."""
    rng = np.random.default_rng(seed)
    image = np.full(shape, 0.4, np.float32)
    y, x = np.ogrid[: shape[0], : shape[1]]
    for radius in np.geomspace(60, 2, 400):
        centre_y, centre_x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        inside = np.clip(radius - np.hypot(y - centre_y, x - centre_x) + 0.5, 0, 1)
        image += (rng.uniform(0.1, 0.9) - image) * inside.astype(np.float32)
    return image


def noisy(image, sigma):
    return np.clip(image + sigma * RNG.standard_normal(image.shape), 0, 1).astype(np.float32)


PICTURES = [picture(seed) for seed in range(12)]


def an_image_set(images, sources=None):
    names = tuple(f"folder/{k}.png" for k in range(len(images)))
    return ImageSet(tuple(images), names, tuple(sources or ["all"] * len(images)))


def kinds(images, **options):
    report = check_images(an_image_set(images), TrainingConfig(validation_share=0.3, **options))
    return {finding.kind: finding for finding in report.findings}


def test_good_data_has_nothing_against_it():
    assert kinds(PICTURES) == {}


@pytest.mark.parametrize(
    ("spoil", "kind", "severity"),
    [
        (lambda image: gaussian_filter(image, 3), "blurred", "warning"),
        (lambda image: noisy(gaussian_filter(image, 3), 0.01), "blurred", "warning"),
        (lambda image: noisy(np.full_like(image, 0.5), 0.1), "noisy", "warning"),
        (lambda image: 0.5 + image / 255, "empty", "warning"),
        (lambda image: np.where(np.arange(300) < 4, image, 0.5), "empty", "warning"),
        (lambda image: np.clip(image + 0.4, 0, 1), "bright", "warning"),
        (lambda image: np.clip(image - 0.6, 0, 1), "dark", "note"),
        (lambda image: image[:, :150], "small", "warning"),
    ],
    ids=["blurred", "blurred and noisy", "noise", "flat", "bare", "bright", "dark", "small"],
)
def test_each_fault_is_found_in_the_image_that_has_it(spoil, kind, severity):
    images = [*PICTURES[:5], spoil(PICTURES[5]).astype(np.float32), *PICTURES[6:]]
    found = kinds(images)
    assert set(found) == {kind}
    assert found[kind].severity == severity
    assert found[kind].images == ("folder/5.png",)
    assert ": 1 of 12 images (5.png). " in found[kind].text


@pytest.mark.parametrize("change", ["contrast", "brightness", "inverted", "noise", "part"])
def test_sharpness_is_that_of_focus_alone(change):
    for image in PICTURES[:4]:
        changed = {
            "contrast": 0.5 + (image - 0.5) / 8,
            "brightness": image / 2,
            "inverted": 1 - image,
            "noise": noisy(image, 0.02),
            "part": np.where(np.arange(300) < 150, image, gaussian_filter(image, 4)),
        }[change].astype(np.float32)
        assert sharpness(changed) == pytest.approx(sharpness(image), rel=0.2)


def test_sharpness_falls_with_blur():
    for image in PICTURES[:4]:
        values = [sharpness(gaussian_filter(image, sigma)) for sigma in (0, 1, 2, 3, 5)]
        assert values == sorted(values, reverse=True)
        assert values[0] > 2 * MIN_SHARPNESS > MIN_SHARPNESS > values[3]


REAL = ("astronaut", "camera", "coffee", "coins", "immunohistochemistry", "page", "retina")
"""Sharp images that scikit-image comes with."""


def test_sharpness_tells_real_images_from_blurred_ones():
    images = [itu601_grey(getattr(data, name)()) / np.float32(255) for name in REAL]
    assert min(sharpness(image) for image in images) > MIN_SHARPNESS
    assert max(sharpness(gaussian_filter(image, 3)) for image in images) < MIN_SHARPNESS


@pytest.mark.parametrize("shape", [(1, 1), (3, 64), (32, 33), (64, 65), (130, 700)])
def test_any_shape_can_be_looked_at(shape):
    quality = measure_quality(RNG.random(shape, np.float32))
    assert 0 <= quality.detail <= 1
    assert quality.thumbnail.shape == measure_quality(PICTURES[0]).thumbnail.shape


COPIES = {
    "itself": lambda image: image.copy(),
    "brighter": lambda image: np.clip(image * 1.2 + 0.05, 0, 1),
    "gamma": lambda image: image**1.2,
    "8 bit": lambda image: np.rint(image * 255) / 255,
    "smaller": lambda image: image[::2, ::2],
    "noisy": lambda image: noisy(image, 0.03),
    "blurred": lambda image: gaussian_filter(image, 1.5),
}


@pytest.mark.parametrize("copy", COPIES)
def test_copies_are_found(copy):
    images = [*PICTURES, COPIES[copy](PICTURES[3]).astype(np.float32)]
    thumbnails = np.stack([thumbnail(image) for image in images])
    assert run_to_end(iter_duplicates(thumbnails)) == [[3, 12]]


def test_copies_are_grouped_over_all_blocks_and_flat_ones_left_alone():
    thumbnails = np.stack([thumbnail(image) for image in PICTURES])
    many = RNG.permutation(np.concatenate([thumbnails, np.zeros((600, thumbnails.shape[1]))]))
    assert run_to_end(iter_duplicates(many.astype(np.float32))) == []
    many[[5, 300, 610]] = thumbnails[0] + 0.001
    groups = run_to_end(iter_duplicates(many.astype(np.float32)))
    assert len(groups) == 1
    assert {5, 300, 610} <= set(groups[0])


@pytest.mark.parametrize(("across", "severity"), [(True, "warning"), (False, "note")])
def test_copies_on_both_sides_of_the_split_are_worse(across, severity):
    config = TrainingConfig(validation_share=0.3)
    images = list(PICTURES)
    learn, held_out, _ = an_image_set(images).split_indices(0.3, 0.0, config.seed)
    first, second = learn[0], (held_out if across else learn)[-1]
    images[second] = images[first]
    found = kinds(images)
    assert set(found) == {"copies"}
    assert found["copies"].severity == severity
    assert set(found["copies"].images) == {f"folder/{first}.png", f"folder/{second}.png"}
    assert ("validation set" in found["copies"].text) == across


@pytest.mark.parametrize(("patch_px", "found"), [(128, set()), (256, {"small"})])
def test_too_small_depends_on_the_patch(patch_px, found):
    assert set(kinds(PICTURES, patch_px=patch_px)) == found


def test_too_small_for_the_published_recipe_is_half_of_what_all_are_brought_to():
    sizes = {"objective": "reconstruct", "width_px": 600, "height_px": 512}
    assert set(kinds(PICTURES, **sizes)) == set()
    assert set(kinds(PICTURES, **{**sizes, "width_px": 610})) == {"small"}


def test_few_images_are_told_of_by_their_parts():
    found = kinds(PICTURES[:4], test_share=0.2)
    assert set(found) == {"few", "split"}
    assert found["few"].text.startswith("4 images only")
    report = check_images(an_image_set(PICTURES[:2]), TrainingConfig(test_share=0.2))
    assert report.split == (1, 1, 0)
    assert any("weights on the validation set" in one.text for one in report.findings)
    alone = check_images(an_image_set(PICTURES[:1]))
    assert alone.split == ()
    assert alone.lines()[1].startswith("warning: 1 image only")


def test_one_source_that_outweighs_the_others():
    images = an_image_set(PICTURES, ["big"] * 11 + ["rare"])
    report = check_images(images, TrainingConfig(validation_share=0.3))
    assert [finding.kind for finding in report.findings] == ["one_source"]
    assert "11 of 12 images come from big" in report.findings[0].text
    assert list(report.sources.items()) == [("big", 11), ("rare", 1)]


def test_the_report_reads_from_numbers_to_what_is_left_out():
    images = [*PICTURES[:9], gaussian_filter(PICTURES[9], 3), np.clip(PICTURES[10] - 0.6, 0, 1)]
    given = an_image_set(images, ["a"] * 5 + ["b"] * 6)
    given = ImageSet(given.images, given.names, given.sources, ("c.png: broken",))
    lines = check_images(given, TrainingConfig(validation_share=0.3, test_share=0.2)).lines()
    assert lines[0] == "11 images, 0.845 megapixels (3.38 MB), from b (6), a (5)"
    assert lines[1] == "6 for training, 3 for validation, 2 for comparison"
    assert lines[2].startswith("warning: Out of focus: 1 of 11 images (9.png). The network")
    assert lines[3].startswith(
        "note: Black in more than 50% of the pixels: 1 of 11 images (10.png)"
    )
    assert lines[4:] == ["left out: c.png: broken"]


def test_every_image_is_told_of_and_it_can_be_abandoned():
    images = an_image_set(PICTURES)
    events = list(iter_check(images))
    assert all(isinstance(event, Preparing) for event in events)
    assert len({event.what for event in events}) >= len(images)
    begun = iter_check(images)
    next(begun)
    begun.close()
